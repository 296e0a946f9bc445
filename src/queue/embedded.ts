import PQueue from 'p-queue';
import { In, IsNull, MoreThanOrEqual, type EntityManager } from 'typeorm';
import type { Database } from '../database/database.js';
import { Job } from '../database/entities/index.js';
import { insertRows } from '../database/rows.js';
import { messageOf } from '../domain/errors.js';
import { inOwnLogContext, type Logger } from '../logging.js';
import {
  MAX_ATTEMPTS,
  retryDelayMs,
  type JobKind,
  type JobKindOptions,
  type NewJob,
  type Queue,
  type QueueCounts,
} from './contract.js';
import { jobContext } from './observe.js';
import { isDead, newOwner } from './owner.js';

const LOCK_MS = 60_000;
const RENEW_MS = 15_000;
const POLL_MS = 1_000;
const STATES = ['queued', 'running', 'failed'] as const;

/** A job that is locked by us. */
interface TakenJob {
  id: number;
  kind: JobKind;
  subject: string;
  attempts: number;
  runAtMs: number;
}

/**
 * The queue as rows of the application's own SQLite database, where one transaction at a time writes. A job is taken
 * by a lock with an end that is renewed while it runs; a process that died on this machine is known by its pid, so its
 * jobs need not wait for that end.
 */
export class EmbeddedQueue implements Queue {
  private readonly me = newOwner();
  private readonly kinds = new Map<JobKind, JobKindOptions & { running: PQueue }>();
  private readonly held = new Set<number>();
  private timers: NodeJS.Timeout[] = [];
  /** Kinds that had no room for more jobs at the last look. */
  private full = new Set<JobKind>();
  private taking: Promise<void> | null = null;
  private again = false;
  private stopped = true;

  constructor(
    private readonly database: Database,
    private readonly log: Logger,
  ) {}

  async enqueue(tx: EntityManager, ...jobs: NewJob[]): Promise<void> {
    const now = new Date();
    await insertRows(
      tx,
      Job,
      jobs.map(({ runAt, ...job }) => ({ ...job, runAt: runAt ?? now })),
    );
    this.database.onCommit(tx, () => this.wake());
  }

  nudge(): void {
    this.wake();
  }

  async start(kinds: Partial<Record<JobKind, JobKindOptions>>): Promise<void> {
    for (const [kind, options] of Object.entries(kinds) as [JobKind, JobKindOptions][])
      this.kinds.set(kind, { ...options, running: new PQueue({ concurrency: options.concurrency }) });
    this.stopped = false;
    await this.releaseJobsOfTheDead();
    this.timers = [
      setInterval(() => this.wake(), POLL_MS),
      setInterval(() => void this.renew().catch((error) => this.complain(error)), RENEW_MS),
    ];
    this.wake();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.timers.forEach(clearInterval);
    await this.taking;
    await Promise.all([...this.kinds.values()].map(({ running }) => running.onIdle()));
  }

  async counts(): Promise<QueueCounts> {
    const counts = noJobs();
    for (const ofKind of (await this.countsByKind()).values())
      for (const state of STATES) counts[state] += ofKind[state];
    return counts;
  }

  async countsByKind(): Promise<Map<string, QueueCounts>> {
    const rows = await this.database.read.query<
      { kind: string; state: keyof QueueCounts; n: number | string }[]
    >(
      `SELECT kind, CASE WHEN attempts >= ${MAX_ATTEMPTS} AND locked_by IS NULL THEN 'failed'
                         WHEN locked_by IS NOT NULL THEN 'running' ELSE 'queued' END AS state, COUNT(*) AS n
       FROM jobs GROUP BY 1, 2`,
    );
    const counts = new Map<string, QueueCounts>();
    for (const { kind, state, n } of rows)
      counts.set(kind, { ...(counts.get(kind) ?? noJobs()), [state]: Number(n) });
    return counts;
  }

  async withJob(kind: JobKind, subjects: readonly string[]): Promise<Set<string>> {
    const jobs = await this.database.read.find(Job, {
      select: { id: true, subject: true, attempts: true, lockedBy: true },
      where: { kind, subject: In([...subjects]) },
    });
    return new Set(
      jobs.filter((job) => job.attempts < MAX_ATTEMPTS || job.lockedBy !== null).map((job) => job.subject),
    );
  }

  async takeFailed(tx: EntityManager, kind: JobKind, limit: number): Promise<string[]> {
    const failed = await tx.find(Job, {
      select: { id: true, subject: true },
      where: { kind, attempts: MoreThanOrEqual(MAX_ATTEMPTS), lockedBy: IsNull() },
      order: { id: 'ASC' },
      take: limit,
    });
    if (failed.length > 0) await tx.delete(Job, { id: In(failed.map(({ id }) => id)) });
    return failed.map(({ subject }) => subject);
  }

  /** Looks for work at once; calls while a look is under way lead to one more. */
  private wake(): void {
    if (this.stopped) return;
    if (this.taking) {
      this.again = true;
      return;
    }
    this.taking = inOwnLogContext({}, () => this.takeAll())
      .catch((error) => this.complain(error))
      .finally(() => {
        this.taking = null;
        if (this.again) {
          this.again = false;
          this.wake();
        }
      });
  }

  private async takeAll(): Promise<void> {
    while (!this.stopped) {
      const free = [...this.kinds].filter(
        ([, { running, concurrency }]) => running.pending + running.size < concurrency,
      );
      const kinds = free.map(([kind]) => kind);
      this.full = new Set([...this.kinds.keys()].filter((kind) => !kinds.includes(kind)));
      const job = await this.take(kinds);
      if (!job) return;
      const { running } = this.kinds.get(job.kind)!;
      void running
        .add(() => this.run(job))
        .then((waits) => {
          if (waits || this.full.has(job.kind)) this.wake();
        });
    }
  }

  /** Locks the oldest job of the first of these kinds that has one which is due and whose lane is free. */
  private async take(kinds: JobKind[]): Promise<TakenJob | null> {
    if (kinds.length === 0) return null;
    const now = this.database.nowMs;
    const oldest = kinds.map(
      (kind) => `SELECT * FROM (SELECT j.id FROM jobs j
      WHERE j.kind = '${kind}' AND j.run_at <= ${now} AND j.attempts < ${MAX_ATTEMPTS}
        AND (j.locked_until IS NULL OR j.locked_until < ${now})
        AND NOT EXISTS (SELECT 1 FROM jobs o WHERE o.lane = j.lane AND o.id <> j.id AND o.locked_until >= ${now})
      ORDER BY j.id LIMIT 1)`,
    );
    // (The driver answers rows where a statement does not begin with UPDATE.)
    const [row] = await this.database.writeOne((tx) =>
      tx.query<TakenJob[]>(
        `WITH due AS (${oldest.join(' UNION ALL ')} LIMIT 1)
         UPDATE jobs SET locked_by = '${this.me}', locked_until = ${now} + ${LOCK_MS}, attempts = attempts + 1
         WHERE id = (SELECT id FROM due) RETURNING id, kind, subject, attempts, run_at AS runAtMs`,
      ),
    );
    if (row) this.held.add(row.id);
    return row ?? null;
  }

  /** @returns whether another job may have waited for the end of this one's lane */
  private async run(job: TakenJob): Promise<boolean> {
    const { handler } = this.kinds.get(job.kind)!;
    const lastAttempt = job.attempts >= MAX_ATTEMPTS;
    try {
      const waitedMs = Math.max(0, Date.now() - job.runAtMs);
      await handler({ subject: job.subject, attempt: job.attempts, lastAttempt, waitedMs });
      return await this.remove(job);
    } catch (error) {
      this.log.error(
        { err: error, job: job.kind, attempt: job.attempts, ...jobContext(job.kind, job.subject) },
        lastAttempt ? 'job failed for good' : 'job failed, will be tried again',
      );
      await this.giveBack(job, error).catch((failure) => this.complain(failure));
      return true;
    } finally {
      this.held.delete(job.id);
    }
  }

  /** @returns whether others of its lane are there, which may have waited for it */
  private async remove(job: TakenJob): Promise<boolean> {
    // (The driver answers rows where a statement does not begin with DELETE.)
    const [removed] = await this.database.writeOne((tx) =>
      tx.query<{ waits: number }[]>(
        `WITH done AS (SELECT ? AS id)
         DELETE FROM jobs WHERE id = (SELECT id FROM done) AND locked_by = '${this.me}'
         RETURNING EXISTS (SELECT 1 FROM jobs o WHERE o.lane = jobs.lane AND o.id <> jobs.id) AS waits`,
        [job.id],
      ),
    );
    return removed?.waits !== 0;
  }

  private async giveBack(job: TakenJob, error: unknown): Promise<void> {
    const runAt = new Date(Date.now() + retryDelayMs(job.attempts));
    await this.database.writeOne((tx) =>
      tx.update(
        Job,
        { id: job.id, lockedBy: this.me },
        { lockedBy: null, lockedUntil: null, lastError: messageOf(error).slice(0, 2_000), runAt },
      ),
    );
  }

  private async renew(): Promise<void> {
    if (this.held.size === 0) return;
    await this.database.writeOne((tx) =>
      tx.query(`UPDATE jobs SET locked_until = ${this.database.nowMs} + ${LOCK_MS}
                WHERE locked_by = '${this.me}'`),
    );
  }

  private async releaseJobsOfTheDead(): Promise<void> {
    const owners = await this.database.read.query<{ owner: string }[]>(
      'SELECT DISTINCT locked_by AS owner FROM jobs WHERE locked_by IS NOT NULL',
    );
    for (const { owner } of owners) {
      if (!isDead(owner)) continue;
      await this.database.writeOne((tx) =>
        tx.update(Job, { lockedBy: owner }, { lockedBy: null, lockedUntil: null }),
      );
    }
  }

  private complain(error: unknown): void {
    this.log.error({ err: error }, 'the queue could not look for work, it will look again');
  }
}

const noJobs = (): QueueCounts => ({ queued: 0, running: 0, failed: 0 });
