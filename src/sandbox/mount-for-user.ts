import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SandboxUser } from './user.js';

/** Exists wherever bubblewrap works, and no directory that is shown to a sandbox lies in it. */
const MOUNT_ROOT = '/dev/shm';

/** @param tableFd where it reads what is to be mounted: a regular file, as mount(8) refuses a pipe */
const program = (tableFd: number): string => `set -e
mount -a -T /dev/fd/${tableFd}
exec setpriv --reuid "$1" --regid "$2" --clear-groups -- "\${@:3}" ${tableFd}<&-`;

/**
 * As root, a workspace may lie where the unprivileged user can't go (/root, a DATA_DIR of mode 0700), and
 * bubblewrap, which runs as that user, resolves every path itself, even --bind-fd's. So such directories are
 * first mounted where it can go, in a mount namespace that ends with it. (Not by a bubblewrap around it: its
 * capabilities gone, the kernel would not let it end the inner one when it is killed.)
 *
 * @returns the command line to put in front of what is to run as `user`, which it becomes; the path by which that
 *   finds each directory; and what it must find on TABLE_FD
 */
export function mountForUser(
  user: SandboxUser,
  directories: string[],
  tableFd: number,
): { prefix: string[]; sourceOf: (path: string) => string; table: string } {
  const placeOf = (index: number) => `${MOUNT_ROOT}/${index}`;
  const table = directories.map(
    (directory, index) => `${escaped(directory)} ${placeOf(index)} none rbind,X-mount.mkdir 0 0\n`,
  );
  return {
    table: `codegenapp ${MOUNT_ROOT} tmpfs mode=755,size=1m 0 0\n${table.join('')}`,
    prefix: [
      ...['unshare', '--mount', '--propagation', 'private', '--', '/bin/bash', '-p', '-c', program(tableFd)],
      ...['mount-for-user', String(user.uid), String(user.gid)],
    ],
    sourceOf: (path) => {
      const index = directories.indexOf(path);
      return index < 0 ? path : placeOf(index);
    },
  };
}

/** fstab(5): blanks and the backslash in octal. */
function escaped(path: string): string {
  return path.replace(/[\s\\]/g, (blank) => `\\${blank.charCodeAt(0).toString(8).padStart(3, '0')}`);
}

/** Gives a file with the text to `use`, after which it is gone. */
export async function withTextFile<T>(text: string, use: (file: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'codegenapp-mount-'));
  const file = join(folder, 'table');
  try {
    await writeFile(file, text, { mode: 0o600 });
    return await use(file);
  } finally {
    await rm(folder, { recursive: true });
  }
}
