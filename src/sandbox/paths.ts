import { stat } from 'node:fs/promises';
import { dirname, sep } from 'node:path';
import type { SandboxUser } from './user.js';

/** Whether `path` is `directory` or lies in it; both absolute and without `..`. */
export function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory.endsWith(sep) ? directory : directory + sep);
}

/** Whether `user` may pass through every directory above `path` (by mode; access lists are not looked at). */
export async function isReachableBy(user: SandboxUser, path: string): Promise<boolean> {
  for (let directory = dirname(path); ; directory = dirname(directory)) {
    const { mode, uid, gid } = await stat(directory);
    const needed = uid === user.uid ? 0o100 : gid === user.gid ? 0o010 : 0o001;
    if ((mode & needed) === 0) return false;
    if (directory === dirname(directory)) return true;
  }
}
