/**
 * How git is run: with a configuration and an environment that hold what is written here and nothing else, so
 * that neither the machine's settings nor the repository's content can make it execute anything.
 */
import os from 'node:os';
import { GitError, GitPluginError, simpleGit } from 'simple-git';
import { runProgram, type RunningProgram, type RunResult } from '../spawner/run.js';
import { SHELL, shellWords } from '../spawner/shell.js';
import { classifyFailure } from './errors.js';

/** Of a configuration, as by `git config`. */
export type Settings = Record<string, string>;

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

/** Ways through the network that git takes. */
const PROXIES = ['http_proxy', 'HTTP_PROXY', 'https_proxy', 'HTTPS_PROXY', 'all_proxy', 'ALL_PROXY'];
/** What of this process's environment git gets to see: the way to its helpers and through the network. */
const PASSED_ON = [
  ...['PATH', 'TMPDIR', 'GIT_SSL_CAINFO', 'GIT_SSL_CAPATH', 'SSL_CERT_FILE', 'SSL_CERT_DIR'],
  ...[...PROXIES, 'no_proxy', 'NO_PROXY'],
];

/** Whether git goes by a proxy. (By name, here and below: to list all variables takes a hundred times as long.) */
export const hasProxy = (): boolean => PROXIES.some((name) => process.env[name]);

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
  const passedOn = PASSED_ON.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
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

/** What git wrote to stdout. Throws as git() does. */
export function answerOf(
  { code, stdout, stderr, isCut, error }: RunResult,
  { name, signal }: GitOptions,
): string {
  signal?.throwIfAborted();
  if (code === 0 && !isCut) return stdout;
  throw classifyFailure(name, stderr || (error?.message ?? (isCut ? 'It answered too much.' : '')), error);
}

/** For a shell: two git commands that run at the same time, without input, and fail together. */
export const together = ([first, second]: readonly [string[], string[]]): string =>
  `exec </dev/null; git ${shellWords(first)} & git ${shellWords(second)} && wait $!`;

/**
 * Starts a shell in which git is as git() would run it: one process of ours to start instead of several. (Not bash:
 * with a socket of Node as its stdin that takes itself for a remote shell and reads ~/.bashrc. As sh it does not.)
 */
export function startShell(
  program: string,
  options: GitOptions,
  stdin: 'ignore' | 'socket' = 'ignore',
): RunningProgram {
  const { gitDir, workTree, settings = {}, as, signal } = options;
  const place = placeOf(environment(gitDir, settings, workTree), options);
  const commandLine = [...(as ? actingAs(as) : []), SHELL, '-c', program];
  return runProgram({ ...place, commandLine, stdin }, signal);
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
export const canActAs = (user: { uid: number; gid: number }): Promise<boolean> => (actsAs ??= tryToAct(user));

async function tryToAct(user: { uid: number; gid: number }): Promise<boolean> {
  const commandLine = [...actingAs(user), 'true'];
  const { result } = runProgram({ commandLine, directory: '/', environment: environment(undefined, {}) });
  return result.then(
    ({ code }) => code === 0,
    () => false,
  );
}
