import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { gitFetch } from './command.js';
import { RepositoryError } from './errors.js';
import type { Delivered, Wanted } from './repository-cache.js';

const TIME_LIMIT_MS = 60_000;
const STALL_SECONDS = 20;

/**
 * Fetches a commit straight into a git directory that holds another one at depth 1, which spares the way through the
 * cache, and waiting for whoever uses that. Null where it does not succeed: the cache tries again, and says why not.
 * Throws the signal's reason when aborted.
 */
export async function fetchAdded(
  { source, sha, signal }: Pick<Wanted, 'source' | 'sha' | 'signal'>,
  have: string,
  gitDir: string,
): Promise<Delivered | null> {
  const folder = path.join(gitDir, 'objects', 'pack');
  // Of a fetch that was killed; this tree is ours alone now.
  await rm(path.join(gitDir, 'shallow.lock'), { force: true });
  const before = new Set(await readdir(folder));
  try {
    const fetchedBytes = await gitFetch(source, {
      gitDir,
      refspecs: [sha],
      known: have,
      depth: 1,
      prune: false,
      timeLimitMs: TIME_LIMIT_MS,
      stallSeconds: STALL_SECONDS,
      ...(signal ? { signal } : {}),
    });
    const packs = (await readdir(folder)).filter((file) => !before.has(file));
    return { fetchedBytes, boundary: [sha], refs: [], packs, isComplete: false };
  } catch (error) {
    if (error instanceof RepositoryError) return null;
    throw error;
  }
}
