import type { SandboxUser } from './user.js';

/** Exists wherever bubblewrap works, and no directory that is shown to a sandbox lies in it. */
const MOUNT_ROOT = '/dev/shm';

const PROGRAM = `set -e
mount -t tmpfs -o mode=755,size=1m codegenapp ${MOUNT_ROOT}
printf %s "$1" > ${MOUNT_ROOT}/table
mount -a -T ${MOUNT_ROOT}/table
exec setpriv --reuid "$2" --regid "$3" --clear-groups -- "\${@:4}"`;

/**
 * As root, a workspace may lie where the unprivileged user can't go (/root, a DATA_DIR of mode 0700), and
 * bubblewrap, which runs as that user, resolves every path itself, even --bind-fd's. So such directories are
 * first mounted where it can go, in a mount namespace that ends with it. (Not by a bubblewrap around it: its
 * capabilities gone, the kernel would not let it end the inner one when it is killed.)
 *
 * @returns the command line to put in front of what is to run as `user`, which it becomes, and the path by which
 *   that finds each directory
 */
export function mountForUser(
  user: SandboxUser,
  directories: string[],
): { prefix: string[]; sourceOf: (path: string) => string } {
  const placeOf = (index: number) => `${MOUNT_ROOT}/${index}`;
  const table = directories.map(
    (directory, index) => `${escaped(directory)} ${placeOf(index)} none rbind,X-mount.mkdir 0 0\n`,
  );
  return {
    prefix: [
      ...['unshare', '--mount', '--propagation', 'private', '--', '/bin/bash', '-p', '-c', PROGRAM],
      ...['mount-for-user', table.join(''), String(user.uid), String(user.gid)],
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
