import { closeSync, constants, fchownSync, openSync } from 'node:fs';
import type { SandboxUser } from './user.js';

/** Opens a script's output file for appending. */
export function openOutputFile(path: string): number {
  const { O_WRONLY, O_APPEND, O_CREAT, O_NOFOLLOW } = constants;
  return openSync(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, 0o600);
}

/**
 * Opens the output file of a script that writes to it itself, and gives the file descriptor to `use`; closed here
 * afterwards (the script has its own by then).
 * @param owner of the file, where the script runs as another user: writing to /dev/stderr opens it anew. Its
 *   directory need not be reachable for that.
 */
export function withOutputFile<T>(path: string, owner: SandboxUser | undefined, use: (fd: number) => T): T {
  const fd = openOutputFile(path);
  try {
    if (owner) fchownSync(fd, owner.uid, owner.gid);
    return use(fd);
  } finally {
    closeSync(fd);
  }
}
