import { hostname } from 'node:os';
import { expect, it } from '@jest/globals';
import type { Database } from '../../src/database/database.js';
import { ValidationPipeline } from '../../src/database/entities/index.js';
import { StaleAttempt, type Held } from '../../src/database/held-pipelines.js';
import { PipelineStore } from '../../src/database/pipeline-store.js';
import { emptyResults, type StageRecord } from '../../src/domain/pipeline.js';
import type { NewJob, Queue } from '../../src/queue/contract.js';
import { newOwner } from '../../src/queue/owner.js';
import { onEachDatabase } from '../support/databases.js';

/** Remembers what was enqueued, and runs nothing. */
class NotedJobs implements Queue {
  readonly jobs: NewJob[] = [];
  nudge(): void {}
  enqueue(_tx: unknown, ...jobs: NewJob[]): Promise<void> {
    this.jobs.push(...jobs);
    return Promise.resolve();
  }
  start = () => Promise.resolve();
  stop = () => Promise.resolve();
  counts = () => Promise.resolve({ queued: 0, running: 0, failed: 0 });
  countsByKind = () => Promise.resolve(new Map());
  withJob = () => Promise.resolve(new Set<string>());
  takeFailed = () => Promise.resolve([]);
}

onEachDatabase('the store of pipelines', (databases) => {
  const begin = async () => {
    const where = await databases.place();
    const database = await databases.open(where);
    const queue = new NotedJobs();
    const store = new PipelineStore(database, queue);
    const { id } = await database.write((tx) =>
      store.create(tx, {
        projectId: 'p1',
        pullRequestNumber: 7,
        headSha: 'a'.repeat(40),
        headRef: 'feature',
        baseRef: 'main',
        fetchRef: 'refs/pull/7/head',
        trigger: 'event',
      }),
    );
    const take = async (owner = newOwner()): Promise<Held | 'held' | null> => {
      const taken = await store.held.take(id, owner);
      return typeof taken === 'object' && taken ? { id, attempt: taken.attempt, owner } : taken;
    };
    return { database, where, queue, store, id, take };
  };
  const held = (taken: Held | 'held' | null): Held => {
    if (taken === null || taken === 'held') throw new Error(`not taken: ${String(taken)}`);
    return taken;
  };
  /** As when its worker stood still for longer than its lease. */
  const endLease = (database: Database, id: string) =>
    database.write((tx) => tx.update(ValidationPipeline, { id }, { leaseUntil: new Date(1) }));
  const stages: StageRecord[] = [
    {
      name: 'clone',
      status: 'completed',
      conclusion: 'success',
      startedAt: new Date(1_000),
      completedAt: new Date(2_000),
      summary: 'written by the first attempt',
    },
  ];
  const completion = {
    conclusion: 'failure',
    reason: 'of the first attempt',
    results: emptyResults(),
  } as const;

  it('gives a pipeline to one of many that ask at once', async () => {
    const { take } = await begin();
    const taken = await Promise.all(Array.from({ length: 8 }, () => take()));
    expect(taken.filter((one) => one === 'held')).toHaveLength(7);
    expect(taken.find((one) => one !== 'held')).toMatchObject({ attempt: 1 });
  });

  it('gives it to another when the lease has run out, or at once when its process is dead', async () => {
    const { database, id, take } = await begin();
    expect(await take()).toMatchObject({ attempt: 1 });
    expect(await take()).toBe('held');
    await endLease(database, id);
    // A pid beyond the kernel's limit was never a process.
    expect(await take(`${hostname().slice(0, 60)}:99999999:dead`)).toMatchObject({ attempt: 2 });
    expect(await take()).toMatchObject({ attempt: 3 });
  });

  it('lets a worker that stood still write nothing over its successor', async () => {
    const { database, queue, store, id, take } = await begin();
    const first = held(await take());
    await endLease(database, id);
    const second = held(await take());
    const before = [await store.find(id), await store.stagesOf(id)];
    const jobs = queue.jobs.length;

    const progress = { stages, currentStep: 'test', percentage: 90, deploymentUrl: null } as const;
    await expect(store.held.saveProgress(first, progress)).rejects.toBeInstanceOf(StaleAttempt);
    await expect(store.held.renew(first)).rejects.toBeInstanceOf(StaleAttempt);
    await expect(store.held.complete(first, completion, stages)).rejects.toBeInstanceOf(StaleAttempt);
    await expect(store.held.giveBack(first, { spent: true, delayMs: 0 })).rejects.toBeInstanceOf(
      StaleAttempt,
    );
    expect([await store.find(id), await store.stagesOf(id)]).toEqual(before);
    expect(queue.jobs).toHaveLength(jobs);

    expect(await store.held.stopped([first, second])).toEqual(new Map([[id, { cancelReason: null }]]));
    await store.held.complete(second, { conclusion: 'success', reason: null }, []);
    await expect(store.held.complete(second, completion, stages)).rejects.toBeInstanceOf(StaleAttempt);
    expect(await store.find(id)).toMatchObject({ conclusion: 'success', attempt: 2 });
  });

  it('fences an attempt that was given back unspent and is made again by another', async () => {
    const { store, id, take } = await begin();
    const first = held(await take());
    await store.held.giveBack(first, { spent: false, delayMs: 0 });
    const second = held(await take());
    expect(second.attempt).toBe(first.attempt);
    await expect(store.held.complete(first, completion, stages)).rejects.toBeInstanceOf(StaleAttempt);
    await store.held.complete(second, { conclusion: 'success', reason: null }, []);
    expect(await store.find(id)).toMatchObject({ conclusion: 'success', attempt: 1 });
  });

  it('tells the worker of a pipeline that another process cancelled', async () => {
    const { where, store, id, take } = await begin();
    const taken = held(await take());
    const elsewhere = await databases.open(where);
    const other = new PipelineStore(elsewhere, new NotedJobs());
    expect(await elsewhere.write((tx) => other.cancel(tx, { id }, 'Superseded.'))).toEqual([id]);
    expect(await store.held.stopped([taken])).toEqual(new Map([[id, { cancelReason: 'Superseded.' }]]));
    await store.held.complete(taken, { conclusion: 'cancelled', reason: 'Superseded.' }, []);
    expect(await take()).toBeNull();
  });

  it('ends a queued pipeline where it is cancelled, and has that published', async () => {
    const { database, queue, store, id, take } = await begin();
    await database.write((tx) => store.cancel(tx, { projectId: 'p1', pullRequestNumber: 7 }, 'Closed.'));
    expect(await store.find(id)).toMatchObject({
      status: 'completed',
      conclusion: 'cancelled',
      reason: 'Closed.',
    });
    expect(queue.jobs.map(({ kind }) => kind)).toEqual(['publish', 'pipeline', 'publish']);
    expect(await take()).toBeNull();
  });
});
