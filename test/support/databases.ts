/** Runs a suite on SQLite, and on a real PostgreSQL where its binaries are found. */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { createDataSource } from '../../src/database/data-source.js';
import { Database } from '../../src/database/database.js';
import { installQueueSchema } from '../../src/queue/graphile-schema.js';
import { postgresBinaries, startPostgres, type TestPostgres } from './postgres.js';

export interface Place {
  databaseUrl: string | null;
  dataDir: string;
}

export interface TestDatabases {
  /** Where a fresh database is, which has the schema. On SQLite that is a folder. */
  place(): Promise<Place>;
  /** The same without the schema. */
  emptyPlace(): Promise<Place>;
  /** A fresh database, or that of a place, open; closed after the suite. */
  open(where?: Place): Promise<Database>;
}

/** Runs a suite on a real PostgreSQL where its binaries are found; otherwise says that it is skipped. */
export function onPostgres(name: string, suite: (server: () => TestPostgres) => void): void {
  let server: TestPostgres | null = null;
  if (!postgresBinaries()) {
    process.stderr.write(
      `SKIPPED: ${name}, because initdb and postgres were not found (apt-get install postgresql)\n`,
    );
    it.skip(name, () => undefined);
    return;
  }
  describe(name, () => {
    beforeAll(async () => {
      server = await startPostgres();
    });
    suite(() => server!);
    afterAll(() => server?.stop());
  });
}

export function onEachDatabase(name: string, suite: (databases: TestDatabases) => void): void {
  describe(`${name} on SQLite`, () => suite(onSqlite()));

  onPostgres(`${name} on PostgreSQL`, (server) => suite(databases(server)));
}

/** Databases for a suite that is about SQLite alone. To be called in its describe. */
export const onSqlite = (): TestDatabases => databases(() => null);

function databases(server: () => TestPostgres | null): TestDatabases {
  const folders: string[] = [];
  const opened: Database[] = [];
  // A copy takes a fraction of the time that migrations take.
  let template: Promise<Place> | null = null;
  const copyOf = async (like: Place | null): Promise<Place> => {
    const dataDir = mkdtempSync(join(tmpdir(), 'codegenapp-db-'));
    folders.push(dataDir);
    if (like) cpSync(like.dataDir, dataDir, { recursive: true });
    const postgres = server();
    return { dataDir, databaseUrl: postgres && (await postgres.createDatabase(like?.databaseUrl)) };
  };
  const emptyPlace = () => copyOf(null);
  const place = async () => copyOf(await (template ??= emptyPlace().then(migrated)));
  afterAll(async () => {
    for (const database of opened) await database.close();
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  });
  return {
    place,
    emptyPlace,
    async open(given?: Place) {
      const where = given ?? (await place());
      const database = await Database.open(where);
      opened.push(database);
      return database;
    },
  };
}

/** @returns the URL of a fresh database that has the schema */
export async function migratedDatabase(server: TestPostgres): Promise<string> {
  const where = { databaseUrl: await server.createDatabase(), dataDir: '' };
  await migrated(where);
  return where.databaseUrl;
}

/** Gives an empty database its schema. */
async function migrated(where: Place): Promise<Place> {
  const source = await createDataSource(where).initialize();
  await source.runMigrations();
  await source.destroy();
  if (where.databaseUrl) await installQueueSchema(where.databaseUrl);
  return where;
}
