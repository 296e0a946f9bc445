import { beforeEach, expect, it } from '@jest/globals';
import { pino } from 'pino';
import type { Database } from '../../src/database/database.js';
import {
  AgentRun,
  HandledCommand,
  Job,
  type Project,
  Stage,
  ValidationPipeline,
  WebhookEvent,
} from '../../src/database/entities/index.js';
import { idAt, newId } from '../../src/domain/ids.js';
import { ProjectStore } from '../../src/database/project-store.js';
import type { GitHubAccess } from '../../src/github/access.js';
import { Retention } from '../../src/pipeline/retention.js';
import { MAX_ATTEMPTS } from '../../src/queue/contract.js';
import { onEachDatabase } from '../support/databases.js';

const DAY = 86_400_000;
const ago = (days: number) => new Date(Date.now() - days * DAY);
/** An id as it was made so many days ago. */
const idOf = (days: number) => idAt(ago(days).getTime()) + newId().slice(13);

onEachDatabase('retention', (databases) => {
  let database: Database;
  let retention: Retention;
  let project: Project;
  let open: Set<number>;
  beforeEach(async () => {
    database = await databases.open();
    const projects = new ProjectStore(database, 'https://github.com');
    project = await projects.follow({ id: 1, name: 'web', full_name: 'acme/web' }, 7);
    open = new Set();
    const github = {
      repository: () =>
        Promise.resolve({
          pullRequest: (number: number) => {
            if (number === 503) return Promise.reject(Object.assign(new Error('down'), { status: 503 }));
            return Promise.resolve({ state: open.has(number) ? 'open' : 'closed' });
          },
        }),
    } as unknown as GitHubAccess;
    retention = new Retention({
      config: { retentionDays: 30 },
      database,
      github,
      projects,
      storage: null,
      log: pino({ level: 'silent' }),
    });
  });

  const pipeline = async (days: number, values: Partial<ValidationPipeline> = {}) => {
    const at = ago(days);
    const row = {
      id: idOf(days),
      projectId: project.id,
      pullRequestNumber: 1,
      headSha: 'a'.repeat(40),
      headRef: 'feature',
      baseRef: 'main',
      fetchRef: 'refs/pull/1/head',
      trigger: 'event' as const,
      status: 'completed' as const,
      conclusion: 'success' as const,
      createdAt: at,
      updatedAt: at,
      completedAt: at,
      ...values,
    };
    await database.write(async (tx) => {
      await tx.insert(ValidationPipeline, row);
      await tx.insert(Stage, { pipelineId: row.id, name: 'test', position: 4, status: 'completed' });
    });
    return row.id;
  };
  const left = async () => (await database.read.find(ValidationPipeline)).map(({ id }) => id).sort();
  const sweep = () => retention.sweep(new AbortController().signal);

  it('deletes old pipelines of closed pull requests with their stages, and keeps young ones', async () => {
    await pipeline(40);
    const young = await pipeline(20);
    expect(await sweep()).toMatchObject({ pipelines: 1 });
    expect(await left()).toEqual([young]);
    expect((await database.read.find(Stage)).map(({ pipelineId }) => pipelineId)).toEqual([young]);
  });

  it('never deletes what waits or runs, however old', async () => {
    const ids = [
      await pipeline(90, { status: 'in_progress', completedAt: null, pullRequestNumber: 2 }),
      await pipeline(90, { status: 'queued', completedAt: null, pullRequestNumber: 3 }),
    ];
    await sweep();
    expect(await left()).toEqual(ids.sort());
  });

  it('keeps the newest of an open pull request, and the newest that knows its comment', async () => {
    open.add(1);
    await pipeline(60, { commentId: 11 });
    const withComment = await pipeline(50, { commentId: 11 });
    await pipeline(45);
    const newest = await pipeline(40);
    await pipeline(41, { pullRequestNumber: 2 });
    await sweep();
    expect(await left()).toEqual([withComment, newest].sort());
    open.clear();
    await sweep();
    expect(await left()).toEqual([]);
  });

  it('takes a pull request for open where GitHub does not answer', async () => {
    const id = await pipeline(60, { pullRequestNumber: 503 });
    await sweep();
    expect(await left()).toEqual([id]);
  });

  it('deletes old events, agent runs that ended and jobs that failed, many batches of them', async () => {
    const event = (n: number, days: number, status: WebhookEvent['status']) => ({
      id: idOf(days),
      deliveryId: `d${days}-${n}`,
      event: 'push',
      status,
      payload: '{}',
      receivedAt: ago(days),
    });
    const many = Array.from({ length: 1_201 }, (_, n) => event(n, 31, 'processed'));
    const run = (days: number, status: AgentRun['status']) => ({
      id: idOf(days),
      projectId: project.id,
      status,
      prompt: 'x',
      createdAt: ago(days),
      updatedAt: ago(days),
    });
    await database.write(async (tx) => {
      for (let n = 0; n < many.length; n += 100) await tx.insert(WebhookEvent, many.slice(n, n + 100));
      await tx.insert(WebhookEvent, [event(0, 29, 'processed'), event(0, 40, 'queued')]);
      await tx.insert(AgentRun, [run(40, 'completed'), run(40, 'running'), run(10, 'failed')]);
      await tx.insert(HandledCommand, [
        { cause: 'comment:1:0', createdAt: ago(40) },
        { cause: 'comment:2:0', createdAt: ago(20) },
      ]);
      await tx.insert(Job, [
        { kind: 'publish', subject: 'old', lane: 'a', runAt: ago(40), attempts: MAX_ATTEMPTS },
        { kind: 'publish', subject: 'young', lane: 'a', runAt: ago(4), attempts: MAX_ATTEMPTS },
        { kind: 'publish', subject: 'waits', lane: 'a', runAt: ago(40), attempts: 1 },
      ]);
    });
    expect(await sweep()).toMatchObject({ events: 1_201, agentRuns: 1, jobs: 1, commands: 1 });
    expect((await database.read.find(WebhookEvent)).map(({ deliveryId }) => deliveryId).sort()).toEqual([
      'd29-0',
      'd40-0',
    ]);
    expect((await database.read.find(Job)).map(({ subject }) => subject).sort()).toEqual(['waits', 'young']);
  });

  it('stops between two batches when told to', async () => {
    await pipeline(40);
    const controller = new AbortController();
    controller.abort();
    await retention.sweep(controller.signal);
    expect(await left()).toHaveLength(1);
  });
});
