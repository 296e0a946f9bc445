import { hostname } from 'node:os';
import { afterEach, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { Not } from 'typeorm';
import { Database } from '../../src/database/database.js';
import { Job } from '../../src/database/entities/index.js';
import { MAX_ATTEMPTS, type NewJob, type Queue } from '../../src/queue/contract.js';
import { EmbeddedQueue } from '../../src/queue/embedded.js';
import { GraphileQueue } from '../../src/queue/graphile.js';
import { HAND_OVER } from '../../src/queue/hand-over.js';
import { migratedDatabase, onEachDatabase, onPostgres, type Place } from '../support/databases.js';

const log = pino({ level: process.env['STORY_LOG'] ?? 'silent' });

/** The backend of a database: embedded on SQLite, graphile-worker on PostgreSQL. */
const queueOn = (database: Database, { databaseUrl }: Place): Queue =>
  databaseUrl ? new GraphileQueue(database, databaseUrl, log) : new EmbeddedQueue(database, log);

// A pid beyond the kernel's limit was never a process.
const DEAD = `${hostname()}:99999999:dead`;

/** Makes every job look as if a process of this machine had taken it and died. */
async function orphan(database: Database): Promise<void> {
  await database.write(async (tx) => {
    if (database.kind === 'sqlite')
      return void (await tx.update(
        Job,
        { lane: Not('') },
        { lockedBy: DEAD, lockedUntil: new Date(Date.now() + 60_000) },
      ));
    await tx.query(`INSERT INTO queue_workers (id, owner, seen_at) VALUES ('dead', $1, $2)`, [
      DEAD,
      Date.now(),
    ]);
    await tx.query(HAND_OVER);
    for (const table of ['_private_jobs', '_private_job_queues'])
      await tx.query(`UPDATE graphile_worker.${table} SET locked_by = 'dead', locked_at = now()`);
  });
}

/** Makes a job look as if it had been tried as often as it may. */
async function exhaust(database: Database, subject: string): Promise<void> {
  await database.write(async (tx) => {
    if (database.kind === 'sqlite')
      return void (await tx.update(Job, { subject }, { attempts: MAX_ATTEMPTS }));
    await tx.query(HAND_OVER);
    await tx.query(
      `UPDATE graphile_worker._private_jobs SET attempts = max_attempts WHERE payload->>'subject' = $1`,
      [subject],
    );
  });
}

onEachDatabase('the queue', (databases) => {
  const started: Queue[] = [];
  afterEach(async () => {
    for (const queue of started.splice(0)) await queue.stop();
  });
  const create = async () => {
    const where = await databases.place();
    const database = await databases.open(where);
    const another = () => {
      const queue = queueOn(database, where);
      started.push(queue);
      return queue;
    };
    return { database, queue: another(), another };
  };
  const enqueue = (database: Database, queue: Queue, ...jobs: NewJob[]) =>
    database.write((tx) => queue.enqueue(tx, ...jobs));

  it('runs a job that was committed, and none of a transaction that was rolled back', async () => {
    const { database, queue } = await create();
    const seen: string[] = [];
    const done = signal();
    await queue.start({
      event: {
        concurrency: 1,
        handler: ({ subject }) => {
          seen.push(subject);
          if (subject === 'kept') done.resolve();
          return Promise.resolve();
        },
      },
    });
    await expect(
      database.write(async (tx) => {
        await queue.enqueue(tx, { kind: 'event', subject: 'rolled back', lane: 'a' });
        throw new Error('rolled back');
      }),
    ).rejects.toThrow('rolled back');
    await enqueue(database, queue, { kind: 'event', subject: 'kept', lane: 'b' });
    await done.promise;
    expect(seen).toEqual(['kept']);
  });

  it('runs the jobs of one lane one at a time and in order, those of others beside them', async () => {
    const { database, queue } = await create();
    const log: string[] = [];
    const other = signal();
    const all = signal();
    await enqueue(
      database,
      queue,
      { kind: 'event', subject: 'a1', lane: 'a' },
      { kind: 'event', subject: 'a2', lane: 'a' },
      { kind: 'event', subject: 'b1', lane: 'b' },
    );
    await queue.start({
      event: {
        concurrency: 4,
        handler: async ({ subject }) => {
          log.push(`begin ${subject}`);
          // a1 goes on only once b1 has run: it would wait for ever if lanes held each other up.
          if (subject === 'a1') await other.promise;
          if (subject === 'b1') other.resolve();
          log.push(`end ${subject}`);
          if (subject === 'a2') all.resolve();
        },
      },
    });
    await all.promise;
    expect(log.indexOf('end a1')).toBeLessThan(log.indexOf('begin a2'));
    expect(log.indexOf('begin b1')).toBeLessThan(log.indexOf('end a1'));
  });

  it('finds the next lane behind many jobs of one', async () => {
    const { database, queue } = await create();
    const other = signal();
    const all = signal();
    const lane = (name: string, count: number): NewJob[] =>
      Array.from({ length: count }, (_, n) => ({ kind: 'event', subject: `${name}${n}`, lane: name }));
    await enqueue(database, queue, ...lane('a', 5), ...lane('b', 1));
    await queue.start({
      event: {
        concurrency: 2,
        handler: async ({ subject }) => {
          if (subject === 'a0') await other.promise;
          if (subject === 'b0') other.resolve();
          if (subject === 'a4') all.resolve();
        },
      },
    });
    await all.promise;
  });

  it('keeps to the number of jobs at once of a kind', async () => {
    const { database, queue } = await create();
    let running = 0;
    let most = 0;
    let left = 6;
    const all = signal();
    const both = signal();
    await enqueue(
      database,
      queue,
      ...[1, 2, 3, 4, 5, 6].map((n) => ({ kind: 'pipeline' as const, subject: String(n), lane: String(n) })),
    );
    await queue.start({
      pipeline: {
        concurrency: 2,
        handler: async () => {
          most = Math.max(most, ++running);
          // The first waits for a second, so that two do run at once; a third would be seen.
          if (running === 2) both.resolve();
          await both.promise;
          await new Promise((resolve) => setImmediate(resolve));
          running--;
          if (--left === 0) all.resolve();
        },
      },
    });
    await all.promise;
    expect(most).toBe(2);
  });

  it('calls a handler that threw again, and tells it which try it is', async () => {
    const { database, queue } = await create();
    const attempts: number[] = [];
    const done = signal();
    await enqueue(database, queue, { kind: 'event', subject: 'x', lane: 'x' });
    await queue.start({
      event: {
        concurrency: 1,
        handler: async ({ attempt }) => {
          attempts.push(attempt);
          if (attempt === 1) throw new Error('not yet');
          done.resolve();
          return Promise.resolve();
        },
      },
    });
    await done.promise;
    expect(attempts).toEqual([1, 2]);
  });

  it('takes over at once what a process of this machine left behind when it died', async () => {
    const { database, queue } = await create();
    await enqueue(database, queue, { kind: 'event', subject: 'orphan', lane: 'x' });
    await orphan(database);
    const done = signal();
    await queue.start({ event: { concurrency: 1, handler: () => Promise.resolve(done.resolve()) } });
    await done.promise;
  });

  it('two queues on one database run each job once', async () => {
    const { database, queue, another } = await create();
    const second = another();
    const seen: string[] = [];
    const all = signal();
    const handler = ({ subject }: { subject: string }) => {
      seen.push(subject);
      if (seen.length === 20) all.resolve();
      return Promise.resolve();
    };
    await enqueue(
      database,
      queue,
      ...Array.from({ length: 20 }, (_, n) => ({
        kind: 'event' as const,
        subject: String(n),
        lane: String(n % 7),
      })),
    );
    await Promise.all([
      queue.start({ event: { concurrency: 3, handler } }),
      second.start({ event: { concurrency: 3, handler } }),
    ]);
    await all.promise;
    await queue.stop();
    await second.stop();
    expect(new Set(seen).size).toBe(20);
    expect(seen).toHaveLength(20);
  });

  it('keeps the order of a lane for jobs of one transaction, and leaves none of them waiting', async () => {
    const { database, queue } = await create();
    const seen: number[] = [];
    const all = signal();
    const COUNT = 40;
    await queue.start({
      event: {
        concurrency: 4,
        handler: ({ subject }) => {
          seen.push(Number(subject));
          if (seen.length === COUNT) all.resolve();
          return Promise.resolve();
        },
      },
    });
    await enqueue(
      database,
      queue,
      ...Array.from({ length: COUNT }, (_, n) => ({
        kind: 'event' as const,
        subject: String(n),
        lane: 'one',
      })),
    );
    await all.promise;
    expect(seen).toEqual([...Array(COUNT).keys()]);
  });

  it('holds a job back until it is due', async () => {
    const { database, queue } = await create();
    const due = Date.now() + 1_500;
    const ran = signal();
    let at = 0;
    await queue.start({
      event: { concurrency: 1, handler: () => Promise.resolve(((at = Date.now()), ran.resolve())) },
    });
    await enqueue(database, queue, { kind: 'event', subject: 'later', lane: 'x', runAt: new Date(due) });
    await ran.promise;
    expect(at).toBeGreaterThanOrEqual(due);
  });

  it('lets the running jobs end when it is stopped, and begins no other', async () => {
    const { database, queue } = await create();
    const begun = signal();
    const release = signal();
    const ended: string[] = [];
    await enqueue(
      database,
      queue,
      { kind: 'event', subject: 'first', lane: 'x' },
      { kind: 'event', subject: 'second', lane: 'x' },
    );
    await queue.start({
      event: {
        concurrency: 1,
        handler: async ({ subject }) => {
          begun.resolve();
          await release.promise;
          ended.push(subject);
        },
      },
    });
    await begun.promise;
    const stopping = queue.stop();
    release.resolve();
    await stopping;
    expect(ended).toEqual(['first']);
    expect(await queue.counts()).toEqual({ queued: 1, running: 0, failed: 0 });
  });

  it('counts what waits, runs and failed', async () => {
    const { database, queue } = await create();
    await enqueue(
      database,
      queue,
      { kind: 'event', subject: '1', lane: '1' },
      { kind: 'event', subject: '2', lane: '2', runAt: new Date(Date.now() + 60_000) },
    );
    await exhaust(database, '1');
    expect(await queue.counts()).toEqual({ queued: 1, running: 0, failed: 1 });
  });

  it('tells which subjects no job works for any more, and hands failed ones over once', async () => {
    const { database, queue } = await create();
    const kinds = ['pipeline', 'publish'] as const;
    for (const kind of kinds)
      for (const subject of ['waits', 'failed'])
        await enqueue(database, queue, { kind, subject, lane: `${kind}:${subject}` });
    await exhaust(database, 'failed');
    expect(await queue.withJob('pipeline', ['waits', 'failed', 'never'])).toEqual(new Set(['waits']));
    const take = () => database.write((tx) => queue.takeFailed(tx, 'publish', 10));
    expect(await take()).toEqual(['failed']);
    expect(await take()).toEqual([]);
    // What failed is no obstacle to another try.
    await enqueue(database, queue, { kind: 'pipeline', subject: 'failed', lane: 'pipeline:failed' });
    expect(await queue.withJob('pipeline', ['failed'])).toEqual(new Set(['failed']));
  });
});

onPostgres('jobs on PostgreSQL', (server) => {
  it('are handed over again when the connections were cut', async () => {
    const databaseUrl = await migratedDatabase(server());
    const database = await Database.open({ databaseUrl, dataDir: '' });
    const queue = new GraphileQueue(database, databaseUrl, log);
    const ran = new Map(['before', 'after'].map((subject) => [subject, signal()]));
    await queue.start({
      event: { concurrency: 1, handler: ({ subject }) => Promise.resolve(ran.get(subject)!.resolve()) },
    });
    const enqueue = (subject: string) =>
      database.write((tx) => queue.enqueue(tx, { kind: 'event', subject, lane: 'x' }));
    await enqueue('before');
    await ran.get('before')!.promise;
    await database.write((tx) =>
      tx.query(
        `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
         WHERE datname = current_database() AND pid <> pg_backend_pid()`,
      ),
    );
    await enqueue('after');
    await ran.get('after')!.promise;
    await queue.stop();
    await database.close();
  });
});

function signal(): { promise: Promise<void>; resolve: () => void } {
  let resolve!: () => void;
  const promise = new Promise<void>((settle) => (resolve = settle));
  return { promise, resolve };
}
