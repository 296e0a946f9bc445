import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { Listener } from '../database/listener.js';
import type { Logger } from '../logging.js';
import { MAX_ATTEMPTS } from './contract.js';
import { JOBS_CHANNEL } from './job-rows.js';

const BATCH = 500;
/** What is enqueued during a burst is handed over together. */
const PAUSE_MS = 5;
/** A look without being told to: what was notified may have been lost. */
const POLL_MS = 1_000;

/**
 * What is looked for here is a few rows by a key, and always in the same way. Left to itself, PostgreSQL would plan
 * most of what graphile-worker's function does anew each time, and read tables whole that were small when it first
 * looked, however long the backlog of jobs has become (see `npm run bench`).
 */
const ALWAYS_BY_INDEX = [
  'plan_cache_mode=force_generic_plan',
  ...['seqscan', 'bitmapscan', 'hashjoin', 'mergejoin'].map((way) => `enable_${way}=off`),
];

/**
 * Two statements of one transaction: only one process at a time, so that each sees what the one before has left, and
 * a lane's order is kept. `count` is how many jobs were handed over.
 */
export const HAND_OVER = `
  SELECT pg_advisory_xact_lock(hashtext('${JOBS_CHANNEL}'));
  WITH taken AS (
    DELETE FROM jobs WHERE id IN (SELECT id FROM jobs ORDER BY id LIMIT ${BATCH})
    RETURNING id, kind, subject, lane, run_at
  ), ordered AS (
    SELECT *, row_number() OVER (ORDER BY id) AS n FROM taken
  )
  SELECT count(*)::int FROM graphile_worker.add_jobs(ARRAY(
    SELECT ROW(kind, json_build_object('subject', subject), lane,
               -- A lane's order is that of run_at, and now() would be the same for all of a transaction.
               greatest(to_timestamp(run_at / 1000.0), clock_timestamp() + n * interval '1 microsecond'),
               ${MAX_ATTEMPTS}, NULL, 0, NULL)::graphile_worker.job_spec
    FROM ordered ORDER BY n))`;

/**
 * Hands the rows of `jobs` over to graphile-worker. Enqueuing by itself would cost a third of what storing a delivery
 * costs PostgreSQL, and hold locks of lanes until the end of a transaction: it is left to workers, for many at a time.
 */
export class HandOver {
  private readonly listener: Listener;
  private client: pg.Client | null = null;
  private handing: Promise<void> | null = null;
  private again = false;
  private poll: NodeJS.Timeout | undefined;

  constructor(
    databaseUrl: string,
    private readonly log: Logger,
  ) {
    this.listener = new Listener({
      databaseUrl,
      channel: JOBS_CHANNEL,
      connection: {
        options: ALWAYS_BY_INDEX.map((setting) => `-c ${setting}`).join(' '),
        statement_timeout: 30_000,
        query_timeout: 35_000,
      },
      hear: () => this.look(),
      onConnected: (client) => {
        this.client = client;
        this.look();
      },
      onLost: (error) => {
        this.client = null;
        this.log.warn({ err: error }, 'jobs are not handed over at the moment, it will be tried again');
      },
    });
  }

  start(): void {
    this.listener.start();
    this.poll = setInterval(() => this.look(), POLL_MS);
  }

  /** What is left is handed over by others, or after the next start. */
  async stop(): Promise<void> {
    clearInterval(this.poll);
    this.client = null;
    await this.handing;
    await this.listener.stop();
  }

  /** Calls while a look is under way lead to one more. */
  private look(): void {
    if (this.handing) this.again = true;
    else
      this.handing = this.handAllOver().finally(() => {
        this.handing = null;
      });
  }

  private async handAllOver(): Promise<void> {
    for (;;) {
      const { client } = this;
      if (!client) return;
      this.again = false;
      try {
        const results = (await client.query(HAND_OVER)) as unknown as pg.QueryResult<{ count: number }>[];
        if (results.at(-1)!.rows[0]!.count === BATCH) continue;
      } catch (error) {
        this.log.error({ err: error }, 'jobs could not be handed over, it will be tried again');
        // Nobody knows what state this connection is in; its end leads to another one.
        void client.end().catch(() => undefined);
        return;
      }
      if (!this.again) return;
      await sleep(PAUSE_MS);
    }
  }
}
