import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { Database } from '../../src/database/database.js';
import { Project, ValidationPipeline } from '../../src/database/entities/index.js';
import { pageOf } from '../../src/database/pages.js';
import { readStats } from '../../src/database/stats.js';
import { migratedDatabase } from '../support/databases.js';
import { fillPipelines, projectRow } from '../support/pipeline-rows.js';
import { postgresBinaries, startPostgres, type TestPostgres } from '../support/postgres.js';
import { compare, timed } from './figures.js';

/** More than the usual five: single queries of some milliseconds. */
const ROUNDS = 25;
const FEW = 1_000;
const MOST = 1_000_000;

interface Filled {
  database: Database;
  projectId: string;
}

describe('lists', () => {
  let postgres: TestPostgres | null = null;
  const folders: string[] = [];
  const databases = new Map<string, Promise<[Filled, Filled]>>();
  beforeAll(async () => {
    if (postgresBinaries()) postgres = await startPostgres();
    // At the same time: that takes longer than all that is measured here.
    for (const kind of postgres ? ['SQLite', 'PostgreSQL'] : ['SQLite'])
      databases.set(kind, Promise.all([filled(kind, FEW), filled(kind, MOST)]));
    await Promise.all(databases.values());
  });
  afterAll(async () => {
    await postgres?.stop();
    for (const folder of folders) rmSync(folder, { recursive: true });
  });

  async function filled(kind: string, count: number): Promise<Filled> {
    const dataDir = mkdtempSync(join(tmpdir(), 'codegenapp-bench-'));
    folders.push(dataDir);
    const databaseUrl = kind === 'PostgreSQL' ? await migratedDatabase(postgres!) : null;
    const database = await Database.open({ databaseUrl, dataDir });
    const project = projectRow();
    await database.write((tx) => tx.insert(Project, project));
    await fillPipelines(database, project.id, count);
    return { database, projectId: project.id };
  }

  it.each(['SQLite', 'PostgreSQL'])('of pipelines, and statistics over them, on %s', async (kind) => {
    if (kind === 'PostgreSQL' && !postgres) {
      process.stderr.write('SKIPPED: lists on PostgreSQL, because initdb and postgres were not found\n');
      return;
    }
    const [few, most] = await databases.get(kind)!;
    const page = ({ database, projectId }: Filled) =>
      timed(() => pageOf(database, ValidationPipeline, { projectId }, { limit: 50 }));
    const stats = ({ database, projectId }: Filled) => timed(() => readStats(database, { projectId }));
    await compare(
      {
        name: `page of 50 of 1,000,000 pipelines, against 1,000, ${kind}`,
        unit: 'ms',
        bound: { most: 1.5 },
        rounds: ROUNDS,
      },
      () => page(most),
      () => page(few),
    );
    await compare(
      {
        name: `statistics over 1,000,000 pipelines, against 1,000, ${kind}`,
        unit: 'ms',
        bound: { most: 1.5 },
        rounds: ROUNDS,
      },
      () => stats(most),
      () => stats(few),
    );
    for (const { database } of [few, most]) await database.close();
  });
});
