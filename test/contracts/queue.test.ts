import { afterEach, expect, it } from '@jest/globals';
import { pino } from 'pino';
import type { Database } from '../../src/database/database.js';
import { Job } from '../../src/database/entities/index.js';
import type { NewJob, Queue } from '../../src/queue/contract.js';
import { EmbeddedQueue } from '../../src/queue/embedded.js';
import { onEachDatabase } from '../support/databases.js';

const log = pino({ level: 'silent' });

onEachDatabase('the embedded queue', (databases) => {
  const started: Queue[] = [];
  afterEach(async () => {
    for (const queue of started.splice(0)) await queue.stop();
  });
  const create = async () => {
    const database = await databases.open();
    const queue = new EmbeddedQueue(database, log);
    started.push(queue);
    return { database, queue };
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
    const { hostname } = await import('node:os');
    // A pid beyond the kernel's limit was never a process.
    await database.write((tx) =>
      tx.update(
        Job,
        { subject: 'orphan' },
        { lockedBy: `${hostname()}:99999999:dead`, lockedUntil: new Date(Date.now() + 60_000) },
      ),
    );
    const done = signal();
    await queue.start({ event: { concurrency: 1, handler: () => Promise.resolve(done.resolve()) } });
    await done.promise;
  });

  it('two queues on one database run each job once', async () => {
    const { database, queue } = await create();
    const second = new EmbeddedQueue(database, log);
    started.push(second);
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

  it('counts what waits, runs and failed', async () => {
    const { database, queue } = await create();
    await enqueue(
      database,
      queue,
      { kind: 'event', subject: '1', lane: '1' },
      { kind: 'event', subject: '2', lane: '2', runAt: new Date(Date.now() + 60_000) },
    );
    await database.write((tx) => tx.update(Job, { subject: '1' }, { attempts: 99 }));
    expect(await queue.counts()).toEqual({ queued: 1, running: 0, failed: 1 });
  });
});

function signal(): { promise: Promise<void>; resolve: () => void } {
  let resolve!: () => void;
  const promise = new Promise<void>((settle) => (resolve = settle));
  return { promise, resolve };
}
