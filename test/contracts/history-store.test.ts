import { expect, it } from '@jest/globals';
import type { ValidationPipeline } from '../../src/database/entities/index.js';
import { Project, PullRequest, Score, TestDay } from '../../src/database/entities/index.js';
import { HistoryStore } from '../../src/database/history-store.js';
import { PipelineStore } from '../../src/database/pipeline-store.js';
import { idAt, newId } from '../../src/domain/ids.js';
import { emptyResults } from '../../src/domain/pipeline.js';
import type { TestCase } from '../../src/domain/test-report.js';
import { EmbeddedQueue } from '../../src/queue/embedded.js';
import { pino } from 'pino';
import { onEachDatabase } from '../support/databases.js';
import { projectRow } from '../support/pipeline-rows.js';

onEachDatabase('the history of a project', (databases) => {
  const begin = async () => {
    const database = await databases.open();
    const project = projectRow();
    await database.write((tx) => tx.insert(Project, project));
    const pipelines = new PipelineStore(database, new EmbeddedQueue(database, pino({ level: 'silent' })));
    const add = (values: Partial<ValidationPipeline>) =>
      database.write((tx) =>
        pipelines.create(tx, {
          projectId: project.id,
          headSha: newId().replaceAll('-', '').padEnd(40, '0'),
          headRef: 'feature',
          baseRef: 'main',
          fetchRef: 'refs/pull/1/head',
          trigger: 'event',
          status: 'completed',
          startedAt: new Date(Date.now() - 1_000),
          ...values,
        }),
      );
    return { database, projectId: project.id, pipelines, add, history: new HistoryStore(database) };
  };
  const test = (name: string, durationMs: number, more: Partial<TestCase> = {}): TestCase => ({
    suite: 'shop',
    name,
    status: 'passed',
    durationMs,
    ...more,
  });

  it('tells the slowest and flakiest tests, the scores and the days', async () => {
    const { history, projectId, add, database } = await begin();
    for (const [ms, flaky] of [
      [300, true],
      [500, false],
    ] as const) {
      const row = await add({
        conclusion: 'failure',
        validationResults: {
          ...emptyResults(),
          validations: [
            { validator: 'lighthouse', conclusion: 'success', summary: '', scores: { accessibility: 90.4 } },
          ],
          tests: {
            formats: ['junit'],
            passed: 2,
            failed: 1,
            skipped: 0,
            durationMs: null,
            notes: [],
            cases: [
              test('waits', ms, flaky ? { flaky } : {}),
              test('adds', 20, { status: 'failed' }),
              test('x'.repeat(5_000), 900),
            ],
          },
        },
      });
      await history.note(row);
    }
    expect(await history.slowest(projectId, 2)).toEqual([
      { name: `shop › ${'x'.repeat(493)}`, averageMs: 900, failed: 0, flaky: 0 },
      { name: 'shop › waits', averageMs: 400, failed: 0, flaky: 1 },
    ]);
    expect(await history.flakiest(projectId, 5)).toEqual([
      { name: 'shop › waits', averageMs: 400, failed: 0, flaky: 1 },
    ]);
    expect((await history.scores(projectId)).map(({ scores }) => scores)).toEqual([
      { accessibility: 90 },
      { accessibility: 90 },
    ]);
    expect(await history.days(projectId)).toMatchObject([{ passed: 0, failed: 2 }]);

    // What is older than a month is not shown, and goes with the next pipeline that has something to count.
    await database.write(async (tx) => {
      await tx.update(TestDay, { projectId }, { day: 1 });
      await tx.update(Score, { projectId }, { measuredAt: new Date(0) });
    });
    await history.note(await add({ conclusion: 'success', validationResults: emptyResults() }));
    expect([await history.slowest(projectId, 5), await history.scores(projectId)]).toEqual([[], []]);
    const health = {
      validator: 'health',
      conclusion: 'success',
      summary: '',
      scores: { speed: 70 },
    } as const;
    const validationResults = { ...emptyResults(), validations: [health] };
    await history.note(await add({ conclusion: 'success', validationResults }));
    expect(await history.slowest(projectId, 5)).toEqual([]);
    expect((await history.scores(projectId)).map(({ scores }) => scores)).toEqual([{ speed: 70 }]);
    expect(await database.read.countBy(TestDay, { projectId })).toBe(0);
  });

  it('knows which pull requests are open', async () => {
    const { database, pipelines, projectId, add } = await begin();
    for (const pullRequestNumber of [1, 2, 3, null]) await add({ pullRequestNumber });
    const newest = await add({ pullRequestNumber: 1 });
    const open = async () =>
      (
        await database.read.find(PullRequest, {
          where: { projectId, isOpen: true },
          order: { latestPipelineId: 'DESC' },
        })
      ).map(({ number, latestPipelineId }) => [number, latestPipelineId === newest.id]);
    expect(await open()).toEqual([
      [1, true],
      [3, false],
      [2, false],
    ]);
    await database.write((tx) => pipelines.closePullRequests(tx, projectId, { number: 2 }));
    expect((await open()).map(([number]) => number)).toEqual([1, 3]);
    // One that came after GitHub was asked stays.
    const before = newest.id;
    await database.write((tx) => pipelines.closePullRequests(tx, projectId, { allBut: [], before }));
    expect((await open()).map(([number]) => number)).toEqual([1]);
    await database.write((tx) =>
      pipelines.closePullRequests(tx, projectId, { allBut: [7], before: idAt(Date.now() + 1_000) }),
    );
    expect(await open()).toEqual([]);
    await add({ pullRequestNumber: 2 });
    expect((await open()).map(([number]) => number)).toEqual([2]);
  });
});
