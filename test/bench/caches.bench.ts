import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, it } from '@jest/globals';
import { execa } from 'execa';
import { prepareDataDir } from '../../src/data-dir.js';
import { messageOf } from '../../src/domain/errors.js';
import { sandboxUser } from '../../src/sandbox/user.js';
import { run, runWithInput } from '../support/sample-git.js';
import { startGitServer } from './git-server.js';
import { compareAll, median, record, timed } from './figures.js';
import { makeHistory, pathOf } from './history.js';
import { startProgram, type OwnProcess } from './own-process.js';

const OWNER = sandboxUser();
const TMPFS = '/dev/shm';

const folders: string[] = [];
const programs: OwnProcess[] = [];
function temporary(base: string): string {
  const folder = mkdtempSync(join(base, 'codegenapp-bench-'));
  // Scripts' own user passes through.
  chmodSync(folder, 0o711);
  folders.push(folder);
  return folder;
}

// What is prepared takes longer than what is measured, so it is prepared side by side.
describe('caches', () => {
  const host = temporary(tmpdir());
  const bare = join(host, 'octo/big.git');
  const base = existsSync(TMPFS) ? TMPFS : tmpdir();
  const repository = temporary(base);
  const npmOptions = ['--no-audit', '--no-fund', '--ignore-scripts', '--cache', temporary(base)];
  const npm = (cwd: string, ...args: string[]) => execa('npm', [...args, ...npmOptions], { cwd });
  let unable: unknown = null;
  beforeAll(async () => {
    writeFileSync(
      join(repository, 'package.json'),
      '{"name":"bench","dependencies":{"express":"5.1.0","lodash":"4.17.21","axe-core":"4.10.0"}}',
    );
    const install = npm(repository, 'install').catch((error: unknown) => (unable = error));
    await Promise.all([makeHistory(bare), install]);
  });
  afterEach(() => {
    for (const program of programs.splice(0)) program.stop();
  });
  afterAll(() => {
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
  });

  it('a second push of a repository with history, against a full clone', async () => {
    const server = await startGitServer(host);
    const source = { host: server.host, fullName: 'octo/big', url: `${server.url}/octo/big.git` };
    let cloned = 0;
    const startCheckouts = async (what: string, mount: boolean, most: number) => {
      const data = join(temporary(tmpdir()), 'data');
      await prepareDataDir(data);
      const child = await startCaches('checkouts.mjs', [data, mount, OWNER], `${what} checkouts`);
      if (!child) return [];
      const checkout = async (sha: string) => {
        child.send({ source, ref: 'refs/pull/7/head', sha, depth: 1 });
        return (await child.said<{ ms: number }>()).ms;
      };
      return [{ what, most, checkout, bytes: [] as number[] }];
    };
    const started = await Promise.all([
      startCheckouts('copied', false, 0.15),
      startCheckouts('mounted', true, 0.06),
    ]);
    const checkouts = started.flat();
    const first = push(bare);
    await Promise.all(checkouts.map(({ checkout }) => checkout(first)));
    await compareAll(
      checkouts.map(({ what, checkout, most, bytes }) => ({
        name: `checkout of a second push, ${what}, against a full clone`,
        unit: 'ms',
        bound: { most },
        ours: async () => {
          const sha = push(bare);
          const before = await server.sentBytes();
          const ms = await checkout(sha);
          bytes.push((await server.sentBytes()) - before);
          return ms;
        },
      })),
      async () => {
        const into = join(temporary(tmpdir()), 'clone');
        const before = await server.sentBytes();
        const ms = await timed(() => execa('git', ['clone', '-q', source.url, into]));
        cloned = (await server.sentBytes()) - before;
        return ms;
      },
    );
    for (const { what, bytes } of checkouts)
      record({
        name: `… bytes fetched, ${what}`,
        ours: median(bytes) / 1000,
        reference: cloned / 1000,
        unit: 'kB',
        ratio: median(bytes) / cloned,
        bound: { most: 0.01 },
        rounds: bytes.length,
      });
    server.stop();
  });

  it('a setup with an unchanged lockfile, against npm ci --prefer-offline', async () => {
    if (unable) {
      process.stderr.write(
        `SKIPPED: the setup cache, because npm could not install: ${messageOf(unable).slice(0, 300)}\n`,
      );
      return;
    }
    writeFileSync(join(repository, '.gitignore'), 'node_modules\n');
    rmSync(join(repository, 'node_modules'), { recursive: true });
    run(repository, 'init', '-q', '-b', 'main');
    run(repository, 'add', '-A');
    run(repository, 'commit', '-qm', 'First');
    const sha = run(repository, 'rev-parse', 'HEAD');
    const source = { host: 'local', fullName: 'local/app', url: join(repository, '.git') };

    const startSetups = async (what: string, mount: boolean, most: number) => {
      const data = join(temporary(base), 'data');
      const args = [data, mount, OWNER, source, sha, npmOptions];
      const child = await startCaches('setups.mjs', args, `${what} setups`);
      if (!child) return [];
      return [
        {
          name: `unchanged setup, ${what}, against npm ci --prefer-offline`,
          unit: 'ms',
          bound: { most },
          note: base === TMPFS ? 'on tmpfs' : 'on disk',
          ours: async () => {
            child.send({});
            return (await child.said<{ ms: number }>()).ms;
          },
        },
      ];
    };
    const started = await Promise.all([
      startSetups('copied', false, 0.05),
      startSetups('mounted', true, 0.01),
    ]);
    await compareAll(started.flat(), async () => {
      const plain = temporary(base);
      for (const name of ['package.json', 'package-lock.json'])
        execFileSync('cp', [join(repository, name), plain]);
      const ms = await timed(() => npm(plain, 'ci', '--prefer-offline'));
      rmSync(plain, { recursive: true });
      return ms;
    });
  });
});

/** One of the programs beside this, or null where it can't mount as it is told to. It is stopped after the test. */
async function startCaches(file: string, args: unknown[], what: string): Promise<OwnProcess | null> {
  const child = startProgram(join(import.meta.dirname, file), [JSON.stringify(args)]);
  programs.push(child);
  const [, mount] = args;
  const { isMounted, says } = await child.said<{ isMounted: boolean; says: string }>();
  if (mount === isMounted) return child;
  process.stderr.write(`SKIPPED: ${what}. ${says}\n`);
  return null;
}

/** Five changed files as the head of a pull request. */
function push(bare: string): string {
  const seed = randomBytes(8).toString('hex');
  const lines = [
    'commit refs/pull/7/head',
    `committer Ada <ada@example.com> 1800000000 +0000`,
    'data 1',
    'c',
    'from refs/heads/main',
  ];
  for (let n = 0; n < 5; n++) {
    const content = `${seed} ${n}\n`.repeat(50);
    lines.push(`M 100644 inline ${pathOf(n)}`, `data ${content.length}`, content);
  }
  runWithInput(bare, [...lines, ''].join('\n'), 'fast-import', '--quiet', '--force');
  return run(bare, 'rev-parse', 'refs/pull/7/head');
}
