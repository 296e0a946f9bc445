import { statSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { seenByPrograms } from '../spawner/spawner.js';
import type { ProcessGroup } from './cgroup.js';
import { measureDirectories, type DiskUsage } from './disk-usage.js';

export interface WatchLimits {
  /** Growth of the output file. */
  maxOutputBytes: number;
  maxWorkspaceBytes: number;
  maxWorkspaceFiles: number;
  /** Free space of the workspace's file system below which the script ends. */
  minFreeBytes: number;
  /** Between two looks at the sizes. */
  pollMs: number;
}

export const DEFAULT_WATCH_LIMITS: WatchLimits = {
  maxOutputBytes: 1024 ** 3,
  maxWorkspaceBytes: 10 * 1024 ** 3,
  maxWorkspaceFiles: 1_000_000,
  minFreeBytes: 512 * 1024 ** 2,
  pollMs: 250,
};

export type Breach = 'output_limit' | 'workspace_limit' | 'disk_full' | 'memory_limit';

/** A walk costs at most this share of a core, or that where the file system fills so fast that it must be known. */
const CALM_SHARE = 0.02;
const URGENT_SHARE = 0.2;
/** Most scripts are over before. */
const FIRST_WALK_MS = 1000;

export interface Watch {
  /** Settles with the first limit passed, and never when none is. */
  readonly breach: Promise<Breach>;
  /** What the output file has grown by, now. */
  outputBytes(): number;
  /** Whether the kernel has ended processes of the group since the watch began. */
  isOutOfMemory(): boolean;
  close(): void;
}

/**
 * Watches what a script writes: its output by size, the file system by what is free, and the workspace by walks
 * as rare as their cost asks for. A walk is brought forward when the file system has filled by what the workspace
 * may still take, which costs nothing to ask.
 * @param directories the workspace, and home where there is one
 * @param group whose memory is watched too
 */
export async function watchLimits(
  output: string,
  directories: string[],
  limits: WatchLimits,
  group?: ProcessGroup,
): Promise<Watch> {
  const closing = new AbortController();
  const [place = '/'] = directories;
  const outputStart = sizeOf(output);
  const outputBytes = () => Math.max(0, sizeOf(output) - outputStart);
  const spaceAtStart = await statfs(place);
  const killsBefore = group?.memoryKills() ?? 0;
  const isOutOfMemory = () => (group?.memoryKills() ?? 0) > killsBefore;

  let walked: DiskUsage = { bytes: 0, files: 0, isTooDeep: false, busyMs: 0 };
  let walkedAt = performance.now();
  let spaceAtWalk = spaceAtStart;

  const isFull = (space: typeof spaceAtWalk) => space.bavail * space.bsize < limits.minFreeBytes;
  const isWalkDue = (space: typeof spaceAtWalk): boolean => {
    const since = performance.now() - walkedAt;
    const written = (spaceAtWalk.bfree - space.bfree) * space.bsize;
    const created = spaceAtWalk.ffree - space.ffree;
    const isUrgent =
      written > limits.maxWorkspaceBytes - walked.bytes || created > limits.maxWorkspaceFiles - walked.files;
    if (isUrgent) return since > walked.busyMs / URGENT_SHARE;
    return since > Math.max(walked.busyMs / CALM_SHARE, FIRST_WALK_MS);
  };

  const look = async (): Promise<Breach | undefined> => {
    if (isOutOfMemory()) return 'memory_limit';
    if (outputBytes() > limits.maxOutputBytes) return 'output_limit';
    // Code without walls can remove its own workspace; its next command says so.
    const space = await statfs(place).catch(() => undefined);
    if (!space) return undefined;
    if (isFull(space)) return 'disk_full';
    // Logs may be on a disk of their own.
    const logs = await statfs(dirname(output)).catch(() => undefined);
    if (logs && isFull(logs)) return 'disk_full';
    if (!isWalkDue(space)) return undefined;
    walked = await measureDirectories(directories.map(seenByPrograms), {
      maxBytes: limits.maxWorkspaceBytes,
      maxFiles: limits.maxWorkspaceFiles,
      signal: closing.signal,
    });
    walkedAt = performance.now();
    spaceAtWalk = space;
    const isOver =
      walked.bytes > limits.maxWorkspaceBytes || walked.files > limits.maxWorkspaceFiles || walked.isTooDeep;
    return isOver ? 'workspace_limit' : undefined;
  };

  const breach = new Promise<Breach>((resolve, reject) => {
    let timer: NodeJS.Timeout;
    const next = () => {
      timer = setTimeout(() => {
        look().then((found) => {
          if (found) resolve(found);
          else if (!closing.signal.aborted) next();
        }, reject);
      }, limits.pollMs);
    };
    closing.signal.addEventListener('abort', () => clearTimeout(timer), { once: true });
    next();
  });
  breach.catch(() => undefined);
  return { breach, outputBytes, isOutOfMemory, close: () => closing.abort() };
}

/** At once: of a file that is being written to the kernel knows it. */
const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;
