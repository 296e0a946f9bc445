/** A PostgreSQL server of the tests' own, where its binaries are found. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';

/** The folder of initdb and postgres, or null. */
export function postgresBinaries(): string | null {
  const root = '/usr/lib/postgresql';
  const versions = existsSync(root) ? readdirSync(root).sort((a, b) => Number(b) - Number(a)) : [];
  const folders = [
    ...versions.map((version) => join(root, version, 'bin')),
    ...(process.env['PATH'] ?? '').split(':'),
  ];
  return (
    folders.find((folder) => existsSync(join(folder, 'initdb')) && existsSync(join(folder, 'postgres'))) ??
    null
  );
}

export interface TestPostgres {
  /** Makes a fresh database, empty or as the one with this URL is, and answers its URL. */
  createDatabase(like?: string | null): Promise<string>;
  /** Stops the server, does the work, and starts it again. */
  interrupt(work: () => Promise<void>): Promise<void>;
  stop(): Promise<void>;
}

/**
 * PostgreSQL refuses to run as root, so as root it runs as `nobody`. Listens on a socket of its own folder only.
 * @param durable whether commits reach the disk, as in production; tests need no power cut to be survived
 */
export async function startPostgres({ durable = false } = {}): Promise<TestPostgres> {
  const binaries = postgresBinaries();
  if (!binaries) throw new Error('no PostgreSQL binaries on this machine');
  const folder = mkdtempSync(join(tmpdir(), 'codegenapp-pg-'));
  const user = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};
  if (user.uid) chownSync(folder, user.uid, user.gid);
  const data = join(folder, 'data');
  const env = { PATH: process.env['PATH'], LC_ALL: 'C', HOME: folder };
  execFileSync(
    join(binaries, 'initdb'),
    ['-D', data, '-U', 'test', '-A', 'trust', '--no-sync', '-E', 'UTF8'],
    {
      ...user,
      env,
      cwd: folder,
      stdio: 'ignore',
    },
  );
  const start = async () => {
    const started = spawn(
      join(binaries, 'postgres'),
      [
        ...['-D', data, '-k', folder, '-c', 'listen_addresses=', '-c', 'max_connections=200'],
        ...(durable ? [] : ['-c', 'fsync=off']),
      ],
      { ...user, env, cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] },
    );
    await ready(started);
    return started;
  };
  let server = await start();
  const end = async (signal: NodeJS.Signals) => {
    const ended = new Promise((resolve) => server.once('exit', resolve));
    server.kill(signal);
    await ended;
  };
  const urlOf = (database: string) =>
    `postgres://test@localhost/${database}?host=${encodeURIComponent(folder)}`;
  let count = 0;
  return {
    async createDatabase(like) {
      const name = `test_${++count}`;
      const client = new pg.Client({ connectionString: urlOf('postgres') });
      await client.connect();
      const template = like ? `TEMPLATE ${new URL(like).pathname.slice(1)}` : '';
      await client.query(`CREATE DATABASE ${name} ${template}`);
      await client.end();
      return urlOf(name);
    },
    async interrupt(work) {
      await end('SIGINT');
      try {
        await work();
      } finally {
        server = await start();
      }
    },
    async stop() {
      await end('SIGQUIT');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Resolves with the server's own word that it is ready; rejects with what it said when it ended instead. */
function ready(server: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = '';
    server.stderr!.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes('database system is ready to accept connections')) resolve();
    });
    server.once('exit', () => reject(new Error(`PostgreSQL did not start: ${said}`)));
  });
}
