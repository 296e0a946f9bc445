/** Whether a database can be reached, and has the schema that this version of CodegenApp knows. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { DataSource } from 'typeorm';
import { OperationalError, messageOf } from '../domain/errors.js';

/** A new database is switched to WAL as it is opened, which SQLite refuses at once while another connection writes. */
const CONNECT_TRIES = 50;
const CONNECT_PAUSE_MS = 20;

/** @throws OperationalError when it can't be reached */
export async function connect(source: DataSource): Promise<void> {
  try {
    for (let left = CONNECT_TRIES - 1; ; left--) {
      try {
        await source.initialize();
        return;
      } catch (error) {
        if (left === 0 || !isBusy(error)) throw error;
        await sleep(CONNECT_PAUSE_MS);
      }
    }
  } catch (error) {
    throw new OperationalError(`The database can't be reached: ${messageOf(error)}.`, {
      advice: 'Check DATABASE_URL, or for SQLite that DATA_DIR can be written.',
      retryable: true,
      cause: error,
    });
  }
}

/** Whether another process held SQLite's lock for too long. */
export const isBusy = (error: unknown): boolean => messageOf(error).startsWith('SQLITE_BUSY');

/** Names, oldest first. */
export async function appliedMigrations(source: DataSource): Promise<string[]> {
  const runner = source.createQueryRunner();
  try {
    if (!(await runner.hasTable('migrations'))) return [];
    const rows = (await runner.query('SELECT name FROM migrations ORDER BY timestamp')) as { name: string }[];
    return rows.map((row) => row.name);
  } finally {
    await runner.release();
  }
}

/** @throws OperationalError when a newer version of CodegenApp has migrated it */
export async function refuseNewer(source: DataSource): Promise<void> {
  const known = new Set(source.migrations.map((migration) => migration.name ?? migration.constructor.name));
  const foreign = (await appliedMigrations(source)).filter((name) => !known.has(name));
  if (foreign.length > 0)
    throw new OperationalError(
      `The database is newer than this version of CodegenApp: it has the migration ${foreign.join(', ')}.`,
      { advice: 'Start the newer version, or roll back with it: npm run migrate:rollback.' },
    );
}

/** @throws OperationalError when its schema is older or newer than this version's */
export async function requireMigrated(source: DataSource): Promise<void> {
  await refuseNewer(source);
  if (await source.showMigrations())
    throw new OperationalError('The database is not migrated to this version of CodegenApp.', {
      advice: 'Run `npm run migrate` once, then start again.',
    });
}
