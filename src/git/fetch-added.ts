import { addAbortListener } from 'node:events';
import { readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { startProgram } from '../spawner/spawner.js';
import { environment, hasProxy } from './command.js';
import { STRICT } from './fetch.js';
import { removeFile } from './remove-tree.js';
import { LOCAL_HOST, type RepositorySource } from './source.js';
import type { Delivered, Wanted } from './wanted.js';
import { askForPack } from './upload-pack.js';

const TIME_LIMIT_MS = 60_000;
const SILENT_MS = 20_000;
const SHA1_DIGITS = 40;

/**
 * Fetches a commit straight into a git directory that holds another one at depth 1, which spares the way through the
 * cache, and waiting for whoever uses that. Null where it does not succeed: the cache tries again, with git, and says
 * why not. Throws the signal's reason when aborted.
 * @param meanwhile called while the server is at work
 * @param silentMs a server from which nothing comes for so long is left
 */
export async function fetchAdded(
  { source, sha, signal }: Pick<Wanted, 'source' | 'sha' | 'signal'>,
  have: string,
  gitDir: string,
  meanwhile: () => void = () => undefined,
  silentMs = SILENT_MS,
): Promise<Delivered | null> {
  if (!isAskedDirectly(source) || sha.length !== SHA1_DIGITS) return null;
  const folder = path.join(gitDir, 'objects', 'pack');
  try {
    const before = new Set(await readdir(folder));
    const fetchedBytes = await receive(source, { sha, have, gitDir, silentMs, signal }, meanwhile);
    const packs = (await readdir(folder)).filter((file) => !before.has(file));
    return { fetchedBytes, boundary: [sha], refs: [], packs, isComplete: false };
  } catch {
    signal?.throwIfAborted();
    return null;
  }
}

/** Node's fetch takes no proxy. (Certificates of its own it would not trust.) */
const isAskedDirectly = ({ host }: RepositorySource): boolean => host !== LOCAL_HOST && !hasProxy();

/** @returns the bytes of the pack; its objects are checked as those of a fetch are, and none that it needs is missing */
async function receive(
  source: RepositorySource,
  {
    sha,
    have,
    gitDir,
    silentMs,
    signal,
  }: { sha: string; have: string; gitDir: string; silentMs: number; signal: AbortSignal | undefined },
  meanwhile: () => void,
): Promise<number> {
  const over = AbortSignal.any([AbortSignal.timeout(TIME_LIMIT_MS), ...(signal ? [signal] : [])]);
  const asked = await askForPack(source, { sha, have, silentMs, signal: over });
  // What is above both commits is not there, and is no fault of the pack.
  const cuts = path.join(gitDir, 'shallow.fetched');
  await writeFile(cuts, `${have}\n${sha}\n`);
  const starting = startProgram({
    commandLine: ['git', '--shallow-file', cuts, 'index-pack', '--stdin', '--fix-thin', STRICT],
    directory: gitDir,
    environment: environment(gitDir, { 'core.fsync': 'none' }),
    channels: ['socket', 'ignore', 'ignore'],
    maxSaidBytes: 0,
  });
  meanwhile();
  const { socket, ended, kill } = await starting;
  let bytes = 0;
  const counted = async function* () {
    for await (const chunk of asked.pack()) {
      bytes += chunk.length;
      yield chunk;
    }
  };
  const listener = addAbortListener(over, () => kill());
  let failure: unknown;
  const fed = pipeline(counted, socket!).catch((error: unknown) => (failure = error));
  // It ends, content, before the server does: a pack says where its end is. The rest is read away meanwhile, so that
  // the connection can be used again.
  const { code } = await ended;
  listener[Symbol.dispose]();
  if (code !== 0) socket!.destroy();
  void fed.then(() => socket!.destroy());
  await removeFile(cuts);
  if (code !== 0) throw new Error(`git index-pack ended with ${code}`, { cause: failure });
  return bytes;
}
