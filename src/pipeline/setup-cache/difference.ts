/**
 * What a setup changed in its workspace, and whether putting that into another checkout would be the same as running
 * the setup there. Read only after every process of the setup is gone, without following links, by names alone.
 */
import { createHash } from 'node:crypto';
import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import type { GitFile } from '../../git/files.js';
import { readWorkspaceFile } from '../../sandbox/files.js';
import { seenByPrograms } from '../../spawner/spawner.js';

export interface Entry {
  /** Relative, with `/`. */
  path: string;
  /** As find(1) has it: f, d, l, and s, p, c, b for what is no file. */
  type: string;
  mode: number;
  /** Of a file's content. */
  bytes: number;
  /** Changes with every change of content, owner or mode. */
  version: string;
}

/** Of one layer. Larger ones are not kept. */
export const MAX_ENTRIES = 300_000;
const MAX_LISTING_BYTES = 128 * 1024 ** 2;
/** Files of the commit that were written again and have to be looked at. */
const MAX_COMPARED = 500;
const MAX_COMPARED_BYTES = 64 * 1024 ** 2;
const SET_ID = 0o6000;
/** Of .git: what git writes again when somebody asks it anything, and what is only for us. */
const PASSING = new Set(['.git/index', '.git/codegenapp-output']);

/** Why the outcome of a setup is not kept: a sentence's second half, after "it". */
export class NotKept extends Error {
  override name = 'NotKept';
}

/** Everything in a folder, parents first. @throws NotKept where it is too much or can't be read */
export async function listEntries(folder: string): Promise<Entry[]> {
  const result = await execa('find', ['.', '-mindepth', '1', '-printf', '%y %m %s %C@ %i %P\\0'], {
    cwd: folder,
    stdin: 'ignore',
    env: { LC_ALL: 'C' },
    stripFinalNewline: false,
    maxBuffer: MAX_LISTING_BYTES,
    reject: false,
  });
  if (result.isMaxBuffer) throw new NotKept(`made more than ${MAX_ENTRIES} files`);
  if (result.exitCode !== 0) throw new NotKept('made folders that can not be read');
  const entries = result.stdout
    .split('\0')
    .filter((line) => line !== '')
    .map((line): Entry => {
      const [type = '', mode = '', size = '', changed = '', inode = ''] = line.split(' ', 5);
      const path = line.slice([type, mode, size, changed, inode].join(' ').length + 1);
      const bytes = type === 'f' ? Number(size) : 0;
      return { path, type, mode: Number.parseInt(mode, 8), bytes, version: `${changed} ${inode} ${size}` };
    });
  if (entries.length > MAX_ENTRIES) throw new NotKept(`made more than ${MAX_ENTRIES} files`);
  if (entries.some(({ path }) => path.includes('\ufffd')))
    throw new NotKept('made a file whose name is not UTF-8');
  return entries;
}

export interface Difference {
  /** The uppermost paths that the commit does not have. */
  roots: string[];
  /** Files of the commit, all of them part of the key, that the setup wrote anew; and git's configuration. */
  replaced: string[];
  /** What is not kept and makes no difference. */
  dropped: string[];
}

export interface Changes {
  /** What is there beyond or instead of the checkout's own, parents first. */
  entries: Entry[];
  /** The folder that `entries` are in. */
  folder: string;
  /** The workspace as it is seen. */
  workspace: string;
  tracked: ReadonlyMap<string, GitFile>;
  keyFiles: ReadonlySet<string>;
}

/** @throws NotKept where the changes can't be had elsewhere as they are here */
export async function judge({ entries, folder, workspace, tracked, keyFiles }: Changes): Promise<Difference> {
  const difference: Difference = { roots: [], replaced: [], dropped: [] };
  const trackedFolders = foldersOf(tracked.keys());
  const added = new Set<string>();
  const rewritten = new Set<string>();
  for (const entry of entries) {
    const { path, type } = entry;
    await requirePlain(entry, folder);
    const parent = path.slice(0, Math.max(0, path.lastIndexOf('/')));
    if (path === '.git' || path.startsWith('.git/')) {
      if (type === 'd') continue;
      if (PASSING.has(path)) difference.dropped.push(path);
      else if (path === '.git/config' && type === 'f') difference.replaced.push(path);
      else throw new NotKept(`changed the git directory (${quoted(path)})`);
    } else if (tracked.has(path)) {
      rewritten.add(path);
      if (rewritten.size > MAX_COMPARED) throw new NotKept('changed many files of the commit');
      if (keyFiles.has(path) && type === 'f') difference.replaced.push(path);
      else if (await isSame(folder, entry, tracked.get(path)!)) difference.dropped.push(path);
      else throw new NotKept(`changed ${quoted(path)}, a file of the commit`);
    } else if (type === 'd' && trackedFolders.has(path)) {
      continue;
    } else {
      added.add(path);
      if (!added.has(parent)) difference.roots.push(path);
      if (type === 's') difference.dropped.push(path);
    }
  }
  await requireTheRest(entries, { workspace, tracked, trackedFolders, rewritten });
  return difference;
}

/** @throws NotKept unless it is a file, a folder, a link or a socket (which nobody listens on any more) */
export async function requirePlain({ path, type, mode }: Entry, folder: string): Promise<void> {
  if (!'fdls'.includes(type)) throw new NotKept(await sayDevice(join(folder, path), path));
  if (type === 'f' && (mode & SET_ID) !== 0) throw new NotKept(`made ${quoted(path)} a set-user-id program`);
}

/**
 * Files of the commit in folders that were touched are still there. In an overlay a folder that was removed and made
 * anew hides what lies under it; one that does show something of that is no such folder.
 */
async function requireTheRest(
  entries: Entry[],
  {
    workspace,
    tracked,
    trackedFolders,
    rewritten,
  }: Pick<Changes, 'workspace' | 'tracked'> & {
    trackedFolders: ReadonlySet<string>;
    rewritten: ReadonlySet<string>;
  },
): Promise<void> {
  const touched = new Set(
    entries.filter(({ path, type }) => type === 'd' && trackedFolders.has(path)).map(({ path }) => path),
  );
  if (touched.size === 0) return;
  const proven = new Set<string>();
  for (const path of tracked.keys()) {
    if (rewritten.has(path)) continue;
    const around = foldersOf([path]);
    if (![...around].some((folder) => touched.has(folder))) continue;
    const found = await lstat(join(seenByPrograms(workspace), path)).catch(() => null);
    if (!found) throw new NotKept(`removed ${quoted(path)}, a file of the commit`);
    for (const folder of around) proven.add(folder);
  }
  for (const folder of touched)
    if (!proven.has(folder)) throw new NotKept(`wrote ${quoted(folder)}, a folder of the commit, anew`);
}

/** Whether putting the difference into a checkout of these files would cover none of them. */
export function fits({ roots }: Pick<Difference, 'roots'>, tracked: ReadonlyMap<string, unknown>): boolean {
  const folders = foldersOf(tracked.keys());
  const all = new Set(roots);
  return (
    roots.every(
      (root) =>
        !folders.has(root) &&
        !tracked.has(root) &&
        ![...foldersOf([root])].some((folder) => tracked.has(folder)),
    ) && ![...folders].some((folder) => all.has(folder))
  );
}

/** The folders that paths lie in, at every depth. */
export function foldersOf(paths: Iterable<string>): Set<string> {
  const folders = new Set<string>();
  for (const path of paths)
    for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1)) {
      const folder = path.slice(0, at);
      if (folders.has(folder)) break;
      folders.add(folder);
    }
  return folders;
}

/** By git's name for the content, so only where git changes nothing in it at a checkout (line ends, filters). */
async function isSame(
  folder: string,
  { path, type, mode }: Entry,
  { mode: gitMode, sha }: GitFile,
): Promise<boolean> {
  if (type !== 'f' || gitMode !== ((mode & 0o100) === 0 ? '100644' : '100755')) return false;
  const content = await readWorkspaceFile(folder, path, MAX_COMPARED_BYTES).catch(() => null);
  if (content === null) return false;
  const hash = createHash(sha.length === 64 ? 'sha256' : 'sha1');
  return hash.update(`blob ${content.length}\0`).update(content).digest('hex') === sha;
}

/** In the upper folder of an overlay, a device 0/0 stands for what was deleted (kernel, filesystems/overlayfs). */
async function sayDevice(full: string, path: string): Promise<string> {
  const stats = await lstat(full).catch(() => null);
  return stats?.isCharacterDevice() && stats.rdev === 0
    ? `removed ${quoted(path)}, which the commit has`
    : `made ${quoted(path)}, which is no file`;
}

const quoted = (path: string): string => JSON.stringify(path.slice(0, 200));
