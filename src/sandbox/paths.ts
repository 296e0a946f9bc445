import { statSync } from 'node:fs';
import { dirname, sep } from 'node:path';
import type { SandboxUser } from './user.js';

/** Whether `path` is `directory` or lies in it; both absolute and without `..`. */
export function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory.endsWith(sep) ? directory : directory + sep);
}

/** Whether `user` may pass through every directory above `path`: see canPassThrough(). */
export const isReachableBy = (user: SandboxUser, path: string): boolean =>
  canPassThrough(user, dirname(path));

/**
 * Whether `user` may pass through a directory and all above it (by mode; access lists are not looked at). At once: as
 * these are in use, the kernel has them at hand, and to have another thread ask takes twenty times as long.
 */
export function canPassThrough(user: SandboxUser, directory: string): boolean {
  const { mode, uid, gid } = statSync(directory);
  const needed = uid === user.uid ? 0o100 : gid === user.gid ? 0o010 : 0o001;
  if ((mode & needed) === 0) return false;
  return directory === dirname(directory) || canPassThrough(user, dirname(directory));
}

/** Those of some paths that `user` can't come to: see canPassThrough(). */
export function unreachable(user: SandboxUser, paths: string[]): string[] {
  // A workspace and its home lie in the same folder.
  const folders = [...new Set(paths.map((path) => dirname(path)))];
  const closed = folders.filter((folder) => !canPassThrough(user, folder));
  return paths.filter((path) => closed.includes(dirname(path)));
}
