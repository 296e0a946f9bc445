import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { execa } from 'execa';
import { prepareDataDir } from '../../src/data-dir.js';
import { messageOf } from '../../src/domain/errors.js';
import { sandboxUser } from '../../src/sandbox/user.js';
import { run } from '../support/sample-git.js';
import { startGitServer, type GitServer } from './git-server.js';
import { compareAll, median, record, timed, type Compared } from './figures.js';
import { makeHistory, push } from './history.js';
import { startProgram, type OwnProcess } from './own-process.js';

const OWNER = sandboxUser();
/**
 * In memory, where there is room: on a disk, making many files costs what the disk is, and not what we do. (An ext4
 * without a journal, as virtual machines have, looks at each inode that was deleted in the last minutes before it
 * takes one: there, a copied checkout takes up to three times as long once others were removed.)
 */
const BASE = hasRoom('/dev/shm') ? '/dev/shm' : tmpdir();
const note = BASE === tmpdir() ? 'on disk' : 'on tmpfs';

function hasRoom(folder: string): boolean {
  if (!existsSync(folder)) return false;
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize > 2e9;
}

const folders: string[] = [];
const running: { stop(): void }[] = [];
function temporary(): string {
  const folder = mkdtempSync(join(BASE, 'codegenapp-bench-'));
  // Scripts' own user passes through.
  chmodSync(folder, 0o711);
  folders.push(folder);
  return folder;
}

/** One way to check out, in a process of its own. */
interface Checkouts {
  name: string;
  most: number;
  checkout: (sha: string) => Promise<number>;
  bytes: number[];
}

describe('caches', () => {
  const host = temporary();
  const bare = join(host, 'octo/big.git');
  const repository = temporary();
  const npmOptions = ['--no-audit', '--no-fund', '--ignore-scripts', '--cache', temporary()];
  const npm = (cwd: string, ...args: string[]) => execa('npm', [...args, ...npmOptions], { cwd });
  let server: GitServer;
  let url: string;
  let checkouts: Checkouts[];
  let setups: Compared[];
  let unable: unknown = null;

  // Side by side: it takes longer than what is measured.
  beforeAll(async () => {
    const failed = (error: unknown) => {
      unable = error;
      return [];
    };
    [checkouts, setups] = await Promise.all([prepareCheckouts(), prepareSetups().catch(failed)]);
  });
  afterAll(() => {
    for (const program of running) program.stop();
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  });

  async function prepareCheckouts(): Promise<Checkouts[]> {
    await makeHistory(bare);
    server = await startGitServer(host);
    running.push(server);
    url = `${server.url}/octo/big.git`;
    const source = { host: server.host, fullName: 'octo/big', url };
    const start = async (name: string, mount: boolean, most: number) => {
      const data = join(temporary(), 'data');
      await prepareDataDir(data);
      const child = await startCaches('checkouts.mjs', [data, mount, OWNER], `${name} checkouts`);
      if (!child) return [];
      const checkout = (sha: string) => msOf(child, { source, ref: 'refs/pull/7/head', sha, depth: 1 });
      return [{ name, most, checkout, bytes: [] }];
    };
    const started = await Promise.all([start('copied', false, 0.15), start('mounted', true, 0.06)]);
    const first = push(bare);
    await Promise.all(started.flat().map(({ checkout }) => checkout(first)));
    return started.flat();
  }

  async function prepareSetups(): Promise<Compared[]> {
    writeFileSync(
      join(repository, 'package.json'),
      '{"name":"bench","dependencies":{"express":"5.1.0","lodash":"4.17.21","axe-core":"4.10.0"}}',
    );
    await npm(repository, 'install');
    writeFileSync(join(repository, '.gitignore'), 'node_modules\n');
    rmSync(join(repository, 'node_modules'), { recursive: true });
    run(repository, 'init', '-q', '-b', 'main');
    run(repository, 'add', '-A');
    run(repository, 'commit', '-qm', 'First');
    const sha = run(repository, 'rev-parse', 'HEAD');
    const source = { host: 'local', fullName: 'local/app', url: join(repository, '.git') };
    const start = async (name: string, mount: boolean, most: number) => {
      const args = [join(temporary(), 'data'), mount, OWNER, source, sha, npmOptions];
      const child = await startCaches('setups.mjs', args, `${name} setups`);
      if (!child) return [];
      const against = `unchanged setup, ${name}, against npm ci --prefer-offline`;
      return [{ name: against, unit: 'ms', bound: { most }, note, ours: () => msOf(child, {}) }];
    };
    const started = await Promise.all([start('copied', false, 0.05), start('mounted', true, 0.01)]);
    return started.flat();
  }

  it('a second push of a repository with history, against a full clone', async () => {
    let cloned = 0;
    await compareAll(
      checkouts.map(({ name, checkout, most, bytes }) => ({
        name: `checkout of a second push, ${name}, against a full clone`,
        unit: 'ms',
        bound: { most },
        note,
        ours: async () => {
          const sha = push(bare);
          const before = await server.sentBytes();
          const ms = await checkout(sha);
          bytes.push((await server.sentBytes()) - before);
          return ms;
        },
      })),
      async () => {
        const into = temporary();
        const before = await server.sentBytes();
        const ms = await timed(() => execa('git', ['clone', '-q', url, into]));
        cloned = (await server.sentBytes()) - before;
        rmSync(into, { recursive: true });
        return ms;
      },
    );
    for (const { name, bytes } of checkouts)
      record({
        name: `… bytes fetched, ${name}`,
        ours: median(bytes) / 1000,
        reference: cloned / 1000,
        unit: 'kB',
        ratio: median(bytes) / cloned,
        bound: { most: 0.01 },
        rounds: bytes.length,
      });
  });

  it('a setup with an unchanged lockfile, against npm ci --prefer-offline', async () => {
    if (unable) {
      process.stderr.write(
        `SKIPPED: the setup cache, because npm could not install: ${messageOf(unable).slice(0, 300)}\n`,
      );
      return;
    }
    await compareAll(setups, async () => {
      const plain = temporary();
      for (const name of ['package.json', 'package-lock.json'])
        execFileSync('cp', [join(repository, name), plain]);
      const ms = await timed(() => npm(plain, 'ci', '--prefer-offline'));
      rmSync(plain, { recursive: true });
      return ms;
    });
  });
});

/** One of the programs beside this, or null where it can't mount as it is told to. It is stopped at the end. */
async function startCaches(file: string, args: unknown[], what: string): Promise<OwnProcess | null> {
  const child = startProgram(join(import.meta.dirname, file), [JSON.stringify(args)]);
  running.push(child);
  const [, mount] = args;
  const { isMounted, says } = await child.said<{ isMounted: boolean; says: string }>();
  if (mount === isMounted) return child;
  process.stderr.write(`SKIPPED: ${what}. ${says}\n`);
  return null;
}

/** How long it took to do what it was told. */
async function msOf(child: OwnProcess, told: object): Promise<number> {
  child.send(told);
  return (await child.said<{ ms: number }>()).ms;
}
