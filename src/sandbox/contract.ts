import type { ProcessGroup } from './cgroup.js';

/**
 * What runs a pull request's commands. A backend promises:
 *
 * - `start` resolves once the script runs; a sandbox that could not be set up rejects with SandboxError
 *   (a fault of ours, never the pull request's).
 * - The script sees the workspace and `home` as its only writable places (besides a private /tmp), the given
 *   environment and nothing of the server's, and writes stdout and stderr straight to the output file.
 * - `exited` settles when the script itself ended, even if a process it started holds the output open.
 *   It rejects with SandboxError when the machinery, not the script, broke.
 * - `stop` ends every process the script started, also those that changed session or ignore signals, and
 *   resolves when none is left. It is safe to call twice, before and after the exit.
 * - Without `keepAlive`, all is stopped as soon as the script ends, before `exited` settles. With it (a
 *   preview), what the script left running lives until `stop`.
 * - If this process dies, everything it started dies.
 *
 * A backend that is not `isolated` keeps these but for what the script can see and reach: it reads what its
 * user can read, and `network: 'none'` and `expose` change nothing.
 */
export interface Sandbox {
  readonly name: 'bubblewrap' | 'plain';
  readonly isolated: boolean;
  start(command: SandboxCommand): Promise<SandboxProcess>;
}

export interface SandboxCommand {
  /** Run by `bash -eo pipefail`, in `workspace`; at most 128 KiB, the kernel's bound for one argument. */
  script: string;
  /** Absolute path on this machine; appears at the same path inside. */
  workspace: string;
  /**
   * Absolute path of an existing directory that is HOME inside, at the same path, and outlives the script: what
   * setup installs there (caches, browsers) test finds again. Without it HOME lies in the private /tmp.
   */
  home?: string;
  /**
   * Where workspace and home appear inside instead, the same for every run of a project: what installers write into
   * files (virtual environments, stores) then holds in another workspace too. A backend that is not `isolated` can't.
   */
  inside?: { workspace: string; home: string };
  /** The whole environment of the script. PATH, HOME, TMPDIR, LANG, SHELL get defaults when not named. */
  environment: Record<string, string>;
  /** Absolute path of a file that stdout and stderr are appended to; created (0600) if missing. */
  output: string;
  /** `none`: loopback only. */
  network: 'shared' | 'none';
  /** With network `none`: 127.0.0.1:port of this machine leads to 127.0.0.1:port inside. */
  expose?: { port: number };
  keepAlive?: boolean;
  limits?: Partial<SandboxLimits>;
  /** Joined before anything of the script runs: its totals bound all sandboxes that join it. */
  group?: ProcessGroup | undefined;
}

/** Bounds of each process, except `processes` (all of one sandbox) and `tmpBytes` (its private /tmp, in RAM). */
export interface SandboxLimits {
  processes: number;
  openFiles: number;
  fileBytes: number;
  memoryBytes: number;
  tmpBytes: number;
}

export const DEFAULT_SANDBOX_LIMITS: SandboxLimits = {
  processes: 512,
  openFiles: 4096,
  fileBytes: 2 * 1024 ** 3,
  memoryBytes: 4 * 1024 ** 3,
  tmpBytes: 512 * 1024 ** 2,
};

export interface ScriptExit {
  /** As shells report it, so 128 + n where signal n ended the script; null when `stop` ended it. */
  code: number | null;
  /** The signal that `code` stands for, or SIGKILL when `stop` ended the script. */
  signal: NodeJS.Signals | null;
}

export interface SandboxProcess {
  readonly exited: Promise<ScriptExit>;
  stop(): Promise<void>;
}

/** The sandbox itself could not be set up or broke: ours to mend, never a failed stage. */
export class SandboxError extends Error {
  override name = 'SandboxError';
}
