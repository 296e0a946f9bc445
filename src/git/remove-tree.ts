import { lstat, readdir, realpath, unlink } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { execa } from 'execa';
import { runProgram } from '../spawner/run.js';
import { SHELL, shellWords } from '../spawner/shell.js';
import { mountsIn, unmountAll } from './overlay.js';

/** Only Linux has overlays, and only GNU's rm knows this. */
const WITHIN = process.platform === 'linux' ? ['--one-file-system'] : [];

const OPTIONS = {
  stdin: 'ignore',
  stdout: 'ignore',
  reject: false,
  maxBuffer: 65_536,
  cleanup: false,
} as const;
const SYSTEM_PATH = '/usr/sbin:/usr/bin:/sbin:/bin';
const ENVIRONMENT = {
  PATH: process.env['PATH'] ? `${process.env['PATH']}:${SYSTEM_PATH}` : SYSTEM_PATH,
};
/** `rm` takes quadratic time for deep trees: two minutes for 100,000 levels, which a script makes in seconds. */
const PATIENCE_MS = 15_000;
/** A command line of a shell holds no more than 128 KiB. */
const MOST_AT_ONCE = 32;

/**
 * Moves whatever lies two levels deep up to the top until nothing does: linear in the number of directories, however
 * deep they lie. Run by Node in a process of its own.
 */
const FLATTEN = `
const { chmodSync, readdirSync, renameSync, rmdirSync, unlinkSync } = require('node:fs');
process.chdir(process.argv[1]);
let count = 0;
const top = new Set();
const empty = (directory, prefix) => {
  chmodSync(directory, 0o700);
  for (const entry of readdirSync(directory, { withFileTypes: true, encoding: 'buffer' })) {
    const path = Buffer.concat([Buffer.from(prefix), entry.name]);
    if (!entry.isDirectory()) unlinkSync(path);
    else {
      const place = 'flattened-' + process.pid + '-' + count++;
      chmodSync(path, 0o700);
      renameSync(path, place);
      top.add(place);
    }
  }
};
empty('.', '');
for (const place of top) {
  empty(place, place + '/');
  rmdirSync(place);
  top.delete(place);
}
`;

/**
 * Removes a folder and all in it, following no link and into nothing that is mounted there: that is unmounted first.
 * One that isn't there is fine. Folders that forbid writing are opened up first where that is needed. In a process
 * of its own: a million files must not hold this one up. Throws when something is left.
 * @param last what in it goes last, so that it is still there where whoever removes the rest is killed
 */
export async function removeTree(which: string, last?: string): Promise<void> {
  const folder = resolve(which);
  const real = await realPathOf(folder);
  if (real === null) return;
  const inOrder = await inOrderOf(folder, last);
  const outcome = await remove([real], inOrder);
  if (outcome === 'gone') return;
  await unmountAll(real);
  if (outcome === 'late') return removeDeepTree(folder);
  await execa('chmod', ['-R', 'u+rwX', '--', folder], OPTIONS);
  await execa('rm', rmArguments(inOrder), { ...OPTIONS, reject: true });
}

/**
 * As removeTree(), of several, which takes one process of ours for many.
 * @returns for each what was thrown, undefined where it is gone
 */
export async function removeTrees(folders: string[], last: string): Promise<unknown[]> {
  const errors: unknown[] = [];
  for (let at = 0; at < folders.length; at += MOST_AT_ONCE)
    errors.push(...(await removeAtOnce(folders.slice(at, at + MOST_AT_ONCE), last)));
  return errors;
}

async function removeAtOnce(folders: string[], last: string): Promise<unknown[]> {
  const absolute = folders.map((folder) => resolve(folder));
  const real = await Promise.all(absolute.map(realPathOf));
  const inOrder = await Promise.all(absolute.map((folder) => inOrderOf(folder, last)));
  const there = real.filter((place) => place !== null);
  const errors: unknown[] = folders.map(() => undefined);
  if ((await remove(there, inOrder.flat()).catch(() => 'left')) === 'gone') return errors;
  for (const [n, folder] of absolute.entries())
    await removeTree(folder, last).catch((error: unknown) => (errors[n] = error));
  return errors;
}

/** Where a folder really is; null where it isn't at all. */
async function realPathOf(folder: string): Promise<string | null> {
  const real = await realpath(folder).catch(() => null);
  if (real === null && !(await lstat(folder).catch(() => null))) return null;
  return real ?? folder;
}

/** What is to be removed, so that all of a folder goes. */
async function inOrderOf(folder: string, last: string | undefined): Promise<string[]> {
  const all = last === undefined ? [] : await readdir(folder).catch(() => []);
  return [...all.filter((name) => name !== last).map((name) => join(folder, name)), folder];
}

/** @returns `late` where it took too long and was ended */
async function remove(folders: string[], inOrder: string[]): Promise<'gone' | 'late' | 'left'> {
  const mounts = (await mountsIn(folders)).reverse();
  const rm = ['rm', ...rmArguments(inOrder)];
  const commandLine = mounts.length > 0 ? unmounted(mounts, rm) : rm;
  const patience = AbortSignal.timeout(PATIENCE_MS);
  const { code } = await runProgram({ commandLine, directory: '/', environment: ENVIRONMENT }, patience)
    .result;
  if (code === 0) return 'gone';
  return patience.aborted ? 'late' : 'left';
}

const rmArguments = (places: string[]): string[] => ['-rf', ...WITHIN, '--', ...places];

/** The command line behind umount(8): one process of ours to start instead of two. */
const unmounted = (mounts: string[], commandLine: string[]): string[] => [
  ...[SHELL, '-c', `umount -n -l -- ${shellWords(mounts)} && exec ${shellWords(commandLine)}`],
];

/** As `removeTree` where nothing is mounted, in a time that grows with the number of entries only: 40 s for 100,000 levels. */
export async function removeDeepTree(folder: string): Promise<void> {
  await execa(process.execPath, ['-e', FLATTEN, folder], { ...OPTIONS, env: {}, extendEnv: false });
  await execa('rm', rmArguments([folder]), { ...OPTIONS, reject: true });
}

/** Removes a file; one that isn't there is fine. (`rm` of Node looks at what it removes, twice.) */
export async function removeFile(file: string): Promise<void> {
  await unlink(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
}

/** What a folder takes on the disk, in bytes. */
export async function sizeOf(folder: string): Promise<number> {
  const commandLine = ['du', '-sxk', '--', folder];
  const { stdout } = await runProgram({ commandLine, directory: '/', environment: ENVIRONMENT }).result;
  return Number.parseInt(stdout, 10) * 1024 || 0;
}
