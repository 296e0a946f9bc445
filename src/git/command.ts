/**
 * How git is run: with a configuration and an environment that hold what is written here and nothing else, so
 * that neither the machine's settings nor the repository's content can make it execute anything.
 */
import os from 'node:os';
import { execa } from 'execa';
import { GitError, GitPluginError, simpleGit } from 'simple-git';
import { sendSignal } from '../sandbox/processes.js';
import { runProgram, type RunResult } from '../spawner/run.js';
import { classifyFailure, RepositoryError } from './errors.js';
import { prepare } from './prepared.js';
import { authorizationOf, LOCAL_HOST, nameOf, type RepositorySource } from './source.js';

type Settings = Record<string, string>;

/** Every command's configuration. The system's and the user's are not read. */
const SETTINGS: Settings = {
  'core.hooksPath': '/dev/null',
  'core.fsmonitor': 'false',
  'core.protectHFS': 'true',
  'core.protectNTFS': 'true',
  'protocol.allow': 'never',
  'submodule.recurse': 'false',
  'fetch.recurseSubmodules': 'false',
  'gc.auto': '0',
  'maintenance.auto': 'false',
  'advice.detachedHead': 'false',
};

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

/** What of this process's environment git gets to see: the way to its helpers and through the network. */
const PASSED_ON =
  /^(PATH|TMPDIR|GIT_SSL_CAINFO|GIT_SSL_CAPATH|SSL_CERT_FILE|SSL_CERT_DIR|(https?|all|no)_proxy)$/i;

const FIXED = {
  LANG: 'C',
  LC_ALL: 'C',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_ATTR_NOSYSTEM: '1',
  GIT_TERMINAL_PROMPT: '0',
  GIT_OPTIONAL_LOCKS: '0',
};

/**
 * The whole environment of a git process. The git directory is always named: searched for from a damaged one
 * upwards, git would end in a repository that this server's folder happens to lie in.
 */
export function environment(
  gitDir: string | undefined,
  settings: Settings,
  workTree?: string,
): Record<string, string> {
  const passedOn = Object.entries(process.env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && PASSED_ON.test(entry[0]),
  );
  const all = Object.entries({ ...SETTINGS, ...settings });
  return {
    ...Object.fromEntries(passedOn),
    ...FIXED,
    ...(gitDir === undefined ? {} : { GIT_DIR: gitDir }),
    ...(workTree === undefined ? {} : { GIT_WORK_TREE: workTree }),
    GIT_CONFIG_COUNT: String(all.length),
    ...Object.fromEntries(
      all.flatMap(([key, value], index) => [
        [`GIT_CONFIG_KEY_${index}`, key],
        [`GIT_CONFIG_VALUE_${index}`, value],
      ]),
    ),
  };
}

export interface GitOptions {
  /** For messages. */
  name: string;
  /** Left out only to find the repository that `cwd` lies in. */
  gitDir?: string;
  cwd?: string;
  workTree?: string;
  settings?: Settings;
  input?: string;
  /** The user that git runs as and what it makes belongs to; asked for by root only. */
  as?: { uid: number; gid: number } | undefined;
  signal?: AbortSignal;
}

/**
 * Runs one git command that stays on this machine and answers what it wrote to stdout.
 * Throws RepositoryError, or the signal's reason when aborted.
 */
export async function git(args: string[], options: GitOptions): Promise<string> {
  const { name, gitDir, cwd, workTree, settings = {}, input, signal } = options;
  signal?.throwIfAborted();
  const env = environment(gitDir, settings, workTree);
  if (options.as) return gitAs(options.as, args, env, options);
  try {
    return await simpleGit({
      baseDir: cwd ?? workTree ?? gitDir ?? os.tmpdir(),
      binary: 'git',
      abort: signal,
      input: () => input,
      completion: { onExit: false },
      // Without this, an exit by signal or without a word on stderr counts as success.
      errors: (error, { exitCode, stdErr }) =>
        error ?? (exitCode === 0 ? undefined : Buffer.concat([Buffer.from('git: '), ...stdErr])),
      allowEnvironment: Object.keys(env),
      // All of these are settings of our own above that lock git down, not up.
      unsafe: {
        allowUnsafeConfigEnvCount: true,
        allowUnsafeConfigPaths: true,
        allowUnsafeFsMonitor: true,
        allowUnsafeHooksPath: true,
        allowUnsafeProtocolOverride: true,
        allowUnsafeTemplateDir: true,
      },
    })
      .env(env)
      .raw(args);
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof GitPluginError || !(error instanceof GitError)) throw error;
    throw classifyFailure(name, error.message.replace(/^git: /, ''), error);
  }
}

/** Not simple-git: it takes no command in front of git. */
async function gitAs(
  user: { uid: number; gid: number },
  args: string[],
  env: Record<string, string>,
  options: GitOptions,
): Promise<string> {
  const { input, signal } = options;
  const { started, result } = runProgram(
    {
      commandLine: [...actingAs(user), 'git', ...args],
      stdin: input === undefined ? 'ignore' : 'later',
      ...placeOf(env, options),
    },
    signal,
  );
  if (input !== undefined) (await started).finish(STDIN, Buffer.from(input));
  return answerOf(await result, options);
}

const STDIN = 0;
const MAX_ANSWER_BYTES = 256 * 1024 ** 2;

const placeOf = (environment: Record<string, string>, { cwd, workTree, gitDir }: GitOptions) => ({
  environment,
  directory: cwd ?? workTree ?? gitDir ?? os.tmpdir(),
  maxSaidBytes: MAX_ANSWER_BYTES,
});

function answerOf({ code, stdout, stderr, isCut, error }: RunResult, { name, signal }: GitOptions): string {
  signal?.throwIfAborted();
  if (code === 0 && !isCut) return stdout;
  throw classifyFailure(name, stderr || (error?.message ?? (isCut ? 'It answered too much.' : '')), error);
}

/** As Prepared, but run() answers what was written to stdout, or throws as git() does. */
export interface PreparedGit {
  run(): Promise<string>;
  cancel(): void;
}

/**
 * As git(), of two commands at the same time and without input, started already: see prepare().
 * @returns what lets them run, and answers what both wrote; and what ends it where they are not to run
 */
export function prepareGit(commands: [string[], string[]], options: GitOptions): PreparedGit {
  const { gitDir, workTree, settings = {} } = options;
  const env = environment(gitDir, settings, workTree);
  const [first, second] = commands;
  const commandLines: [string[], string[]] = [
    ['git', ...first],
    ['git', ...second],
  ];
  const before = options.as ? actingAs(options.as) : [];
  const prepared = prepare(before, commandLines, placeOf(env, options), options.signal);
  return { ...prepared, run: async () => answerOf(await prepared.run(), options) };
}

/**
 * The command line by which root becomes a user who still passes through root's own folders (a tree lies in one, out
 * of that user's reach): what git then makes belongs to that user from the start, as its index remembers it.
 */
const actingAs = ({ uid, gid }: { uid: number; gid: number }): string[] => [
  ...['setpriv', '--reuid', String(uid), '--regid', String(gid), '--clear-groups', '--no-new-privs'],
  // Without it access(2), which git asks, goes by the user alone (kernel, fs/open.c).
  ...['--securebits', '+no_setuid_fixup'],
  ...['--inh-caps', '+dac_override', '--ambient-caps', '+dac_override', '--'],
];

let actsAs: Promise<boolean> | undefined;

/** Whether `as` works on this machine; otherwise what was made has to be given to its owner afterwards. */
export function canActAs(user: { uid: number; gid: number }): Promise<boolean> {
  const [file, ...before] = actingAs(user);
  return (actsAs ??= execa(file!, [...before, 'true'], { reject: false, stdin: 'ignore' }).then(
    ({ exitCode }) => exitCode === 0,
  ));
}

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
  // execa, as simple-git can only interrupt git itself (no `detached`, no pid): its transport helpers, here
  // git-remote-https, would live on, hold the connection and write into the cache.
  const child = execa('git', [...args, ...refspecs], {
    cwd: gitDir,
    env: environment(gitDir, fetchSettings(source, stallSeconds)),
    extendEnv: false,
    detached: true,
    stdin: 'ignore',
    stdout: 'ignore',
    stderr: 'pipe',
    buffer: false,
    reject: false,
  });
  const stderr = new Tail();
  child.stderr.on('data', (chunk: Buffer) => stderr.add(chunk));
  const signalGroup = (name: NodeJS.Signals) => child.pid !== undefined && sendSignal(-child.pid, name);
  let timedOut = false;
  let hardEnd: NodeJS.Timeout | undefined;
  const end = (): void => {
    // git removes its lock files and unfinished packs on SIGTERM.
    signalGroup('SIGTERM');
    hardEnd ??= setTimeout(() => signalGroup('SIGKILL'), END_GRACE_MS);
  };
  const limit = setTimeout(() => ((timedOut = true), end()), timeLimitMs);
  signal?.addEventListener('abort', end, { once: true });
  try {
    // Settles when stderr is closed, so when the helpers, who share it, are gone too.
    const result = await child;
    signal?.throwIfAborted();
    if (timedOut) throw tooSlow(source, timeLimitMs);
    if (result.exitCode !== 0)
      throw classifyFailure(nameOf(source), stderr.text || (result.shortMessage ?? ''), result);
    return receivedBytes(stderr.text);
  } finally {
    clearTimeout(limit);
    clearTimeout(hardEnd);
    signal?.removeEventListener('abort', end);
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
