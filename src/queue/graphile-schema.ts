import { runMigrations } from 'graphile-worker';
import type { Database } from '../database/database.js';
import { OperationalError } from '../domain/errors.js';

/** The last migration of graphile-worker 0.17. */
const KNOWN_MIGRATION = 19;

/** Makes or updates graphile-worker's own schema, which lives beside ours in the same PostgreSQL database. */
export async function installQueueSchema(databaseUrl: string): Promise<void> {
  await runMigrations({ connectionString: databaseUrl });
}

/** @throws OperationalError where graphile-worker's schema is missing, older or newer than this version knows */
export async function requireQueueSchema(database: Database): Promise<void> {
  const [table] = await database.read.query<{ name: string | null }[]>(
    `SELECT to_regclass('graphile_worker.migrations') AS name`,
  );
  const [row] = !table?.name
    ? []
    : await database.read.query<{ newest: number | null; breaking: boolean | null }[]>(
        `SELECT max(id) AS newest, bool_or(breaking AND id > ${KNOWN_MIGRATION}) AS breaking
           FROM graphile_worker.migrations`,
      );
  if (row?.breaking)
    throw new OperationalError('The queue of this database is newer than this version of CodegenApp.', {
      advice: 'Start the newer version.',
    });
  if ((row?.newest ?? 0) < KNOWN_MIGRATION)
    throw new OperationalError('The queue of this database is not migrated to this version of CodegenApp.', {
      advice: 'Run `npm run migrate` once, then start again.',
    });
}
