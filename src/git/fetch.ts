/** Fetching by git itself. */
import { addAbortListener } from 'node:events';
import { messageOf } from '../domain/errors.js';
import { startProgram } from '../spawner/spawner.js';
import { environment, type Settings } from './command.js';
import { classifyFailure, RepositoryError } from './errors.js';
import { authorizationOf, LOCAL_HOST, nameOf, type RepositorySource } from './source.js';

/** Slips that old but honest histories hold; `fetch.fsckObjects` would refuse them (git help fsck). */
const HARMLESS_SLIPS = [
  'badDate',
  'badDateOverflow',
  'badEmail',
  'badFilemode',
  'badTimezone',
  'badTagName',
  'extraHeaderEntry',
  'missingEmail',
  'missingNameBeforeEmail',
  'missingSpaceBeforeDate',
  'missingSpaceBeforeEmail',
  'missingTaggerEntry',
  'multipleAuthors',
  'zeroPaddedDate',
  'zeroPaddedFilemode',
];

/** The check of objects that a fetch makes, for index-pack. */
export const STRICT = `--strict=${HARMLESS_SLIPS.map((slip) => `${slip}=ignore`).join(',')}`;

export interface FetchOptions {
  gitDir: string;
  refspecs: string[];
  depth: number;
  /** Also removes what the patterns among the refspecs match here and not there. */
  prune: boolean;
  /** For the fetch as a whole. */
  timeLimitMs: number;
  /** A transfer that stands still for so long is given up. */
  stallSeconds: number;
  signal?: AbortSignal;
}

/** `--depth` of the whole history, in shallow repositories too (git help fetch, --unshallow). */
const WHOLE_HISTORY = 0x7fffffff;
const END_GRACE_MS = 2_000;

/**
 * Fetches refspecs from a source into a git directory; answers how many bytes were received, as git counts them.
 * The token travels in the environment only. Throws RepositoryError, or the signal's reason when aborted; by then
 * no process of the fetch is left.
 */
export async function gitFetch(source: RepositorySource, options: FetchOptions): Promise<number> {
  const { gitDir, refspecs, depth, prune, timeLimitMs, stallSeconds, signal } = options;
  signal?.throwIfAborted();
  const args = ['fetch', '--progress', '--no-tags', '--no-write-fetch-head', '--no-recurse-submodules'];
  if (prune) args.push('--prune');
  args.push('--force', `--depth=${depth === 0 ? WHOLE_HISTORY : depth}`, '--end-of-options', source.url);
  const stderr = new Tail();
  // Not simple-git, which can only interrupt git itself: its transport helpers, here git-remote-https, would live on,
  // hold the connection and write into the cache.
  const { ended, kill } = await startProgram(
    {
      commandLine: ['git', ...args, ...refspecs],
      environment: environment(gitDir, fetchSettings(source, stallSeconds)),
      directory: gitDir,
      channels: ['ignore', 'ignore', 'listen'],
      maxSaidBytes: Infinity,
    },
    (_, chunk) => stderr.add(chunk),
  ).catch((error: unknown) => {
    throw classifyFailure(nameOf(source), messageOf(error), error);
  });
  let timedOut = false;
  let hardEnd: NodeJS.Timeout | undefined;
  const end = (): void => {
    // git removes its lock files and unfinished packs on SIGTERM.
    kill('SIGTERM');
    hardEnd ??= setTimeout(kill, END_GRACE_MS);
  };
  const limit = setTimeout(() => ((timedOut = true), end()), timeLimitMs);
  const listener = signal && addAbortListener(signal, end);
  try {
    // Settles when stderr is closed, so when the helpers, who share it, are gone too.
    const { code, signal: endedBy, error } = await ended;
    signal?.throwIfAborted();
    if (timedOut) throw tooSlow(source, timeLimitMs);
    if (code !== 0) {
      const said = stderr.text || (error?.message ?? `it was ended by ${endedBy}`);
      throw classifyFailure(nameOf(source), said, error);
    }
    return receivedBytes(stderr.text);
  } finally {
    clearTimeout(limit);
    clearTimeout(hardEnd);
    listener?.[Symbol.dispose]();
  }
}

function fetchSettings(source: RepositorySource, stallSeconds: number): Settings {
  const slips = HARMLESS_SLIPS.map((slip) => [`fetch.fsck.${slip}`, 'ignore']);
  const authorization = authorizationOf(source);
  return {
    ...(source.host === LOCAL_HOST
      ? { 'protocol.file.allow': 'always' }
      : { 'protocol.http.allow': 'always', 'protocol.https.allow': 'always' }),
    'protocol.version': '2',
    'http.followRedirects': 'false',
    // A server that is still preparing the pack sends at least a byte a second (uploadpack.keepAlive).
    'http.lowSpeedLimit': '1',
    'http.lowSpeedTime': String(stallSeconds),
    'fetch.fsckObjects': 'true',
    ...(Object.fromEntries(slips) as Settings),
    // Always packs: an object a file is slow to write and to copy.
    'fetch.unpackLimit': '1',
    ...(authorization ? { [`http.${source.url}.extraHeader`]: `Authorization: ${authorization}` } : {}),
  };
}

const tooSlow = (source: RepositorySource, timeLimitMs: number): RepositoryError =>
  new RepositoryError(
    'unreachable',
    `Fetching from ${nameOf(source)} was ended after ${Math.round(timeLimitMs / 1000)} s without having come to an end.`,
    {
      advice: 'Check the connection to the git server; a very large repository needs a smaller clone_depth.',
    },
  );

/** Progress ends with "Receiving objects: 100% (3/3), 1.21 KiB | 1.21 MiB/s, done." */
function receivedBytes(progress: string): number {
  const units: Record<string, number> = { bytes: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };
  const matches = progress.matchAll(/Receiving objects: 100% \(\d+\/\d+\), ([\d.]+) (bytes|KiB|MiB|GiB)/g);
  const last = [...matches].at(-1);
  return last ? Math.round(Number(last[1]) * (units[last[2] ?? ''] ?? 0)) : 0;
}

/** The last 64 KiB of a stream: a server can make git print without end. */
class Tail {
  #kept = Buffer.alloc(0);

  add(chunk: Buffer): void {
    this.#kept = Buffer.concat([this.#kept, chunk]).subarray(-65_536);
  }

  get text(): string {
    return this.#kept.toString('utf8');
  }
}
