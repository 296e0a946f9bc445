/**
 * Folders put on top of each other by the kernel's overlayfs: what is written goes to the uppermost alone, so that
 * one tree serves many workspaces without being copied. Needs root, or a mount namespace where programs run as such,
 * and a file system that can carry it.
 */
import { chmod, chown, mkdir, readFile, realpath } from 'node:fs/promises';
import path from 'node:path';
import { mountTable } from '../spawner/spawner.js';
import { runSystem } from '../spawner/system.js';

export interface OverlayMount {
  /** An existing folder, on which the whole appears. */
  target: string;
  /** The uppermost first. Nothing may change in them for as long as this is mounted. */
  lowers: string[];
  /** Where `upper`, which takes all that is written, and `work` are made; empty or missing before. */
  folder: string;
  /** Who the top folder shall belong to. */
  owner?: { uid: number; gid: number } | undefined;
}

export class Overlay {
  /** @param isNamespaced programs run in a MountNamespace: what is mounted is not seen by this process */
  constructor(private readonly isNamespaced = false) {}

  /** Whether a folder of a lower layer can be renamed; otherwise that is refused with EXDEV. */
  get renamesFolders(): boolean {
    return !this.isNamespaced;
  }

  /** Mounts without devices and set-user-id. Throws where the kernel refuses. @returns the upper folder */
  async mount({ target, lowers, folder, owner }: OverlayMount): Promise<string> {
    const upper = path.join(folder, 'upper');
    const work = path.join(folder, 'work');
    for (const own of [upper, work]) await mkdir(own, { recursive: true, mode: 0o700 });
    if (owner) await chown(upper, owner.uid, owner.gid);
    // Relative, as neither colon nor comma may be in a name here, and DATA_DIR may have them. From so near, as all this
    // is in the table of mounts, which bubblewrap reads a dozen times for each sandbox. And by their real paths, as `..`
    // leads out of where a link led to.
    const [near, own, ...below] = await Promise.all(
      [path.dirname(target), folder, ...lowers].map((place) => realpath(place)),
    );
    const from = (...place: string[]) => path.relative(near!, path.join(...place));
    const options = (more: string[]) => [
      `lowerdir=${below.map((place) => from(place)).join(':')}`,
      `upperdir=${from(own!, 'upper')}`,
      `workdir=${from(own!, 'work')}`,
      // The attributes that tell where a renamed folder was are not for a user to set, so there is no renaming then.
      this.isNamespaced ? 'userxattr' : 'redirect_dir=on',
      'nosuid',
      'nodev',
      ...more,
    ];
    const attempt = (more: string[]) =>
      runSystem(
        ['mount', '-n', '-t', 'overlay', 'codegenapp', '-o', options(more).join(','), path.basename(target)],
        near,
      );
    // Nothing in a workspace outlives a power cut, and without this unmounting writes out all that the whole disk
    // has waiting. Since Linux 5.10.
    await attempt(['volatile']).catch(() => attempt([]));
    // Here it would look empty: whoever forgets to look where programs see it is to be told.
    if (this.isNamespaced) await chmod(target, 0o000);
    return upper;
  }

  /** Throws where something still uses what is mounted there. @param count how many are, one upon the other */
  async unmount(target: string, count = 1): Promise<void> {
    await runSystem(['umount', '-n', '--', ...Array<string>(count).fill(target)]);
    if (this.isNamespaced) await chmod(target, 0o700);
  }
}

/** Takes away whatever is mounted in a folder, also what is still in use. Throws when something stays mounted. */
export async function unmountAll(folder: string): Promise<void> {
  for (const target of (await mountsIn([folder])).reverse())
    await runSystem(['umount', '-n', '-l', '--', target]).catch(() => undefined);
  const left = await mountsIn([folder]);
  if (left.length > 0) throw new Error(`${left[0]} can't be unmounted, so nothing is deleted there.`);
}

/** The places in some folders where something is mounted, in the order in which it was. */
export async function mountsIn(folders: string[]): Promise<string[]> {
  // proc_pid_mountinfo(5): the fifth field, blanks and backslashes in octal. Elsewhere than on Linux: none. Not at once:
  // the kernel has whoever reads it wait for those who mount.
  const table = await readFile(mountTable(), 'utf8').catch(() => '');
  return table
    .split('\n')
    .map((line) => (line.split(' ')[4] ?? '').replace(/\\(\d{3})/g, (_, octal: string) => fromOctal(octal)))
    .filter((target) => folders.some((folder) => target === folder || target.startsWith(`${folder}/`)));
}

const fromOctal = (digits: string): string => String.fromCharCode(Number.parseInt(digits, 8));
