import { expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';
import { compress, compressToText } from '../../src/database/compression.js';
import { createDataSource } from '../../src/database/data-source.js';
import { Database } from '../../src/database/database.js';
import { Project, ValidationPipeline, WebhookEvent } from '../../src/database/entities/index.js';
import { newId } from '../../src/domain/ids.js';
import { installQueueSchema, requireQueueSchema } from '../../src/queue/graphile-schema.js';
import { onEachDatabase, type Place } from '../support/databases.js';
import { projectRow } from '../support/pipeline-rows.js';

onEachDatabase('the migrations', (databases) => {
  const withSource = async <T>(where: Place, work: (source: DataSource) => Promise<T>): Promise<T> => {
    const source = await createDataSource(where).initialize();
    try {
      return await work(source);
    } finally {
      await source.destroy();
    }
  };

  it('make the schema that the entities describe', async () => {
    const where = await databases.emptyPlace();
    await withSource(where, async (source) => {
      await source.runMigrations();
      const { upQueries } = await source.driver.createSchemaBuilder().log();
      expect(upQueries.map(({ query }) => query)).toEqual([]);
    });
  });

  it('go forward and back over rows that exist, which keep what the older schema knows', async () => {
    const where = await databases.emptyPlace();
    await withSource(where, async (source) => {
      await source.runMigrations();
      const id = newId();
      const now = new Date();
      await source.manager.insert(Project, projectRow({ id }));
      await source.manager.insert(ValidationPipeline, {
        id,
        projectId: id,
        headSha: 'a'.repeat(40),
        headRef: 'feature',
        baseRef: 'main',
        fetchRef: 'refs/pull/1/head',
        trigger: 'event',
        status: 'completed',
        conclusion: 'success',
        createdAt: now,
        updatedAt: now,
      });
      const payload = '{"zen":"Mind your words, they are important: naïve ☃"}';
      const event = {
        deliveryId: id,
        event: 'ping',
        status: 'ignored' as const,
        // As the inbox writes it.
        payload: where.databaseUrl
          ? compressToText(Buffer.from(payload))
          : (compress(Buffer.from(payload)) as unknown as string),
        receivedAt: now,
      };
      await source.manager.insert(WebhookEvent, { ...event, id });
      if (where.databaseUrl) {
        await source.query(`INSERT INTO log_chunks VALUES ($1, 'test', 0, 'printed')`, [id]);
        await source.query(`INSERT INTO screenshots VALUES ($1, 'a.png', 'png')`, [id]);
        await source.query(`INSERT INTO queue_workers VALUES ('worker', 'owner', 1)`);
      }
      await source.query(`INSERT INTO leases (name) VALUES ('reconcile')`);
      const projects = () => source.query<unknown[]>('SELECT id, full_name, created_at FROM projects');
      const before = await projects();
      // The initial schema is not undone: there would be nothing left to keep.
      for (let left = source.migrations.length - 1; left > 0; left--) {
        await source.undoLastMigration();
        expect(await projects()).toEqual(before);
      }
      expect(await source.query('SELECT payload FROM webhook_events')).toEqual([{ payload }]);
      const redone = await source.runMigrations();
      expect(redone).toHaveLength(source.migrations.length - 1);
      expect(await projects()).toEqual(before);
      expect(await source.manager.findOneBy(WebhookEvent, { id })).toMatchObject({ payload });
      expect(await source.manager.findOneBy(ValidationPipeline, { id })).toMatchObject({
        conclusion: 'success',
        createdAt: now,
      });
      while ((await source.query<unknown[]>('SELECT 1 FROM migrations')).length > 0)
        await source.undoLastMigration();
      await expect(projects()).rejects.toThrow(/projects/);
    });
  });

  it('of a newer version keep an older one from starting', async () => {
    const where = await databases.emptyPlace();
    await withSource(where, async (source) => {
      await source.runMigrations();
      await source.query(`INSERT INTO migrations (timestamp, name) VALUES (9999999999999, 'FromTheFuture')`);
    });
    await expect(Database.open(where)).rejects.toMatchObject({
      message: expect.stringMatching(/newer than this version.*FromTheFuture/),
      advice: expect.stringContaining('npm run migrate:rollback'),
    });
  });

  it('that did not run are run on SQLite, and asked for on PostgreSQL', async () => {
    const where = await databases.emptyPlace();
    if (where.databaseUrl === null) {
      const database = await Database.open(where);
      expect(await database.read.count(Project)).toBe(0);
      return database.close();
    }
    const unmigrated = {
      message: expect.stringContaining('not migrated'),
      advice: expect.stringContaining('npm run migrate'),
    };
    await expect(Database.open(where)).rejects.toMatchObject(unmigrated);
    await withSource(where, (source) => source.runMigrations());
    const database = await Database.open(where);
    try {
      await expect(requireQueueSchema(database)).rejects.toMatchObject(unmigrated);
      await installQueueSchema(where.databaseUrl);
      await requireQueueSchema(database);
      // Twice is as good as once.
      await installQueueSchema(where.databaseUrl);
      await database.write((tx) =>
        tx.query('INSERT INTO graphile_worker.migrations (id, breaking) VALUES (99, true)'),
      );
      await expect(requireQueueSchema(database)).rejects.toMatchObject({
        message: expect.stringContaining('newer'),
      });
    } finally {
      await database.close();
    }
  });
});
