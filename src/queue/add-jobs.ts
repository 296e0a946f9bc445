/** How graphile-worker is told of jobs, in SQL. */
import { createHash } from 'node:crypto';
import { MAX_ATTEMPTS } from './contract.js';

/** graphile-worker's own limit on the name of a queue. */
const MAX_LANE = 128;

/**
 * An expression that adds jobs and is their number.
 * @param jobs a query of kind, subject, lane (as by `laneName`), delay_ms (null: none) and n, their order
 */
export const addJobsSql = (jobs: string): string =>
  // A lane's order is that of run_at, and now() would be the same for all of a transaction.
  `(SELECT count(*) FROM graphile_worker.add_jobs(ARRAY(
     SELECT ROW(kind, json_build_object('subject', subject), lane,
                clock_timestamp() + coalesce(delay_ms * interval '1 ms', n * interval '1 microsecond'),
                ${MAX_ATTEMPTS}, NULL, 0, NULL)::graphile_worker.job_spec
     FROM (${jobs}) AS new
     ORDER BY n)))`;

export const laneName = (lane: string): string =>
  lane.length <= MAX_LANE ? lane : createHash('sha256').update(lane).digest('hex');
