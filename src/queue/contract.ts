/**
 * The queue. Terminology:
 *
 * - A job is the nudge to look at one row (its subject); what is to be done stands in that row. Handlers
 *   therefore bear to be called twice and for a row that needs nothing any more.
 * - A lane is a name: jobs of one lane run one at a time, in the order they were enqueued. A job that waits to be
 *   tried again lets those behind it pass.
 * - A kind has its own number of jobs at once per process, so that long pipelines never hold events up.
 *
 * A backend promises: a job enqueued in a transaction exists exactly when that transaction is committed; it runs
 * at least once, also when the process that runs it dies; a handler that throws is called again after a pause
 * that grows with its attempts, until `MAX_ATTEMPTS`, and is then kept as failed.
 */
import type { EntityManager } from 'typeorm';

export const JOB_KINDS = ['event', 'pipeline', 'publish', 'agent'] as const;
export type JobKind = (typeof JOB_KINDS)[number];

export interface NewJob {
  kind: JobKind;
  subject: string;
  lane: string;
  /** Not before; at once where missing. */
  runAt?: Date;
}

export interface JobRun {
  subject: string;
  /** 1 for the first. */
  attempt: number;
  /** Whether a throw now would be the end of it. */
  lastAttempt: boolean;
  /** How long it was due before it was begun, where the backend knows. */
  waitedMs?: number;
}

export type JobHandler = (job: JobRun) => Promise<void>;

export interface JobKindOptions {
  handler: JobHandler;
  /** Jobs of this kind at once in this process. */
  concurrency: number;
}

export const MAX_ATTEMPTS = 8;

export interface QueueCounts {
  queued: number;
  running: number;
  failed: number;
}

export interface Queue {
  enqueue(tx: EntityManager, ...jobs: NewJob[]): Promise<void>;
  /** Says that jobs were added over another connection. */
  nudge(): void;
  /** Begins to run jobs of the kinds named. */
  start(kinds: Partial<Record<JobKind, JobKindOptions>>): Promise<void>;
  /** Takes no more jobs; resolves when the running ones have ended. */
  stop(): Promise<void>;
  counts(): Promise<QueueCounts>;
  /** The same by kind; kinds without jobs may be missing. */
  countsByKind(): Promise<Map<string, QueueCounts>>;
  /** Those of the subjects that have a job of this kind which waits or runs. */
  withJob(kind: JobKind, subjects: readonly string[]): Promise<Set<string>>;
  /** The subjects of at most `limit` jobs of this kind that failed for good; those jobs are forgotten. */
  takeFailed(tx: EntityManager, kind: JobKind, limit: number): Promise<string[]>;
}

/** Seconds before the next try: 2, 4, 8 … up to 5 minutes. */
export const retryDelayMs = (attempt: number): number => Math.min(300_000, 1_000 * 2 ** attempt);
