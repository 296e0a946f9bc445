import { loadEnvFile, readConfig } from '../config.js';
import { createDataSource } from '../database/data-source.js';
import { installQueueSchema } from '../queue/graphile-schema.js';

/** `--rollback` undoes the last migration only; the queue's own schema only ever goes forward. */
export async function migrateCommand(args: string[]): Promise<number> {
  loadEnvFile();
  const { databaseUrl, dataDir } = readConfig();
  const source = await createDataSource({ databaseUrl, dataDir }).initialize();
  try {
    if (args.includes('--rollback')) {
      await source.undoLastMigration();
      console.log('The last migration is undone.');
    } else {
      const done = await source.runMigrations();
      if (databaseUrl) await installQueueSchema(databaseUrl);
      console.log(
        done.length === 0 ? 'Nothing to migrate.' : done.map(({ name }) => `Migrated: ${name}`).join('\n'),
      );
    }
    return 0;
  } finally {
    await source.destroy();
  }
}
