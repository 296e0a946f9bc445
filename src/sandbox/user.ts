/** Not the id of anyone on the distributions we know, and below 65534 (nobody). */
const SANDBOX_UID = 60999;

export interface SandboxUser {
  uid: number;
  gid: number;
}

/**
 * Who runs pull-request code when this process is root: workspaces and homes must be handed to this user (chown)
 * before a script runs in them. Undefined when we are not root: scripts then run as ourselves.
 */
export function sandboxUser(): SandboxUser | undefined {
  return process.getuid?.() === 0 ? { uid: SANDBOX_UID, gid: SANDBOX_UID } : undefined;
}
