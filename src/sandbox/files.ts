import { constants } from 'node:fs';
import { open, opendir, readlink, realpath, type FileHandle } from 'node:fs/promises';
import { isAbsolute, join, relative, resolve } from 'node:path';
import { globMatcher } from '../domain/glob.js';
import { seenByPrograms } from '../spawner/spawner.js';
import { isWithin } from './paths.js';

/** open(2): a place, of which nothing is opened. Node does not name it. */
const O_PATH = 0o10000000;

export type RefusalReason = 'missing' | 'outside' | 'link' | 'not_a_file' | 'too_large' | 'unreadable';

/** A file of a workspace that we don't read: the pull request's matter, never a fault of ours. */
export class WorkspaceFileError extends Error {
  override name = 'WorkspaceFileError';
  constructor(
    readonly path: string,
    readonly reason: RefusalReason,
    detail: string,
  ) {
    super(`${path} ${detail}.`);
  }
}

/**
 * Reads a file that a pull request's code may have made, also while a preview of it still runs. Links are never followed, FIFOs and devices never waited for.
 * @param path relative to the workspace
 * @throws WorkspaceFileError saying why it was refused
 */
export async function readWorkspaceFile(workspace: string, path: string, maxBytes: number): Promise<Buffer> {
  const root = await realpath(workspace);
  const full = resolve(root, path);
  if (isAbsolute(path) || path.includes('\0') || full === root || !isWithin(full, root)) {
    throw new WorkspaceFileError(path, 'outside', 'is not the path of a file in the workspace');
  }
  let file: FileHandle;
  try {
    file = await openFile(full, path);
  } catch (error) {
    throw refusal(path, error);
  }
  try {
    const stats = await file.stat();
    if (!stats.isFile()) throw notAFile(path);
    if (stats.size > maxBytes) {
      throw new WorkspaceFileError(path, 'too_large', `has ${stats.size} bytes, more than ${maxBytes}`);
    }
    const content = Buffer.alloc(stats.size);
    let filled = 0;
    while (filled < content.length) {
      const { bytesRead } = await file.read(content, filled, content.length - filled, filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return content.subarray(0, filled);
  } finally {
    await file.close();
  }
}

/** Where a preview still runs, a folder above may become a link at any time: what was opened tells where it is. */
async function openFile(full: string, path: string): Promise<FileHandle> {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const isLink = () => new WorkspaceFileError(path, 'link', 'is or lies behind a symbolic link');
  if (process.platform !== 'linux') {
    if ((await realpath(full)) !== full) throw isLink();
    return open(full, flags);
  }
  // Nothing of it is opened for that: a device behind a link is not touched.
  const place = await open(seenByPrograms(full), O_PATH | constants.O_NOFOLLOW);
  try {
    const found = `/proc/self/fd/${place.fd}`;
    const stats = await place.stat();
    if (stats.isSymbolicLink() || (await readlink(found)) !== full) throw isLink();
    if (!stats.isFile()) throw notAFile(path);
    return await open(found, constants.O_RDONLY | constants.O_NONBLOCK);
  } finally {
    await place.close();
  }
}

const notAFile = (path: string) => new WorkspaceFileError(path, 'not_a_file', 'is not a regular file');

function refusal(path: string, error: unknown): unknown {
  switch ((error as NodeJS.ErrnoException).code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return new WorkspaceFileError(path, 'missing', 'does not exist');
    case 'ELOOP':
      return new WorkspaceFileError(path, 'link', 'is or lies behind a symbolic link');
    case 'ENXIO':
    case 'ENODEV':
      return notAFile(path);
    case 'EACCES':
    case 'EPERM':
    case 'ENAMETOOLONG':
      return new WorkspaceFileError(path, 'unreadable', 'can not be read');
    default:
      return error;
  }
}

export interface FoundFiles {
  /** Relative to the workspace, with `/`, sorted. */
  files: string[];
  /** Whether there may be more than were looked at. */
  isComplete: boolean;
}

/**
 * Finds the regular files of a workspace that the globs mean (domain/glob.ts), without following links. Directories named in `ignore` are not entered at any depth.
 */
export async function findWorkspaceFiles(
  workspace: string,
  globs: string[],
  bounds: { maxFiles?: number; maxDepth?: number; maxEntries?: number; ignore?: string[] } = {},
): Promise<FoundFiles> {
  const { maxFiles = 1000, maxDepth = 16, maxEntries = 200_000, ignore = ['node_modules', '.git'] } = bounds;
  const isMeant = globMatcher(globs);
  const files: string[] = [];
  let isComplete = true;
  let entries = 0;

  const root = seenByPrograms(workspace);
  const waiting = [{ path: root, depth: 1 }];
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    const { path, depth } = next;
    try {
      for await (const entry of await opendir(path, { bufferSize: 256 })) {
        const entryPath = join(path, entry.name);
        if (++entries > maxEntries) return { files: files.sort(), isComplete: false };
        if (entry.isDirectory() && !ignore.includes(entry.name)) {
          if (depth < maxDepth) waiting.push({ path: entryPath, depth: depth + 1 });
          else isComplete = false;
        }
        const name = relative(root, entryPath);
        if (!entry.isFile() || !isMeant(name)) continue;
        if (files.length === maxFiles) return { files: files.sort(), isComplete: false };
        files.push(name);
      }
    } catch (error) {
      // A directory that we may not read, or that is none any more, holds nothing for us.
      if (!isRefused(error)) throw error;
    }
  }
  return { files: files.sort(), isComplete };
}

function isRefused(error: unknown): boolean {
  return ['EACCES', 'EPERM', 'ENOENT', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG'].includes(
    (error as NodeJS.ErrnoException).code ?? '',
  );
}
