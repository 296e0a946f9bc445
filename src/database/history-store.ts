import { createHash } from 'node:crypto';
import { In, LessThan, MoreThanOrEqual, type EntityManager } from 'typeorm';
import { fullName, type TestCase, type TestReport } from '../domain/test-report.js';
import type { Conclusion } from '../domain/pipeline.js';
import type { Database } from './database.js';
import { PipelineTotal, Project, Score, TestDay, type ValidationPipeline } from './entities/index.js';

const DAY_MS = 86_400_000;
/** For how long trends and tests are kept. */
export const HISTORY_DAYS = 30;
/** Tests of one pipeline that are counted: the slowest, and those that failed or are flaky. */
const SLOWEST = 30;
const MOST_BAD = 50;
const MAX_NAME = 500;
/** Pipelines that a trend goes back. */
const MAX_POINTS = 60;
const MAX_SCORES = 8;

export interface TestHistory {
  name: string;
  /** Of those with a time. */
  averageMs: number | null;
  failed: number;
  flaky: number;
}

export interface DayTotals {
  /** Days since 1970, UTC. */
  day: number;
  passed: number;
  failed: number;
  /** Of those that were judged; null where none was. */
  averageMs: number | null;
}

export interface ScorePoint {
  pipelineId: string;
  at: Date;
  scores: Record<string, number>;
}

const today = (): number => Math.floor(Date.now() / DAY_MS);

/** How a project did over the last 30 days. What it costs to ask does not depend on how many pipelines there are. */
export class HistoryStore {
  constructor(private readonly database: Database) {}

  /** Takes a completed pipeline into the history. */
  async note(pipeline: ValidationPipeline): Promise<void> {
    const { id: pipelineId, projectId, completedAt, validationResults: results } = pipeline;
    if (!results) return;
    const scores = new Map(
      results.validations.flatMap(({ scores = {} }) => Object.entries(scores)).slice(0, MAX_SCORES),
    );
    if (!results.tests && scores.size === 0) return;
    await this.database.write(async (tx) => {
      // Deleted in the meantime: nothing would ever remove what is written now.
      if (!(await tx.existsBy(Project, { id: projectId }))) return;
      if (results.tests) await countTests(tx, projectId, results.tests);
      for (const [name, value] of scores)
        await tx.upsert(
          Score,
          {
            pipelineId,
            name: name.slice(0, 40),
            projectId,
            value: Math.round(value),
            measuredAt: completedAt ?? new Date(),
          },
          ['pipelineId', 'name'],
        );
      await tx.delete(TestDay, { projectId, day: LessThan(today() - HISTORY_DAYS) });
      // TypeORM hands the operator itself to a column's transformer here.
      await tx
        .createQueryBuilder()
        .delete()
        .from(Score)
        .where('project_id = :projectId AND measured_at < :before', {
          projectId,
          before: Date.now() - HISTORY_DAYS * DAY_MS,
        })
        .execute();
    });
  }

  /** By average time, slowest first. */
  slowest(projectId: string, limit: number): Promise<TestHistory[]> {
    return this.tests(projectId, 'SUM(total_ms) * 1.0 / SUM(runs)', 'SUM(runs) > 0', limit);
  }

  /** By how often they passed only when run again, or both passed and failed on one sha. */
  flakiest(projectId: string, limit: number): Promise<TestHistory[]> {
    return this.tests(projectId, 'SUM(flaky)', 'SUM(flaky) > 0', limit);
  }

  /** Days with pipelines, oldest first. */
  async days(projectId: string): Promise<DayTotals[]> {
    const rows = await this.database.read.find(PipelineTotal, {
      where: { projectId, day: MoreThanOrEqual(today() - HISTORY_DAYS + 1) },
      order: { day: 'ASC' },
    });
    const days = new Map<number, { passed: number; failed: number; timed: number; ms: number }>();
    for (const { day, conclusion, pipelines, timed, durationMs } of rows) {
      const of = days.get(day) ?? { passed: 0, failed: 0, timed: 0, ms: 0 };
      const judged: Conclusion[] = ['success', 'failure', 'timed_out'];
      if (!judged.includes(conclusion as Conclusion)) continue;
      of[conclusion === 'success' ? 'passed' : 'failed'] += pipelines;
      of.timed += timed;
      of.ms += durationMs;
      days.set(day, of);
    }
    return [...days].map(([day, { passed, failed, timed, ms }]) => ({
      day,
      passed,
      failed,
      averageMs: timed === 0 ? null : Math.round(ms / timed),
    }));
  }

  /** Scores of the last pipelines that measured some, oldest first. */
  async scores(projectId: string): Promise<ScorePoint[]> {
    const rows = await this.database.read.find(Score, {
      where: { projectId, measuredAt: MoreThanOrEqual(new Date(Date.now() - HISTORY_DAYS * DAY_MS)) },
      order: { measuredAt: 'DESC' },
      take: MAX_POINTS * 4,
    });
    const points = new Map<string, ScorePoint>();
    for (const { pipelineId, name, value, measuredAt } of rows) {
      const point = points.get(pipelineId) ?? { pipelineId, at: measuredAt, scores: {} };
      point.scores[name] = value;
      points.set(pipelineId, point);
    }
    return [...points.values()].slice(0, MAX_POINTS).reverse();
  }

  /** @param order, having SQL without anything from outside in it */
  private async tests(
    projectId: string,
    order: string,
    having: string,
    limit: number,
  ): Promise<TestHistory[]> {
    const rows = await this.database.read
      .createQueryBuilder(TestDay, 't')
      .select('MAX(t.name)', 'name')
      .addSelect('SUM(t.runs)', 'runs')
      .addSelect('SUM(t.total_ms)', 'ms')
      .addSelect('SUM(t.failed)', 'failed')
      .addSelect('SUM(t.flaky)', 'flaky')
      .where('t.project_id = :projectId AND t.day > :day', { projectId, day: today() - HISTORY_DAYS })
      .groupBy('t.test_key')
      .having(having)
      .orderBy(order, 'DESC')
      .limit(limit)
      .getRawMany<Record<'name' | 'runs' | 'ms' | 'failed' | 'flaky', string | number>>();
    return rows.map(({ name, runs, ms, failed, flaky }) => ({
      name: String(name),
      averageMs: Number(runs) === 0 ? null : Number(ms) / Number(runs),
      failed: Number(failed),
      flaky: Number(flaky),
    }));
  }
}

async function countTests(tx: EntityManager, projectId: string, { cases }: TestReport): Promise<void> {
  const bad = cases.filter((test) => test.status === 'failed' || isFlaky(test)).slice(0, MOST_BAD);
  const slow = cases
    .filter(({ durationMs }) => durationMs !== null)
    .sort((a, b) => b.durationMs! - a.durationMs!)
    .slice(0, SLOWEST);
  const byKey = new Map([...slow, ...bad].map((test) => [keyOf(test), test]));
  if (byKey.size === 0) return;
  const day = today();
  const known = new Map(
    (await tx.findBy(TestDay, { projectId, day, testKey: In([...byKey.keys()]) })).map((row) => [
      row.testKey,
      row,
    ]),
  );
  const rows = [...byKey].map(([testKey, test]) => {
    const before = known.get(testKey) ?? { runs: 0, totalMs: 0, failed: 0, flaky: 0 };
    return {
      projectId,
      day,
      testKey,
      name: fullName(test).slice(0, MAX_NAME),
      runs: before.runs + (test.durationMs === null ? 0 : 1),
      totalMs: before.totalMs + Math.round(test.durationMs ?? 0),
      failed: before.failed + (test.status === 'failed' ? 1 : 0),
      flaky: before.flaky + (isFlaky(test) ? 1 : 0),
    };
  });
  await tx.upsert(TestDay, rows, ['projectId', 'day', 'testKey']);
}

const isFlaky = ({ flaky, blame }: TestCase): boolean => flaky === true || blame === 'flaky';

const keyOf = (test: TestCase): string => createHash('sha256').update(fullName(test)).digest('hex');
