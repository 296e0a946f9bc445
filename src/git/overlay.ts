/**
 * Folders put on top of each other by the kernel's overlayfs: what is written goes to the uppermost alone, so that
 * one tree serves many workspaces without being copied. Needs root, and a file system that can carry it.
 */
import { chown, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { messageOf } from '../domain/errors.js';
import { runProgram } from '../spawner/run.js';

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
  /** @param directory in which all that is mounted lies, lower and upper; on one file system */
  constructor(private readonly directory: string) {}

  /** Mounts without devices and set-user-id. Throws where the kernel refuses. @returns the upper folder */
  async mount({ target, lowers, folder, owner }: OverlayMount): Promise<string> {
    const upper = path.join(folder, 'upper');
    const work = path.join(folder, 'work');
    for (const own of [upper, work]) await mkdir(own, { recursive: true, mode: 0o700 });
    if (owner) await chown(upper, owner.uid, owner.gid);
    // Relative, as neither colon nor comma may be in a name here, and DATA_DIR may have them.
    const within = (place: string) => path.relative(this.directory, place);
    const options = (more: string[]) => [
      `lowerdir=${lowers.map(within).join(':')}`,
      `upperdir=${within(upper)}`,
      `workdir=${within(work)}`,
      // Without it, a folder of a lower layer can't be renamed.
      'redirect_dir=on',
      'nosuid',
      'nodev',
      ...more,
    ];
    const attempt = (more: string[]) =>
      runSystem(
        ['mount', '-n', '-t', 'overlay', 'codegenapp', '-o', options(more).join(','), within(target)],
        this.directory,
      );
    // Nothing in a workspace outlives a power cut, and without this unmounting writes out all that the whole disk
    // has waiting. Since Linux 5.10.
    await attempt(['volatile']).catch(() => attempt([]));
    return upper;
  }
}

/** @returns an Overlay for the directory after a real mount in it, or one sentence why there is none */
export async function probeOverlay(directory: string): Promise<Overlay | string> {
  if (process.platform !== 'linux') return 'overlayfs is a part of Linux.';
  if (process.getuid?.() !== 0) return 'Mounting needs root, and this server runs as another user.';
  await mkdir(directory, { recursive: true });
  const place = await mkdtemp(path.join(directory, 'overlay-probe-'));
  try {
    const [lower, target] = [path.join(place, 'lower'), path.join(place, 'target')];
    for (const each of [lower, target]) await mkdir(each);
    await writeFile(path.join(lower, 'file'), 'lower');
    const overlay = new Overlay(directory);
    await overlay.mount({ target, lowers: [lower], folder: place });
    await writeFile(path.join(target, 'file'), 'upper');
    const seen = await Promise.all([lower, target].map((each) => readFile(path.join(each, 'file'), 'utf8')));
    return seen.join() === 'lower,upper' ? overlay : 'A file written to an overlay was not kept apart.';
  } catch (error) {
    return `Mounting is refused: ${messageOf(error).split('\n')[0]!.slice(0, 200)}`;
  } finally {
    await unmountAll(place);
    await rm(place, { recursive: true, force: true });
  }
}

/** Throws where something still uses what is mounted there. @param count how many are, one upon the other */
export async function unmount(target: string, count: number): Promise<void> {
  await runSystem(['umount', '-n', '--', ...Array<string>(count).fill(target)]);
}

/** Takes away whatever is mounted in a folder, also what is still in use. Throws when something stays mounted. */
export async function unmountAll(folder: string): Promise<void> {
  for (const target of (await mountsIn(folder)).reverse())
    await runSystem(['umount', '-n', '-l', '--', target]).catch(() => undefined);
  const left = await mountsIn(folder);
  if (left.length > 0) throw new Error(`${left[0]} can't be unmounted, so nothing is deleted there.`);
}

/** The places in a folder where something is mounted, in the order in which it was. */
export async function mountsIn(folder: string): Promise<string[]> {
  // proc_pid_mountinfo(5): the fifth field, blanks and backslashes in octal. Elsewhere than on Linux: none.
  const table = await readFile('/proc/self/mountinfo', 'utf8').catch(() => '');
  return table
    .split('\n')
    .map((line) => (line.split(' ')[4] ?? '').replace(/\\(\d{3})/g, (_, octal: string) => fromOctal(octal)))
    .filter((target) => target === folder || target.startsWith(`${folder}/`));
}

const fromOctal = (digits: string): string => String.fromCharCode(Number.parseInt(digits, 8));

/** @throws with what it said */
async function runSystem(commandLine: string[], directory = '/'): Promise<void> {
  const environment = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' };
  const end = await runProgram({ commandLine, directory, environment }).result;
  if (end.code === 0) return;
  throw new Error(end.stderr.trim() || `${commandLine[0]} ended with ${end.signal ?? end.code}`, {
    cause: end.error,
  });
}
