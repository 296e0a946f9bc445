/** What an operator watches, in Prometheus' text format. One registry for each App: tests run several in a process. */
import { Router } from 'express';
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import type { Database } from './database/database.js';
import { AgentRun, type ValidationPipeline } from './database/entities/index.js';
import type { PipelineStore } from './database/pipeline-store.js';
import { EVENTS } from './webhooks/events.js';
import { idAt } from './domain/ids.js';
import type { Logger } from './logging.js';
import { JOB_KINDS, type JobKind, type JobRun, type Queue } from './queue/contract.js';

const STAGE_SECONDS = [0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1200, 3600];
const WAIT_SECONDS = [0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3600];
const ANSWER_SECONDS = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];
const QUERY_SECONDS = [0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5];
const DAY_MS = 86_400_000;

/** Anyone can send any event name; these are the ones told apart. */
const EVENT_NAMES = new Set([...Object.keys(EVENTS), 'ping', 'push', 'status', 'check_suite', 'meta']);
const RESOURCES = new Set(['core', 'graphql', 'search', 'integration_manifest']);
const STATEMENTS = new Set(['select', 'insert', 'update', 'delete', 'begin', 'commit', 'rollback']);

export interface MetricsDeps {
  database: Database;
  pipelines: PipelineStore;
  queue: Pick<Queue, 'countsByKind'>;
  log: Logger;
}

export class Metrics {
  readonly registry = new Registry();
  private readonly pipelinesDone = this.counter('pipelines_total', 'Completed pipelines of pull requests.', [
    'conclusion',
  ]);
  private readonly pipelineSeconds = this.histogram(
    'pipeline_duration_seconds',
    'From the start of a pipeline to its completion.',
    ['conclusion'],
    STAGE_SECONDS,
  );
  private readonly stageSeconds = this.histogram(
    'stage_duration_seconds',
    'From the start of a stage to its completion.',
    ['stage', 'conclusion'],
    STAGE_SECONDS,
  );
  private readonly waitSeconds = this.histogram(
    'queue_wait_seconds',
    'How long jobs were due before they were begun.',
    ['kind'],
    WAIT_SECONDS,
  );
  private readonly answerSeconds = this.histogram(
    'http_request_duration_seconds',
    'Answers of this server, by pattern of the route.',
    ['method', 'route', 'status'],
    ANSWER_SECONDS,
  );
  private readonly querySeconds = this.histogram(
    'database_query_duration_seconds',
    'Statements sent to the database.',
    ['statement'],
    QUERY_SECONDS,
  );
  private readonly deliveries = this.counter('webhook_deliveries_total', 'Webhooks received.', [
    'event',
    'outcome',
  ]);
  private readonly deployments = this.counter(
    'deployments_total',
    'Previews recorded as deployments at GitHub, or not.',
    ['outcome'],
  );
  private readonly rateLimit = this.gauge(
    'github_rate_limit_remaining',
    'Requests left in GitHub’s current hour, as last answered.',
    ['resource'],
  );

  constructor(private readonly deps: MetricsDeps) {
    collectDefaultMetrics({ register: this.registry });
    deps.pipelines.jobs.events.on('completed', (pipeline) => {
      this.countPipeline(pipeline).catch((error: unknown) =>
        deps.log.warn({ err: error, pipelineId: pipeline.id }, 'a pipeline was not counted'),
      );
    });
    deps.database.onQuery((sql, seconds) => {
      const word = /^\s*(\w+)/.exec(sql)?.[1]?.toLowerCase() ?? '';
      this.querySeconds.observe({ statement: STATEMENTS.has(word) ? word : 'other' }, seconds);
    });
    this.measureOnAsking();
  }

  jobBegan(kind: JobKind, { waitedMs }: JobRun): void {
    if (waitedMs !== undefined) this.waitSeconds.observe({ kind }, waitedMs / 1000);
  }

  requestAnswered(labels: { method: string; route: string; status: number; seconds: number }): void {
    const { seconds, ...rest } = labels;
    this.answerSeconds.observe(rest, seconds);
  }

  /** @param outcome queued, duplicate, ignored or refused */
  delivery(event: string, outcome: string): void {
    this.deliveries.inc({ event: EVENT_NAMES.has(event) ? event : 'other', outcome });
  }

  /** @param outcome active, inactive, refused or failed */
  deployment(outcome: string): void {
    this.deployments.inc({ outcome });
  }

  githubAnswered(headers: Headers): void {
    const left = headers.get('x-ratelimit-remaining');
    if (left === null || !/^\d+$/.test(left)) return;
    const resource = headers.get('x-ratelimit-resource') ?? 'core';
    this.rateLimit.set({ resource: RESOURCES.has(resource) ? resource : 'other' }, Number(left));
  }

  private async countPipeline(pipeline: ValidationPipeline): Promise<void> {
    const { id, trigger, conclusion, startedAt, completedAt } = pipeline;
    // Nobody’s pull request: left out here as in all statistics.
    if (conclusion === null || trigger === 'base') return;
    this.pipelinesDone.inc({ conclusion });
    // One that never ran (skipped, superseded while queued) has no duration.
    if (!startedAt || !completedAt) return;
    this.pipelineSeconds.observe({ conclusion }, seconds(startedAt, completedAt));
    for (const stage of await this.deps.pipelines.stagesOf(id))
      if (stage.startedAt !== null && stage.completedAt !== null)
        this.stageSeconds.observe(
          { stage: stage.name, conclusion: stage.conclusion ?? 'none' },
          seconds(stage.startedAt, stage.completedAt),
        );
  }

  /** What the database knows better than this process, which is one of several and was started a while ago. */
  private measureOnAsking(): void {
    const { queue, database } = this.deps;
    this.gauge('queue_jobs', 'Jobs by kind and state.', ['kind', 'state'], async (gauge) => {
      const counts = await queue.countsByKind();
      for (const kind of JOB_KINDS)
        for (const state of ['queued', 'running', 'failed'] as const)
          gauge.set({ kind, state }, counts.get(kind)?.[state] ?? 0);
    });
    this.gauge('agent_runs', 'Stored Codegen runs by status.', ['status'], async (gauge) => {
      gauge.reset();
      const rows = await database.read
        .createQueryBuilder(AgentRun, 'run')
        .select('run.status', 'status')
        .addSelect('COUNT(*)', 'n')
        .groupBy('run.status')
        .getRawMany<{ status: string; n: number | string }>();
      for (const { status, n } of rows) gauge.set({ status }, Number(n));
    });
    this.gauge(
      'pipeline_success_ratio',
      'Passed pipelines of pull requests among those of the last 24 hours that passed, failed or timed out.',
      [],
      async (gauge) => {
        const rows = await database.read.query<{ conclusion: string; n: number | string }[]>(
          // Ids begin with the time they were made at, so this reads one day of the index and no more.
          `SELECT conclusion, COUNT(*) AS n FROM validation_pipelines
           WHERE status = 'completed' AND "trigger" <> 'base' AND id > '${idAt(Date.now() - DAY_MS)}'
           GROUP BY conclusion`,
        );
        const of = (name: string) => Number(rows.find(({ conclusion }) => conclusion === name)?.n ?? 0);
        const judged = of('success') + of('failure') + of('timed_out');
        if (judged > 0) gauge.set(of('success') / judged);
        else gauge.set(Number.NaN);
      },
    );
  }

  private counter<T extends string>(name: string, help: string, labelNames: T[]): Counter<T> {
    return new Counter({ name: `codegenapp_${name}`, help, labelNames, registers: [this.registry] });
  }

  private histogram<T extends string>(name: string, help: string, labelNames: T[], buckets: number[]) {
    return new Histogram({
      name: `codegenapp_${name}`,
      help,
      labelNames,
      buckets,
      registers: [this.registry],
    });
  }

  private gauge<T extends string>(
    name: string,
    help: string,
    labelNames: T[],
    collect?: (gauge: Gauge<T>) => Promise<void>,
  ): Gauge<T> {
    return new Gauge({
      name: `codegenapp_${name}`,
      help,
      labelNames,
      registers: [this.registry],
      ...(collect
        ? {
            async collect(this: Gauge<T>) {
              await collect(this);
            },
          }
        : {}),
    });
  }
}

/** GET /metrics. It is for whoever may use the API: mount it behind the check of access. */
export function metricsRoutes({ registry }: Metrics): Router {
  const router = Router();
  router.get('/metrics', async (_request, response) => {
    const text = await registry.metrics();
    response.type(registry.contentType).send(text);
  });
  return router;
}

const seconds = (from: Date, to: Date): number => Math.max(0, to.getTime() - from.getTime()) / 1000;
