import pg from 'pg';
import { compressToText } from '../database/compression.js';
import { enqueueSql, JOBS_CHANNEL, laneName, notifySql } from '../queue/job-rows.js';
import { EVENT_COLUMNS, eventValues, type EventTable, type NewEvent } from './event-table.js';

const UNDEFINED_TABLE = '42P01';
const UNDEFINED_COLUMN = '42703';
const UNDEFINED_FUNCTION = '42883';
const INVALID_SCHEMA = '3F000';

/** An answer that takes longer will not come: who was asked is gone, and nothing said so. */
const ANSWER_MS = 35_000;
/** Something between here and there may forget a connection that nobody uses, as when Lambda stops a process. */
const IDLE_MS = 10_000;
/** Workers are told at once of what was stored, but of more only so much later: PostgreSQL wakes all who listen. */
const TELL_MS = 20;

/**
 * One statement, and so one transaction and one round trip, whatever the number of rows; over one connection, as they
 * are written one after the other. (A pool would take a seventh of what a statement costs this process.)
 */
export class PostgresEvents implements EventTable {
  /** PostgreSQL begins with the next statement while the answer to the last one is read and acted upon here. */
  readonly atOnce = 2;
  private connection: Promise<pg.Client> | null = null;
  private underWay = 0;
  private idle: NodeJS.Timeout | undefined;
  private toldAt = -Infinity;
  private telling: NodeJS.Timeout | undefined;

  constructor(private readonly url: string) {}

  async insert(rows: readonly NewEvent[]): Promise<Map<string, string>> {
    clearTimeout(this.idle);
    this.underWay++;
    const connection = this.connected();
    try {
      return await store(await connection, rows, this.tellsNow());
    } catch (error) {
      // The next one begins anew: nobody knows what state this connection is in.
      if (this.connection === connection) void this.close();
      throw error;
    } finally {
      if (--this.underWay === 0) this.idle = setTimeout(() => void this.close(), IDLE_MS).unref();
    }
  }

  isSchemaMissing(error: unknown): boolean {
    const codes = [UNDEFINED_TABLE, UNDEFINED_COLUMN, UNDEFINED_FUNCTION, INVALID_SCHEMA];
    return codes.includes(String((error as NodeJS.ErrnoException).code));
  }

  /** Whether what is stored now is to tell workers; otherwise they are told in a moment. */
  private tellsNow(): boolean {
    const now = performance.now();
    const tells = now - this.toldAt >= TELL_MS;
    if (tells) this.toldAt = now;
    else this.telling ??= setTimeout(() => void this.tell(), TELL_MS).unref();
    return tells;
  }

  private async tell(): Promise<void> {
    this.telling = undefined;
    this.toldAt = performance.now();
    await tell(await this.connection?.catch(() => null));
  }

  /** The next insert opens another connection. */
  async close(): Promise<void> {
    const { connection, telling } = this;
    this.connection = null;
    this.telling = undefined;
    clearTimeout(telling);
    const client = await connection?.catch(() => null);
    if (telling) await tell(client);
    // Of one that was lost meanwhile there is nothing to end.
    await client?.end().catch(() => undefined);
  }

  private connected(): Promise<pg.Client> {
    if (!this.connection) {
      const client = new pg.Client({
        connectionString: this.url,
        pipeline: true,
        keepAlive: true,
        connectionTimeoutMillis: 5_000,
        statement_timeout: 30_000,
        query_timeout: ANSWER_MS,
        // Left to itself, PostgreSQL would plan its first statements of each size anew.
        options: '-c plan_cache_mode=force_generic_plan',
      });
      const connection = client.connect().then(() => client);
      const forget = () => {
        if (this.connection === connection) this.connection = null;
      };
      // One that is lost while idle: the next statement opens another one, or says why it can't.
      client.on('error', forget).on('end', forget);
      this.connection = connection;
    }
    return this.connection;
  }
}

/** Where it fails, workers look by themselves within a second. */
async function tell(client: pg.Client | null | undefined): Promise<void> {
  await client?.query(`NOTIFY ${JOBS_CHANNEL}`).catch(() => undefined);
}

async function store(
  client: pg.Client,
  rows: readonly NewEvent[],
  tells: boolean,
): Promise<Map<string, string>> {
  const { rows: answers } = await client.query<{ known: string[] | null }>({
    // Prepared once for each number of rows.
    name: `store-${rows.length}`,
    text: statement(rows.length),
    values: [...rows.flatMap(values), tells],
  });
  const ids = new Map(rows.map(({ deliveryId, id }) => [deliveryId, id]));
  const { known } = answers[0]!;
  if (known) {
    const { rows: found } = await client.query<StoredRow>(
      'SELECT id, delivery_id FROM webhook_events WHERE delivery_id = ANY($1)',
      [known],
    );
    for (const row of found) ids.set(row.delivery_id, row.id);
  }
  return ids;
}

interface StoredRow {
  id: string;
  delivery_id: string;
}

const TYPES =
  'varchar varchar varchar varchar varchar integer varchar text varchar bigint bigint bigint text'.split(' ');

function statement(count: number): string {
  const row = (n: number) =>
    `(${TYPES.map((type, m) => `$${n * TYPES.length + m + 1}::${type}`).join(', ')})`;
  return `
    WITH given (${EVENT_COLUMNS.join(', ')}, repository_id, lane) AS (
      VALUES ${Array.from({ length: count }, (_, n) => row(n)).join(', ')}
    ), stored AS (
      INSERT INTO webhook_events (${EVENT_COLUMNS.join(', ')})
      SELECT id, delivery_id, event, action,
             coalesce(project_id, (SELECT p.id FROM projects p WHERE p.repository_id = given.repository_id LIMIT 1)),
             pull_request_number, status, payload, replay_of, received_at, processed_at
      FROM given ORDER BY delivery_id -- so that two processes with the same deliveries wait for each other in one order
      ON CONFLICT (delivery_id) DO NOTHING RETURNING id
    ), enqueued AS (
      ${enqueueSql(`
        SELECT 'event' AS kind, given.id AS subject, given.lane, NULL::float8 AS delay_ms
        FROM given JOIN stored ON stored.id = given.id WHERE given.status = 'queued' ORDER BY given.id`)}
    )
    SELECT (SELECT array_agg(delivery_id) FROM given WHERE id NOT IN (SELECT id FROM stored)) AS known,
           CASE WHEN $${count * TYPES.length + 1}::boolean THEN (${notifySql('enqueued')}) END`;
}

const values = (row: NewEvent): unknown[] => [
  ...eventValues(row, compressToText(row.payload)),
  row.repositoryId,
  laneName(row.lane),
];
