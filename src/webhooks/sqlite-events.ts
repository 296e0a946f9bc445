import sqlite3 from 'sqlite3';
import { EVENT_COLUMNS, eventValues, type EventTable, type NewEvent } from './event-table.js';

/** As the App's own connections wait. */
const BUSY_MS = 30_000;

type Values = (string | number | null)[];

/** The events in the application's SQLite database, over a connection of its own that is opened when first needed. */
export class SqliteEvents implements EventTable {
  private connection: Promise<sqlite3.Database> | null = null;

  /** @param file the database, which need not be there yet */
  constructor(private readonly file: string) {}

  async insert(rows: readonly NewEvent[]): Promise<Map<string, string>> {
    const database = await this.open();
    await run(database, 'BEGIN IMMEDIATE');
    try {
      const added = await all<{ id: string; delivery_id: string }>(
        database,
        `INSERT OR IGNORE INTO webhook_events (${EVENT_COLUMNS.join(', ')}) VALUES
         ${rows.map(() => ROW).join(', ')} RETURNING id, delivery_id`,
        rows.flatMap(values),
      );
      const ids = new Map(added.map((row) => [row.delivery_id, row.id]));
      const jobs = rows.filter(
        ({ id, deliveryId, status }) => status === 'queued' && ids.get(deliveryId) === id,
      );
      if (jobs.length > 0)
        await run(
          database,
          `INSERT INTO jobs (kind, subject, lane, run_at) VALUES ${jobs.map(() => `('event', ?, ?, ?)`).join(', ')}`,
          jobs.flatMap(({ id, lane, receivedAt }) => [id, lane, receivedAt]),
        );
      for (const { deliveryId } of rows) {
        if (ids.has(deliveryId)) continue;
        const sql = 'SELECT id FROM webhook_events WHERE delivery_id = ?';
        const [known] = await all<{ id: string }>(database, sql, [deliveryId]);
        ids.set(deliveryId, known!.id);
      }
      await run(database, 'COMMIT');
      return ids;
    } catch (error) {
      await run(database, 'ROLLBACK').catch(() => undefined);
      throw error;
    }
  }

  isSchemaMissing(error: unknown): boolean {
    const { code, message } = error as NodeJS.ErrnoException;
    return (
      code === 'SQLITE_CANTOPEN' ||
      (code === 'SQLITE_ERROR' && /no such (table|column)|no column/.test(message))
    );
  }

  async close(): Promise<void> {
    const database = await this.connection?.catch(() => null);
    if (database) await new Promise<void>((resolve) => database.close(() => resolve()));
  }

  private open(): Promise<sqlite3.Database> {
    this.connection ??= connect(this.file).catch((error: unknown) => {
      this.connection = null;
      throw error;
    });
    return this.connection;
  }
}

const ROW = `(?, ?, ?, ?, coalesce(?, (SELECT id FROM projects WHERE repository_id = ? LIMIT 1)), ?, ?, ?, ?, ?, ?)`;

const values = (row: NewEvent): Values => eventValues(row, (bytes) => bytes.toString());

async function connect(file: string): Promise<sqlite3.Database> {
  const database = await new Promise<sqlite3.Database>((resolve, reject) => {
    // Not made here: who makes it gives it its mode and its schema.
    const opened = new sqlite3.Database(file, sqlite3.OPEN_READWRITE, (error) =>
      error ? reject(error) : resolve(opened),
    );
  });
  database.configure('busyTimeout', BUSY_MS);
  // An answered delivery survives a power cut: with WAL, NORMAL may lose the last commits.
  await run(database, 'PRAGMA synchronous = FULL');
  // 40 MB instead of 4: a checkpoint costs more than the commits between two, and deliveries wait for it.
  await run(database, 'PRAGMA wal_autocheckpoint = 10000');
  return database;
}

const run = (database: sqlite3.Database, sql: string, parameters: Values = []): Promise<void> =>
  new Promise((resolve, reject) =>
    database.run(sql, parameters, (error: Error | null) => (error ? reject(error) : resolve())),
  );

const all = <Row>(database: sqlite3.Database, sql: string, parameters: Values): Promise<Row[]> =>
  new Promise((resolve, reject) =>
    database.all<Row>(sql, parameters, (error, rows) => (error ? reject(error) : resolve(rows))),
  );
