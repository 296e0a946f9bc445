import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createDataSource } from '../../src/database/data-source.js';
import { migratedDatabase, onPostgres } from '../support/databases.js';
import { appKeys } from '../support/fake-github/app-registration.js';

const CLI = join(import.meta.dirname, '../../dist/cli.js');

describe('codegenapp, called wrongly or where it can’t work', () => {
  let folder: string;
  let dataDir: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'codegenapp-cli-'));
    dataDir = join(folder, 'data');
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  /** Resolves when it has ended by itself: nothing may keep it. */
  function call(args: string[], env: Record<string, string> = {}): Promise<{ code: unknown; said: string }> {
    const { PATH = '' } = process.env;
    const options = {
      cwd: folder,
      timeout: 40_000,
      env: {
        PATH,
        DATA_DIR: dataDir,
        HOST: '127.0.0.1',
        PORT: '0',
        LOG_FILE: '',
        LOG_LEVEL: 'error',
        APP_ID: '1',
        PRIVATE_KEY: appKeys().privateKey,
        WEBHOOK_SECRET: 'a-webhook-secret-of-32-characters',
        ...env,
      } as NodeJS.ProcessEnv,
    };
    return new Promise((resolve) => {
      execFile(process.execPath, [CLI, ...args], options, (error, stdout, stderr) =>
        resolve({ code: error ? (error.code ?? error.signal) : 0, said: `${stdout}${stderr}` }),
      );
    });
  }

  it.each([
    [['migrate', '--rollbak'], /migrate does not take --rollbak\..*--rollback/s],
    [['start', '--no-wroker'], /start does not take --no-wroker\..*--no-worker/s],
    [['worker', 'now'], /worker does not take now\./],
    [['serve'], /no command "serve".*validate/s],
  ])('%j does nothing but say what there is', async (args, says) => {
    const { code, said } = await call(args);
    expect(said).toMatch(says);
    expect(code).toBe(2);
    expect(existsSync(dataDir)).toBe(false);
  });

  it('ends without a word when nobody reads on', async () => {
    const env = {
      PATH: process.env['PATH'],
      DATA_DIR: dataDir,
      GHE_HOST: '127.0.0.1:1',
      GHE_PROTOCOL: 'http',
    };
    const script = '"$@" | head -1; echo "${PIPESTATUS[0]}"';
    const { stdout, stderr } = await promisify(execFile)(
      'bash',
      // With a pipe of Node for its stdin bash would read ~/.bashrc.
      ['--norc', '-c', script, 'bash', process.execPath, CLI, 'doctor'],
      { cwd: folder, env, timeout: 40_000 },
    );
    expect(stderr).toBe('');
    expect(stdout.split('\n')).toEqual([expect.stringContaining('Configuration'), '143', '']);
  });

  it('describes a command where it is asked to, instead of running it', async () => {
    const { code, said } = await call(['start', '--help']);
    expect(said).toMatch(/start \[--no-worker\]\n.*Runs the server/);
    expect(code).toBe(0);
  });

  it('ends where its port is taken, its data can’t be written, or its log', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const port = String((taken.address() as AddressInfo).port);
    writeFileSync(join(folder, 'file'), '');
    try {
      for (const [env, says] of [
        [
          { PORT: port },
          /can't listen on port \d+ of 127\.0\.0\.1: another program listens there\.\nSet PORT/,
        ],
        [{ PORT: port, APP_ID: '', PRIVATE_KEY: '' }, /another program listens there\.\nSet PORT/],
        [{ DATA_DIR: join(folder, 'file') }, /DATA_DIR .*file can't be used: .*\nSet DATA_DIR/],
        [{ LOG_FILE: join(folder, 'file/log') }, /log file .* can't be written: .*\nSet LOG_FILE/],
      ] as const) {
        const { code, said } = await call(['start'], { NO_SMEE_SETUP: 'true', ...env });
        expect(said).toMatch(says);
        expect(code).toBe(1);
      }
    } finally {
      taken.close();
    }
  });

  onPostgres('PostgreSQL', (server) => {
    it.each(['graphile_worker.migrations', 'queue_workers'])(
      'that is lost before it was asked about %s is named',
      async (query) => {
        const databaseUrl = await migratedDatabase(server());
        const url = new URL(databaseUrl);
        const cut = await cutAt(query, url.searchParams.get('host')!, folder);
        url.searchParams.set('host', folder);
        const { code, said } = await call(['worker'], { DATABASE_URL: url.href, SANDBOX: 'none' });
        cut.close();
        expect(said).toMatch(/^The database was lost during the start: .+\.\nSee that it is up/m);
        expect(code).toBe(1);
      },
    );

    it.each(['CREATE TABLE "projects"', 'graphile_worker'])(
      'that is lost while migrating, at %s, is named',
      async (query) => {
        const url = new URL(await server().createDatabase());
        const cut = await cutAt(query, url.searchParams.get('host')!, folder);
        url.searchParams.set('host', folder);
        const { code, said } = await call(['migrate'], { DATABASE_URL: url.href });
        cut.close();
        expect(said).toMatch(
          /^The database was lost during the migration: .+\.\nSee that it is up.*run it again/m,
        );
        expect(code).toBe(2);
      },
    );
  });

  it('neither migrates nor rolls back a database of a newer version, and doctor sees it', async () => {
    expect(await call(['migrate'])).toMatchObject({ code: 0, said: expect.stringContaining('Migrated: ') });
    expect(await call(['migrate'])).toEqual({ code: 0, said: 'Nothing to migrate.\n' });
    const source = await createDataSource({ databaseUrl: null, dataDir }).initialize();
    await source.query(`INSERT INTO migrations (timestamp, name) VALUES (9999999999999, 'FromTheFuture')`);
    await source.destroy();
    const newer = /newer than this version.*FromTheFuture/;
    for (const args of [['migrate'], ['migrate', '--rollback']]) {
      const { code, said } = await call(args);
      expect(said).toMatch(newer);
      expect(code).toBe(2);
    }
    // Nothing is asked of GitHub: that it can't be reached is another line.
    const { code, said } = await call(['doctor'], { GHE_HOST: '127.0.0.1:1', GHE_PROTOCOL: 'http' });
    expect(said).toMatch(new RegExp(`✗ Database: .*${newer.source}`));
    expect(code).toBe(1);
  });
});

/** A PostgreSQL in another folder that goes away, for good, when it is asked something. */
async function cutAt(query: string, there: string, here: string) {
  const socketIn = (place: string) => join(place, '.s.PGSQL.5432');
  const open = new Set<Socket>();
  const server = createServer((client) => {
    const database = connect(socketIn(there));
    for (const socket of [client, database]) {
      open.add(socket);
      socket
        .on('error', () => undefined)
        .on('close', () => [client, database].forEach((end) => end.destroy()));
    }
    client.on('data', (chunk) => {
      if (!chunk.includes(query)) return database.write(chunk);
      server.close();
      return open.forEach((socket) => socket.destroy());
    });
    database.pipe(client);
  });
  server.listen(socketIn(here));
  await once(server, 'listening');
  return server;
}
