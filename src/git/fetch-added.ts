import { pipeline } from 'node:stream/promises';
import type { RunResult } from '../spawner/run.js';
import { shellWord } from '../spawner/shell.js';
import { answerOf, hasProxy, startShell, type GitOptions } from './command.js';
import { STRICT } from './fetch.js';
import { LOCAL_HOST, type RepositorySource } from './source.js';
import { askForPack } from './upload-pack.js';
import type { Wanted } from './wanted.js';

const TIME_LIMIT_MS = 60_000;
const SILENT_MS = 20_000;
const SHA1_DIGITS = 40;
/** The exit code that says so: of git's own none is. */
const NOT_FETCHED = 99;

export interface AddOptions extends GitOptions {
  gitDir: string;
  /** What a shell does next: one process of ours to start instead of two. */
  then?: string;
  /** Called before this settles where `then` may have begun. */
  begun?: (() => void) | undefined;
  /** A server from which nothing comes for so long is left. */
  silentMs?: number;
}

export interface Added {
  fetchedBytes: number;
  /** What `then` wrote. */
  answer: string;
}

/**
 * Fetches a commit straight into a git directory that holds another one at depth 1, which spares the way through the
 * cache, and waiting for whoever uses that. Null where it does not succeed: the cache tries again, with git, and says
 * why not. For `shallow` to name the commit is up to who asks.
 * @throws the signal's reason when aborted; as git() where `then` fails
 */
export async function fetchAdded(
  { source, sha }: Pick<Wanted, 'source' | 'sha'>,
  have: string,
  options: AddOptions,
): Promise<Added | null> {
  if (!isAskedDirectly(source) || sha.length !== SHA1_DIGITS) return null;
  const { then = '', begun, silentMs = SILENT_MS, signal } = options;
  const late = new AbortController();
  const over = AbortSignal.any([late.signal, ...(signal ? [signal] : [])]);
  const timer = setTimeout(() => late.abort(), TIME_LIMIT_MS).unref();
  let fetchedBytes = 0;
  let end: RunResult;
  try {
    const asked = await askForPack(source, { sha, have, silentMs, signal: over });
    const script = [...adding(sha, have), then].join('\n');
    const { started, result } = startShell(script, { ...options, signal: over }, 'socket');
    const { socket } = await started;
    const counted = async function* () {
      for await (const chunk of asked.pack()) {
        fetchedBytes += chunk.length;
        yield chunk;
      }
    };
    // The script goes on before the server ends: a pack says where its end is. The rest is read away meanwhile, so that
    // the connection can be used again.
    void pipeline(counted, socket!)
      .catch(() => undefined)
      .finally(() => (clearTimeout(timer), socket!.destroy()));
    end = await result;
    if (end.code !== 0) socket!.destroy();
  } catch {
    clearTimeout(timer);
    late.abort();
    signal?.throwIfAborted();
    return null;
  }
  if (fetchedBytes > 0 && end.code !== NOT_FETCHED) begun?.();
  signal?.throwIfAborted();
  if (end.code === NOT_FETCHED || (end.code !== 0 && late.signal.aborted)) return null;
  return { fetchedBytes, answer: answerOf(end, options) };
}

/** Node's fetch takes no proxy. (Certificates of its own it would not trust.) */
const isAskedDirectly = ({ host }: RepositorySource): boolean => host !== LOCAL_HOST && !hasProxy();

/** Its objects are checked as those of a fetch are, and none that it needs is missing: what is above both is not there. */
const adding = (sha: string, have: string): string[] => [
  `git --shallow-file /dev/fd/3 index-pack --stdin --fix-thin ${shellWord(STRICT)} >/dev/null 2>&1 3<<'END' || ` +
    `exit ${NOT_FETCHED}`,
  ...[have, sha, 'END'],
];
