import { setTimeout as sleep } from 'node:timers/promises';
import { Logger as GraphileLogger, runTaskList, type JobHelpers, type WorkerPool } from 'graphile-worker';
import pg from 'pg';
import type { EntityManager } from 'typeorm';
import type { Database } from '../database/database.js';
import type { Logger } from '../logging.js';
import { type JobKind, type JobKindOptions, type NewJob, type Queue, type QueueCounts } from './contract.js';
import { HandOver } from './hand-over.js';
import { enqueueSql, laneName, notifySql } from './job-rows.js';
import { isDead, newOwner } from './owner.js';

/** How often this process says that it lives, and looks whose jobs have been left behind. */
const BEAT_MS = 5_000;
/** A process that was not seen for this long is taken for dead. */
const DEAD_MS = 60_000;
/** For jobs that are due later; the others are announced by notification. */
const POLL_MS = 1_000;
/** Lanes that are empty slow down the search for jobs, so they are swept out. */
const SWEEP_MS = 10 * 60_000;
/** A job's end and the search for the next one run side by side, so its lane is looked at once more. */
const LOOK_AGAIN_MS = 25;

/**
 * The queue on PostgreSQL: graphile-worker, one of its pools for each kind, to which the rows of `jobs` are handed
 * over. A lane is its named queue. It knows no heartbeat, so its pools are listed in `queue_workers`, and what a pool
 * locked that is not seen any more is freed.
 */
export class GraphileQueue implements Queue {
  private readonly me = newOwner();
  private readonly workers: WorkerPool[] = [];
  private readonly running = new Set<string>();
  private readonly handOver: HandOver;
  private pool: pg.Pool | null = null;
  private timers: NodeJS.Timeout[] = [];
  private beating: Promise<void> = Promise.resolve();
  private stopped = false;

  constructor(
    private readonly database: Database,
    private readonly databaseUrl: string,
    private readonly log: Logger,
  ) {
    this.handOver = new HandOver(databaseUrl, log);
  }

  async enqueue(tx: EntityManager, ...jobs: NewJob[]): Promise<void> {
    await tx.query(
      `WITH enqueued AS (${enqueueSql(
        `SELECT kind, subject, lane, delay_ms
         FROM unnest($1::text[], $2::text[], $3::text[], $4::float8[])
              WITH ORDINALITY AS new (kind, subject, lane, delay_ms, n) ORDER BY n`,
      )}) ${notifySql('enqueued')}`,
      [
        jobs.map(({ kind }) => kind),
        jobs.map(({ subject }) => subject),
        jobs.map(({ lane }) => laneName(lane)),
        jobs.map(({ runAt }) => (runAt ? Math.max(0, runAt.getTime() - Date.now()) : null)),
      ],
    );
  }

  /** The notification that comes with jobs is enough. */
  nudge(): void {}

  async start(kinds: Partial<Record<JobKind, JobKindOptions>>): Promise<void> {
    const count = Object.keys(kinds).length;
    // Each kind keeps one connection to listen on.
    const pool = new pg.Pool({ connectionString: this.databaseUrl, max: count + 6, keepAlive: true });
    this.pool = pool;
    pool.on('error', (error) => this.complain(error));
    // graphile-worker stops listening for a connection's errors before it has done with it, and an error that
    // nobody listens for would end this process.
    pool.on('connect', (client) => client.on('error', () => undefined));
    await this.freeJobsOfTheDead();
    for (const [kind, options] of Object.entries(kinds) as [JobKind, JobKindOptions][])
      this.workers.push(this.run(kind, options, pool));
    await this.beat();
    this.handOver.start();
    this.timers = [
      setInterval(() => {
        this.beating = this.beat().catch((error) => this.complain(error));
      }, BEAT_MS),
      setInterval(() => void this.sweepLanes().catch((error) => this.complain(error)), SWEEP_MS),
    ];
  }

  async stop(): Promise<void> {
    if (this.stopped) return;
    this.stopped = true;
    const over = this.workers.map(async (worker) => worker.gracefulShutdown('stopping'));
    await Promise.all([...over, this.handOver.stop()]);
    // Until here the jobs that still ran were ours, and had to be seen to be.
    this.timers.forEach(clearInterval);
    await this.beating;
    if (this.workers.length > 0)
      await this.database
        .writeOne((tx) => tx.query('DELETE FROM queue_workers WHERE id = ANY($1)', [this.ids()]))
        .catch((error: unknown) => this.complain(error));
    await this.pool?.end();
  }

  async counts(): Promise<QueueCounts> {
    const counts: QueueCounts = { queued: 0, running: 0, failed: 0 };
    for (const ofKind of (await this.countsByKind()).values())
      for (const state of ['queued', 'running', 'failed'] as const) counts[state] += ofKind[state];
    return counts;
  }

  async countsByKind(): Promise<Map<string, QueueCounts>> {
    const rows = await this.database.read.query<({ kind: string } & Record<keyof QueueCounts, string>)[]>(
      `SELECT task_identifier AS kind,
              count(*) FILTER (WHERE locked_at IS NOT NULL) AS running,
              count(*) FILTER (WHERE locked_at IS NULL AND attempts >= max_attempts) AS failed,
              count(*) FILTER (WHERE locked_at IS NULL AND attempts < max_attempts) AS queued
       FROM (SELECT task_identifier, locked_at, attempts, max_attempts FROM graphile_worker.jobs
             UNION ALL SELECT kind, NULL, 0, 1 FROM jobs) AS job
       GROUP BY 1`,
    );
    return new Map(
      rows.map(({ kind, queued, running, failed }) => [
        kind,
        { queued: Number(queued), running: Number(running), failed: Number(failed) },
      ]),
    );
  }

  async withJob(kind: JobKind, subjects: readonly string[]): Promise<Set<string>> {
    const rows = await this.database.read.query<{ subject: string }[]>(
      `SELECT job.payload ->> 'subject' AS subject
       FROM graphile_worker._private_jobs job JOIN graphile_worker._private_tasks task ON task.id = job.task_id
       WHERE task.identifier = $1 AND job.payload ->> 'subject' = ANY($2)
         AND (job.locked_at IS NOT NULL OR job.attempts < job.max_attempts)
       UNION SELECT subject FROM jobs WHERE kind = $1 AND subject = ANY($2)`,
      [kind, [...subjects]],
    );
    return new Set(rows.map(({ subject }) => subject));
  }

  async takeFailed(tx: EntityManager, kind: JobKind, limit: number): Promise<string[]> {
    const failed = await tx.query<{ id: string; subject: string }[]>(
      `SELECT job.id, job.payload ->> 'subject' AS subject
       FROM graphile_worker._private_jobs job JOIN graphile_worker._private_tasks task ON task.id = job.task_id
       WHERE task.identifier = $1 AND job.locked_at IS NULL AND job.attempts >= job.max_attempts
       ORDER BY job.id LIMIT $2`,
      [kind, limit],
    );
    if (failed.length > 0)
      await tx.query('SELECT count(*) FROM graphile_worker.complete_jobs($1::bigint[])', [
        failed.map(({ id }) => id),
      ]);
    return failed.map(({ subject }) => subject);
  }

  private run(kind: JobKind, { handler, concurrency }: JobKindOptions, pool: pg.Pool): WorkerPool {
    const task = async (payload: unknown, { job }: JobHelpers) => {
      const { subject } = payload as { subject: string };
      const lastAttempt = job.attempts >= job.max_attempts;
      this.running.add(job.id);
      try {
        await handler({ subject, attempt: job.attempts, lastAttempt });
      } catch (error) {
        this.log.error(
          { err: error, job: kind, subject, attempt: job.attempts },
          lastAttempt ? 'job failed for good' : 'job failed, will be tried again',
        );
        throw error;
      } finally {
        this.running.delete(job.id);
        setTimeout(() => !this.stopped && workers.nudge(concurrency), LOOK_AGAIN_MS);
      }
    };
    const workers = runTaskList(
      {
        concurrency,
        pollInterval: POLL_MS,
        noHandleSignals: true,
        logger: new GraphileLogger(() => (level, message) => this.log.debug({ queue: kind, level }, message)),
      },
      { [kind]: task },
      this.patient(pool),
    );
    workers.promise.catch((error: unknown) => this.complain(error));
    return workers;
  }

  /**
   * The pool as graphile-worker uses it: by a callback for the connection it listens on, otherwise for one statement
   * at a time. What it does not wait for must not fail, or the process would end.
   */
  private patient(pool: pg.Pool): pg.Pool {
    return {
      connect: (listen?: Parameters<pg.Pool['connect']>[0]) =>
        listen
          ? pool.connect(listen)
          : Promise.resolve({ query: (query: pg.QueryConfig) => this.ask(pool, query), release: () => {} }),
    } as unknown as pg.Pool;
  }

  private async ask(pool: pg.Pool, query: pg.QueryConfig): Promise<Pick<pg.QueryResult, 'rows'>> {
    for (;;) {
      try {
        return await pool.query(query);
      } catch (error) {
        // Looking for a job is repeated by graphile-worker; the end of one is not, and would stay unknown.
        if (query.name?.startsWith('get_job')) throw error;
        this.complain(error);
        if (this.stopped) return { rows: [] };
        await sleep(POLL_MS);
      }
    }
  }

  private ids = (): string[] => this.workers.map(({ id }) => id);

  private async beat(): Promise<void> {
    const { nowMs } = this.database;
    await this.database.write(async (tx) => {
      await tx.query(
        `INSERT INTO queue_workers (id, owner, seen_at) SELECT id, $2, ${nowMs} FROM unnest($1::text[]) AS id
         ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at`,
        [this.ids(), this.me],
      );
      // Taken by a statement whose answer was lost: nobody runs it.
      await tx.query(
        `WITH lost AS (
           UPDATE graphile_worker._private_jobs SET locked_at = NULL, locked_by = NULL
           WHERE locked_by = ANY($1) AND locked_at < now() - interval '1 minute' AND id <> ALL($2::bigint[])
           RETURNING job_queue_id)
         UPDATE graphile_worker._private_job_queues SET locked_at = NULL, locked_by = NULL
         WHERE id IN (SELECT job_queue_id FROM lost)`,
        [this.ids(), [...this.running]],
      );
    });
    await this.freeJobsOfTheDead();
  }

  private async freeJobsOfTheDead(): Promise<void> {
    const holders = await this.database.read.query<{ id: string; owner: string | null; late: boolean }[]>(
      `SELECT held.id, worker.owner, coalesce(worker.seen_at < ${this.database.nowMs} - ${DEAD_MS}, false) AS late
       FROM (SELECT locked_by AS id, max(locked_at) AS locked_at FROM graphile_worker.jobs
             WHERE locked_by IS NOT NULL GROUP BY 1) held
       LEFT JOIN queue_workers worker ON worker.id = held.id
       WHERE worker.id IS NOT NULL OR held.locked_at < now() - interval '1 minute'`,
    );
    const dead = holders
      .filter(({ owner, late }) => late || owner === null || isDead(owner))
      .map(({ id }) => id);
    if (dead.length === 0) return;
    this.log.warn({ workers: dead }, 'took over the jobs of workers that died');
    await this.database.write(async (tx) => {
      await tx.query('SELECT graphile_worker.force_unlock_workers($1::text[])', [dead]);
      await tx.query('DELETE FROM queue_workers WHERE id = ANY($1)', [dead]);
      await tx.query(`SELECT pg_notify('jobs:insert', '{"count":${dead.length}}')`);
    });
  }

  private async sweepLanes(): Promise<void> {
    await this.database.write(async (tx) => {
      await tx.query(`SET LOCAL lock_timeout = '2s'`);
      // Nobody may enqueue meanwhile: a job whose lane went away would run outside of it.
      await tx.query('LOCK TABLE graphile_worker._private_job_queues IN SHARE ROW EXCLUSIVE MODE');
      await tx.query(
        `DELETE FROM graphile_worker._private_job_queues lane WHERE locked_at IS NULL AND NOT EXISTS
           (SELECT 1 FROM graphile_worker._private_jobs job WHERE job.job_queue_id = lane.id)`,
      );
    });
  }

  private complain(error: unknown): void {
    this.log.error({ err: error }, 'the queue could not reach its database, it will try again');
  }
}
