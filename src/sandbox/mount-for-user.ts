import type { SandboxUser } from './user.js';

/** Exists wherever bubblewrap works, and no directory that is shown to a sandbox lies in it. */
const MOUNT_ROOT = '/dev/shm';

/**
 * As root, a workspace may lie where the unprivileged user can't go (/root, a DATA_DIR of mode 0700), and
 * bubblewrap, which runs as that user, resolves every path itself, even --bind-fd's. So such directories are
 * first mounted where it can go, in a mount namespace of its own that ends with it.
 *
 * @returns the command line to put in front of bubblewrap's, run as root, which becomes bubblewrap as `user`;
 *   and the path by which bubblewrap finds each directory
 */
export function mountForUser(
  user: SandboxUser,
  directories: string[],
): { prefix: string[]; sourceOf: (path: string) => string } {
  const program = `set -e
root=$1 uid=$2 gid=$3 i=0
shift 3
mount -t tmpfs -o mode=755,size=64k,nr_inodes=256 codegenapp "$root"
while [ "$1" != -- ]; do
  mkdir "$root/$i"
  mount --rbind "$1" "$root/$i"
  i=$((i + 1))
  shift
done
shift
exec setpriv --reuid "$uid" --regid "$gid" --clear-groups -- "$@"`;
  return {
    prefix: [
      ...['unshare', '--mount', '--propagation', 'private', '--', '/bin/bash', '-p', '-c', program],
      ...['mount-for-user', MOUNT_ROOT, String(user.uid), String(user.gid), ...directories, '--'],
    ],
    sourceOf: (path) => {
      const index = directories.indexOf(path);
      return index < 0 ? path : `${MOUNT_ROOT}/${index}`;
    },
  };
}
