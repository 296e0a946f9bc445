import { closeSync, constants, fchownSync, openSync } from 'node:fs';
import type { SandboxUser } from './user.js';

const { O_WRONLY, O_APPEND, O_CREAT, O_NOFOLLOW } = constants;

/** Opens a script's output file for appending. */
export const openOutputFile = (path: string): number =>
  openSync(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, 0o600);

/**
 * Makes the output file of a script that writes to it itself.
 * @param owner of the file, where the script runs as another user: writing to /dev/stderr opens it anew. Its
 *   directory need not be reachable for that.
 * @returns how it is to be opened for the script
 */
export function makeOutputFile(
  path: string,
  owner: SandboxUser | undefined,
): { open: string; flags: number } {
  const fd = openOutputFile(path);
  try {
    if (owner) fchownSync(fd, owner.uid, owner.gid);
  } finally {
    closeSync(fd);
  }
  return { open: path, flags: O_WRONLY | O_APPEND | O_NOFOLLOW };
}
