import { accessSync, constants, existsSync, realpathSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { messageOf } from '../domain/errors.js';
import { bubblewrapSandbox } from './bubblewrap.js';
import { defaultTotals, openTotals, type Totals } from './cgroup.js';
import { SandboxError, type Sandbox } from './contract.js';
import { adviceFor } from './advice.js';
import { readableSize } from './output.js';
import { isWithin } from './paths.js';
import { plainSandbox } from './plain.js';
import { probeSandbox, readFeatures } from './probe.js';
import { findToolchains } from './toolchains.js';

export interface SandboxChoice {
  sandbox: Sandbox;
  /** For whoever operates the server: what is weaker than it should be, and how to mend it. */
  warnings: string[];
  /** Only code of people who may write to the repository may be run: nothing walls it off. */
  trustedOnly: boolean;
  /** What bounds all processes of a pipeline together; null where this machine can't. */
  totals: Totals | null;
  /** Says which of both it is, and why. */
  aboutTotals: string;
}

export interface SandboxSelection {
  mode: 'auto' | 'bubblewrap' | 'none';
  /** NODE_ENV is production. */
  production: boolean;
  /** The server listens on the loopback interface only. */
  loopbackOnly: boolean;
  log: { info(message: string): void; warn(message: string): void };
  /** Directories that no script may see, nor any tool around them, such as DATA_DIR. */
  privateDirectories?: string[];
  /** The server's own, as where its .env and its log are: not to be seen, unless tools lie in them. */
  ownDirectories?: string[];
  environment?: NodeJS.ProcessEnv;
  /** Pipelines at once, which share the memory; 1 by default. */
  concurrency?: number;
}

/**
 * Chooses what pull-request code runs in, after a real run in it.
 * @throws SandboxError when what was asked for can't be had, saying what is missing and how to get it
 */
export async function selectSandbox(selection: SandboxSelection): Promise<SandboxChoice> {
  const choice = { ...(await choose(selection)), ...(await holdTotals(selection.concurrency ?? 1)) };
  selection.log.info(`Pull-request code runs in the ${choice.sandbox.name} sandbox. ${choice.aboutTotals}`);
  for (const warning of choice.warnings) selection.log.warn(warning);
  return choice;
}

async function holdTotals(concurrency: number): Promise<Pick<SandboxChoice, 'totals' | 'aboutTotals'>> {
  const limits = defaultTotals(concurrency);
  try {
    const totals = await openTotals(limits);
    const bounds = `${readableSize(limits.memoryBytes)} of memory and ${limits.processes} processes`;
    return { totals, aboutTotals: `All processes of a pipeline together may use ${bounds}.` };
  } catch (error) {
    if (!(error instanceof SandboxError)) throw error;
    const aboutTotals = `Memory is bounded for each process, not for all of a pipeline together: ${error.message}.`;
    return { totals: null, aboutTotals };
  }
}

type Choice = Omit<SandboxChoice, 'totals' | 'aboutTotals'>;

async function choose(selection: SandboxSelection): Promise<Choice> {
  const { mode, production, loopbackOnly, environment = process.env } = selection;
  const privateDirectories = withRealPaths(selection.privateDirectories ?? []);
  const toolchains = findToolchains({ environment, execPath: process.execPath, privateDirectories });
  const plain = (warning: string): Choice => ({
    sandbox: plainSandbox({ toolchains }),
    warnings: [warning],
    trustedOnly: true,
  });
  const consequence =
    'Commands of pull requests run without isolation and can read what this server can read, its keys included.';
  if (mode === 'none') return plain(`SANDBOX=none: ${consequence}`);

  let reason: string;
  try {
    const program = findProgram('bwrap', environment['PATH'] ?? '');
    const features = await readFeatures(program);
    const needed = [...toolchains.directories, ...toolchains.path.split(delimiter), process.execPath];
    const own = withRealPaths(selection.ownDirectories ?? []).filter(
      (directory) => !needed.some((tool) => isWithin(tool, directory)),
    );
    const sandbox = bubblewrapSandbox({
      program,
      features,
      toolchains,
      privateDirectories: [...privateDirectories, ...own],
    });
    // Once more where it failed: a machine under load must not decide for less isolation.
    const tryTwice = (network: 'shared' | 'none') =>
      probeSandbox(sandbox, network).catch(() => probeSandbox(sandbox, network));
    const [shared, isolated] = await Promise.allSettled([tryTwice('shared'), tryTwice('none')]);
    if (shared.status === 'rejected') throw shared.reason;
    const warnings: string[] = [];
    if (isolated.status === 'rejected')
      warnings.push(`Projects that ask for "network: none" can't be validated. ${explain(isolated.reason)}`);
    return { sandbox, warnings, trustedOnly: false };
  } catch (error) {
    reason = explain(error);
  }
  if (mode === 'bubblewrap') throw new SandboxError(`SANDBOX=bubblewrap does not work here. ${reason}`);
  if (production) {
    throw new SandboxError(
      `No sandbox works here, and with NODE_ENV=production code is not run without one. ${reason} ` +
        'SANDBOX=none switches isolation off by hand, for repositories whose every author you trust.',
    );
  }
  if (!loopbackOnly) {
    throw new SandboxError(
      `No sandbox works here, and a server that others can reach does not run code without one. ${reason} ` +
        'Otherwise listen on localhost only (HOST), or set SANDBOX=none where you trust every author.',
    );
  }
  return plain(
    `${consequence} Only pull requests from branches of the same repository are validated. ${reason}`,
  );
}

/** A directory can be seen where it really is, by whatever name it was given. */
function withRealPaths(directories: string[]): string[] {
  return directories.flatMap((directory) =>
    existsSync(directory) ? [...new Set([directory, realpathSync(directory)])] : [directory],
  );
}

function explain(error: unknown): string {
  const message = messageOf(error).replace(/\.?$/, '.');
  return `${message} ${adviceFor(message)}`.trim();
}

/** @throws SandboxError when no directory of `path` holds the program */
function findProgram(name: string, path: string): string {
  for (const directory of path.split(delimiter)) {
    if (!directory.startsWith('/')) continue;
    const file = join(directory, name);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // The next one.
    }
  }
  throw new SandboxError(`${name} is not installed`);
}
