import { randomUUID } from 'node:crypto';
import { mkdir, rename, rm, rmdir, stat, utimes } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { Mutex } from 'async-mutex';

const mutexes = new Map<string, { mutex: Mutex; users: number }>();

const BEAT_MS = 2_000;
/** A holder whose last beat is older than this has died. */
const STALE_MS = 15_000;
const LOOK_AGAIN_MS = 50;

/**
 * Runs `work` while nobody else, in this process or in another on the same disk, holds the lock at `path`.
 *
 * Between processes the lock is a folder that its holder touches every 2 s; one untouched for 15 s is taken
 * over. Should two ever hold it (a holder that was frozen for so long), what they guard must still be safe: for
 * git it is, as its own lock files make the second writer fail rather than harm.
 *
 * Waiting ends with the signal's reason when aborted; `work` looks at the signal itself.
 */
export async function withLock<T>(
  path: string,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  const entry = mutexes.get(path) ?? { mutex: new Mutex(), users: 0 };
  mutexes.set(path, entry);
  entry.users += 1;
  try {
    const release = await acquire(entry.mutex, signal);
    try {
      const unlock = await lockFolder(path, signal);
      try {
        return await work();
      } finally {
        await unlock();
      }
    } finally {
      release();
    }
  } finally {
    entry.users -= 1;
    if (entry.users === 0) mutexes.delete(path);
  }
}

async function acquire(mutex: Mutex, signal: AbortSignal | undefined): Promise<() => void> {
  signal?.throwIfAborted();
  const turn = mutex.acquire();
  if (!signal) return turn;
  let stop = (): void => {};
  const aborted = new Promise<'aborted'>((resolve) => {
    stop = () => resolve('aborted');
    signal.addEventListener('abort', stop, { once: true });
  });
  const first = await Promise.race([turn, aborted]);
  signal.removeEventListener('abort', stop);
  if (first !== 'aborted') return first;
  void turn.then((release) => release());
  throw signal.reason;
}

async function lockFolder(path: string, signal: AbortSignal | undefined): Promise<() => Promise<void>> {
  while (!(await tryMkdir(path))) {
    if (await isStale(path)) {
      const aside = `${path}.${randomUUID()}`;
      // Of several who find it stale, one succeeds in moving it away.
      await rename(path, aside).catch(() => {});
      await rm(aside, { recursive: true, force: true });
    } else {
      await sleep(LOOK_AGAIN_MS, undefined, { signal }).catch(() => signal?.throwIfAborted());
    }
  }
  const beat = setInterval(() => {
    const now = new Date();
    void utimes(path, now, now).catch(() => {});
  }, BEAT_MS);
  beat.unref();
  return async () => {
    clearInterval(beat);
    // Taken over, it may be gone.
    await rmdir(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
  };
}

async function tryMkdir(path: string): Promise<boolean> {
  try {
    await mkdir(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

async function isStale(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found !== undefined && Date.now() - found.mtimeMs > STALE_MS;
}
