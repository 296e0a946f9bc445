/** What this machine has to have. */
import { access, constants, mkdir, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import type { Config } from '../../config.js';
import { ownDirectories } from '../../data-dir.js';
import { createDataSource } from '../../database/data-source.js';
import { Database } from '../../database/database.js';
import { connect, refuseNewer } from '../../database/schema-version.js';
import { messageOf, OperationalError } from '../../domain/errors.js';
import { findOverlay } from '../../git/find-overlay.js';
import { requireQueueSchema } from '../../queue/graphile-schema.js';
import { SandboxError } from '../../sandbox/contract.js';
import { selectSandbox } from '../../sandbox/select.js';
import { fail, ok, warn, type Check } from './contract.js';

const GIB = 1024 ** 3;
/** The first that can make repositories with SHA-256 names. */
const MIN_GIT = [2, 29];

export const database: Check = {
  name: 'Database',
  async run({ databaseUrl, dataDir }) {
    const kind = databaseUrl ? 'PostgreSQL' : 'SQLite';
    if (!databaseUrl && !(await exists(join(dataDir, 'codegenapp.sqlite'))))
      return [ok('SQLite: made at the first start.')];
    try {
      if (databaseUrl) {
        const database = await Database.open({ databaseUrl, dataDir });
        await requireQueueSchema(database).finally(() => database.close());
        return [ok('PostgreSQL: reached, and up to date.')];
      }
      const source = createDataSource({ databaseUrl, dataDir });
      await connect(source);
      const isBehind = refuseNewer(source).then(() => source.showMigrations());
      return (await isBehind.finally(() => source.destroy()))
        ? [ok('SQLite: brought up to date at the next start.')]
        : [ok('SQLite: reached, and up to date.')];
    } catch (error) {
      const advice = (error instanceof OperationalError && error.advice) || 'Look whether the server runs.';
      return [fail(`${kind} can’t be used: ${messageOf(error)}`, advice)];
    }
  },
};

export const disk: Check = {
  name: 'Disk',
  async run({ dataDir }) {
    try {
      await mkdir(dataDir, { recursive: true, mode: 0o700 });
      await access(dataDir, constants.W_OK);
    } catch (error) {
      return [
        fail(`DATA_DIR ${dataDir} can’t be written: ${messageOf(error)}`, 'Set DATA_DIR, or its rights.'),
      ];
    }
    const { bavail, bsize } = await statfs(dataDir);
    const free = (bavail * bsize) / GIB;
    const says = `${free.toFixed(1)} GiB are free for ${dataDir}.`;
    const advice = 'Free some space, or move DATA_DIR to a larger disk.';
    if (free < 1) return [fail(`${says} Nothing is checked out with less than 1 GiB.`, advice)];
    return [free < 5 ? warn(says, advice) : ok(says)];
  },
};

export const git: Check = {
  name: 'git',
  async run() {
    const { exitCode, stdout } = await execa('git', ['--version'], { reject: false, timeout: 10_000 });
    if (exitCode !== 0) return [fail('git is not installed.', 'Install git (apt-get install git).')];
    const [major = 0, minor = 0] = (/(\d+)\.(\d+)/.exec(stdout) ?? []).slice(1).map(Number);
    const old = major < MIN_GIT[0]! || (major === MIN_GIT[0] && minor < MIN_GIT[1]!);
    return [
      old ? fail(`${stdout} is too old.`, `Install git ${MIN_GIT.join('.')} or newer.`) : ok(`${stdout}.`),
    ];
  },
};

export const sandbox: Check = {
  name: 'Sandbox',
  async run(config) {
    try {
      const { sandbox, totals, aboutTotals, warnings } = await sandboxOf(config);
      return [
        ok(`A script ran in the ${sandbox.name} sandbox.`),
        ...warnings.map((warning) =>
          warn(
            warning,
            config.sandbox === 'none'
              ? 'Unset SANDBOX, unless you trust every author of every repository.'
              : 'Install bubblewrap, and allow user namespaces.',
          ),
        ),
        totals
          ? ok(aboutTotals)
          : warn(aboutTotals, 'Give the server a control group of its own (Delegate=yes).'),
      ];
    } catch (error) {
      if (!(error instanceof SandboxError)) throw error;
      return [fail(error.message, 'Until then no pull request can be validated.')];
    }
  },
};

const chosen = new WeakMap<Config, ReturnType<typeof selectSandbox>>();

/** The same for every check of one run: choosing tries each sandbox out. */
function sandboxOf(config: Config): ReturnType<typeof selectSandbox> {
  const choice =
    chosen.get(config) ??
    selectSandbox({
      mode: config.sandbox,
      production: config.production,
      loopbackOnly: ['localhost', '127.0.0.1', '::1'].includes(config.host),
      privateDirectories: [config.dataDir],
      ownDirectories: ownDirectories(config),
      concurrency: config.concurrency,
      log: { info: () => undefined, warn: () => undefined },
    });
  chosen.set(config, choice);
  return choice;
}

export const overlays: Check = {
  name: 'Overlays',
  async run(config) {
    // A sandbox that does not work, and a DATA_DIR that can't be written, have checks of their own.
    const found = await sandboxOf(config)
      .then(({ sandbox }) => findOverlay(config.dataDir, sandbox))
      .catch(() => null);
    if (found === null) return [];
    if (typeof found !== 'string')
      return [ok('Checkouts and cached setups are mounted, nothing of them is copied.')];
    // Everything works without, so this is no warning.
    return [
      ok(`Can’t be mounted here, so checkouts and cached setups are copied, which is slower. ${found}`),
    ];
  },
};

export const browser: Check = {
  name: 'Browser',
  async run({ chromePath }) {
    const names = ['google-chrome-stable', 'google-chrome', 'chromium', 'chromium-browser'];
    for (const program of chromePath ? [chromePath] : names) {
      const found = await execa(program, ['--version'], { reject: false, timeout: 20_000 });
      if (found.exitCode === 0) return [ok(`${found.stdout.trim()} (${program}).`)];
    }
    if (chromePath)
      return [fail(`CHROME_PATH (${chromePath}) does not run.`, 'Set it to a Chrome or Chromium.')];
    return [warn('No browser was found: Lighthouse is skipped.', 'Install chromium, or set CHROME_PATH.')];
  },
};

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
