/** How jobs are enqueued on PostgreSQL: as rows, which a worker hands over to graphile-worker (see HandOver). */
import { createHash } from 'node:crypto';

/** Notified when rows were committed. */
export const JOBS_CHANNEL = 'codegenapp_jobs';

/** graphile-worker's own limit on the name of a queue. */
const MAX_LANE = 128;

/** By the database's clock: this machine's may be another. */
const NOW_MS = 'EXTRACT(EPOCH FROM clock_timestamp()) * 1000';

/**
 * A statement that enqueues jobs; its rows are their ids.
 * @param jobs a query of kind, subject, lane (as by `laneName`) and delay_ms (null: none), in their order
 */
export const enqueueSql = (jobs: string): string =>
  // Never later than now where there is no delay, as a lane's order is that of what is due, and then of the rows.
  `INSERT INTO jobs (kind, subject, lane, run_at)
   SELECT kind, subject, lane, coalesce(ceil(${NOW_MS} + delay_ms), floor(${NOW_MS})) FROM (${jobs}) AS new
   RETURNING id`;

/** Notifies once the transaction is committed. @param enqueued the name of a table expression of `enqueueSql` */
export const notifySql = (enqueued: string): string =>
  `SELECT pg_notify('${JOBS_CHANNEL}', '') FROM ${enqueued} LIMIT 1`;

export const laneName = (lane: string): string =>
  lane.length <= MAX_LANE ? lane : createHash('sha256').update(lane).digest('hex');
