import { lstatSync, opendirSync, type Stats } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { join } from 'node:path';

export interface DiskUsage {
  /** As stored, so holes cost nothing; a file with several names counts once. */
  bytes: number;
  /** Files, directories, links and the like. */
  files: number;
  /** A path was longer than can be looked at; what lies behind it was not counted. */
  isTooDeep: boolean;
  /** What the walk cost this thread. */
  busyMs: number;
}

/** Below the kernel's 4096 bytes (PATH_MAX); relative to where they are, scripts reach beyond. */
const MAX_PATH = 4000;
/** Longest time without letting the event loop turn, and the pause then: at most a quarter of the thread. */
const SLICE_MS = 3;
const PAUSE_MS = 9;

/**
 * Walks directories that code we don't trust may be changing meanwhile, without following links. What vanishes
 * or can't be read is not counted. Ends early once a bound is passed.
 * Synchronous in short slices: ten times cheaper than a promise for each file.
 */
export async function measureDirectories(
  directories: string[],
  bounds: { maxBytes: number; maxFiles: number; signal?: AbortSignal },
): Promise<DiskUsage> {
  const usage: DiskUsage = { bytes: 0, files: 0, isTooDeep: false, busyMs: 0 };
  const linked = new Set<number>();
  const waiting = [...directories];
  let sliceStart = performance.now();

  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (path.length > MAX_PATH) {
      usage.isTooDeep = true;
      return finish();
    }
    const directory = ignoreErrors(() => opendirSync(path, { bufferSize: 256 }));
    if (!directory) continue;
    try {
      for (let entry = directory.readSync(); entry; entry = directory.readSync()) {
        const entryPath = join(path, entry.name);
        usage.files++;
        if (entry.isDirectory()) waiting.push(entryPath);
        usage.bytes += storedBytes(entryPath, linked);
        if (usage.bytes > bounds.maxBytes || usage.files > bounds.maxFiles) return finish();
        if (performance.now() - sliceStart > SLICE_MS) {
          usage.busyMs += performance.now() - sliceStart;
          await delay(PAUSE_MS);
          sliceStart = performance.now();
          if (bounds.signal?.aborted) return usage;
        }
      }
    } finally {
      directory.closeSync();
    }
  }
  return finish();

  function finish(): DiskUsage {
    usage.busyMs += performance.now() - sliceStart;
    return usage;
  }
}

function storedBytes(path: string, linked: Set<number>): number {
  const stats: Stats | undefined = ignoreErrors(() => lstatSync(path, { throwIfNoEntry: false }));
  if (!stats) return 0;
  if (stats.isFile() && stats.nlink > 1) {
    if (linked.has(stats.ino)) return 0;
    linked.add(stats.ino);
  }
  return stats.blocks * 512;
}

/** A file system error means that the entry is gone, or not for us to see. */
function ignoreErrors<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch {
    return undefined;
  }
}
