/**
 * What runs a pull request's commands. A backend promises:
 *
 * - `start` resolves once the script runs; a sandbox that could not be set up rejects with SandboxError
 *   (a fault of ours, never the pull request's).
 * - The script sees the workspace as its only writable place (besides a private /tmp), the given environment
 *   and nothing of the server's, and writes stdout and stderr straight to the output file.
 * - `exited` settles when the script itself ended, even if a process it started holds the output open.
 *   It rejects with SandboxError when the machinery, not the script, broke.
 * - `stop` ends every process the script started, also those that changed session or ignore signals, and
 *   resolves when none is left. It is safe to call twice, before and after the exit.
 * - Without `keepAlive`, all is stopped as soon as the script ends. With it (a preview), what the script left
 *   running lives until `stop`.
 * - If this process dies, everything it started dies.
 */
export interface Sandbox {
  readonly name: 'bubblewrap' | 'plain';
  start(command: SandboxCommand): Promise<SandboxProcess>;
}

export interface SandboxCommand {
  /** Run by `bash -eo pipefail`, in `workspace`. */
  script: string;
  /** Absolute path on this machine; appears at the same path inside. */
  workspace: string;
  /** The whole environment of the script. PATH, HOME, TMPDIR, LANG get defaults when not named. */
  environment: Record<string, string>;
  /** Absolute path of a file that stdout and stderr are appended to; created if missing. */
  output: string;
  /** `none`: loopback only. */
  network: 'shared' | 'none';
  keepAlive?: boolean;
  limits?: Partial<SandboxLimits>;
}

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
  /** Null when a signal ended it. */
  code: number | null;
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
