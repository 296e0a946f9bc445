import { MoreThanOrEqual, Not } from 'typeorm';
import { idAt } from '../domain/ids.js';
import { CONCLUSIONS, type Conclusion } from '../domain/pipeline.js';
import type { Database } from './database.js';
import { PipelineTotal, Project, ValidationPipeline } from './entities/index.js';
import { AGENT_RUNS } from './pipeline-totals.js';
import type { Trigger } from './entities/validation-pipeline.js';

export interface StatsFilter {
  projectId?: string | undefined;
  /** The last so many days (UTC), today included. */
  days?: number | undefined;
}

export interface PipelineStats {
  projects: number;
  queued: number;
  running: number;
  /** Of completed pipelines. */
  conclusions: Record<Conclusion, number>;
  /** 0 to 1, of those that were judged; null where none was. */
  successRate: number | null;
  averageDurationMs: number | null;
  medianDurationMs: number | null;
  agentRuns: number;
}

const DAY_MS = 86_400_000;

/** Those that ran to a verdict about the pull request. */
const JUDGED: Conclusion[] = ['success', 'failure', 'timed_out'];

/** The median is of those among so many that were completed last. */
const MEDIAN_OF = 1000;

/**
 * Costs the same for few and for many pipelines: counts and sums come from totals that are kept up to date. What was
 * run on a base branch, only to compare with, is not counted.
 */
export async function readStats(
  database: Database,
  { projectId, days }: StatsFilter,
): Promise<PipelineStats> {
  const today = Math.floor(Date.now() / DAY_MS);
  const firstDay = days === undefined ? null : today - days + 1;
  const since = firstDay === null ? null : new Date(firstDay * DAY_MS);
  const ofProject = projectId === undefined ? {} : { projectId };
  // TypeORM changes the operators it is given, so each query has its own.
  const sinceThen = () => (since === null ? {} : { id: MoreThanOrEqual(idAt(since.getTime())) });
  const open = (status: 'queued' | 'in_progress') =>
    database.read.countBy(ValidationPipeline, { ...ofProject, ...sinceThen(), status, trigger: Not('base') });

  const [projects, queued, running, totals, medianDurationMs] = await Promise.all([
    database.read.countBy(Project, projectId === undefined ? {} : { id: projectId }),
    open('queued'),
    open('in_progress'),
    totalsOf(database, projectId, firstDay),
    medianDuration(database, projectId, since),
  ]);

  const conclusions = Object.fromEntries(
    CONCLUSIONS.map((conclusion) => [conclusion, totals.get(conclusion)?.pipelines ?? 0]),
  ) as Record<Conclusion, number>;
  const judged = JUDGED.flatMap((conclusion) => totals.get(conclusion) ?? []);
  const sum = (field: 'pipelines' | 'timed' | 'durationMs') =>
    judged.reduce((total, row) => total + row[field], 0);
  return {
    projects,
    queued,
    running,
    conclusions,
    successRate: sum('pipelines') === 0 ? null : conclusions.success / sum('pipelines'),
    averageDurationMs: sum('timed') === 0 ? null : Math.round(sum('durationMs') / sum('timed')),
    medianDurationMs,
    agentRuns: totals.get(AGENT_RUNS)?.pipelines ?? 0,
  };
}

interface Total {
  pipelines: number;
  timed: number;
  durationMs: number;
}

async function totalsOf(
  database: Database,
  projectId: string | undefined,
  firstDay: number | null,
): Promise<Map<string, Total>> {
  const query = database.read
    .createQueryBuilder(PipelineTotal, 't')
    .select('t.conclusion', 'conclusion')
    .addSelect('SUM(t.pipelines)', 'pipelines')
    .addSelect('SUM(t.timed)', 'timed')
    .addSelect('SUM(t.duration_ms)', 'durationMs')
    .groupBy('t.conclusion');
  if (projectId !== undefined) query.andWhere('t.project_id = :projectId', { projectId });
  if (firstDay !== null) query.andWhere('t.day >= :firstDay', { firstDay });
  // PostgreSQL hands sums over as text.
  const rows = await query.getRawMany<Record<keyof Total, number | string> & { conclusion: string }>();
  return new Map(
    rows.map(({ conclusion, pipelines, timed, durationMs }) => [
      conclusion,
      { pipelines: Number(pipelines), timed: Number(timed), durationMs: Number(durationMs) },
    ]),
  );
}

async function medianDuration(
  database: Database,
  projectId: string | undefined,
  since: Date | null,
): Promise<number | null> {
  const rows = await newestDurations(database, projectId, since).getRawMany<{
    completed: number | string;
    started: number | string | null;
    conclusion: Conclusion;
    trigger: Trigger;
  }>();
  const durations = rows
    .filter(
      ({ started, conclusion, trigger }) =>
        started !== null && trigger !== 'base' && JUDGED.includes(conclusion),
    )
    .map(({ completed, started }) => Number(completed) - Number(started))
    .sort((a, b) => a - b);
  if (durations.length === 0) return null;
  const middle = (durations.length - 1) / 2;
  return Math.round((durations[Math.floor(middle)]! + durations[Math.ceil(middle)]!) / 2);
}

/** Read from the end of an index that holds all of it; what they were is told apart afterwards. */
function newestDurations(database: Database, projectId: string | undefined, since: Date | null) {
  const query = database.read
    .createQueryBuilder(ValidationPipeline, 'p')
    .select('p.completed_at', 'completed')
    .addSelect('p.started_at', 'started')
    .addSelect('p.conclusion', 'conclusion')
    .addSelect('p.trigger', 'trigger')
    // Also leaves out what is not completed.
    .where('p.completed_at >= :since', { since: since?.getTime() ?? 0 })
    .orderBy('p.completedAt', 'DESC')
    .limit(MEDIAN_OF);
  return projectId === undefined ? query : query.andWhere('p.project_id = :projectId', { projectId });
}
