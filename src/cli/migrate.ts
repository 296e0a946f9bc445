import { loadEnvFile, readConfig } from '../config.js';
import { createDataSource } from '../database/data-source.js';
import { appliedMigrations, connect, refuseNewer } from '../database/schema-version.js';
import { lostDatabase } from '../database/unreachable.js';
import { installQueueSchema } from '../queue/graphile-schema.js';

/** `--rollback` undoes the last migration only; the queue's own schema only ever goes forward. */
export async function migrateCommand(args: string[]): Promise<number> {
  loadEnvFile();
  const { databaseUrl, dataDir } = readConfig();
  const source = createDataSource({ databaseUrl, dataDir });
  await connect(source);
  try {
    await refuseNewer(source);
    if (args.includes('--rollback')) {
      const last = (await appliedMigrations(source)).at(-1);
      if (last !== undefined) await source.undoLastMigration();
      console.log(last === undefined ? 'There is no migration to undo.' : `Undone: ${last}`);
    } else {
      const done = await source.runMigrations();
      if (databaseUrl) await installQueueSchema(databaseUrl);
      console.log(
        done.length === 0 ? 'Nothing to migrate.' : done.map(({ name }) => `Migrated: ${name}`).join('\n'),
      );
    }
    return 0;
  } catch (error) {
    throw lostDatabase(error, 'the migration', 'run it again: it goes on where it ended') ?? error;
  } finally {
    await source.destroy();
  }
}
