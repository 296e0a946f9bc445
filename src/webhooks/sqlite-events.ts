import { Mutex } from 'async-mutex';
import type sqlite3 from 'sqlite3';
import { compress } from '../database/compression.js';
import { writeTurn } from '../database/write-turns.js';
import { open, SqliteLog } from './sqlite-log.js';
import { EVENT_COLUMNS, eventValues, type EventTable, type NewEvent } from './event-table.js';
import { SharedTurn } from './shared-turn.js';

/** As the App's own connections wait. */
const BUSY_MS = 30_000;
/** What the log grows by for an event, its job and their indexes, beside the payload. */
const OTHER_BYTES = 16_000;

interface StoredRow {
  delivery_id: string;
  id: string;
}

/**
 * The events in the application's SQLite database, over a connection of its own that is opened when first needed.
 *
 * What is to be stored is inserted into a view of this connection, whose trigger writes the event and its job: so a
 * group is one statement, which is all or nothing without a transaction around it, and one turn of the driver instead
 * of four.
 */
export class SqliteEvents implements EventTable {
  /** The driver begins with the next statement while this thread comes to hear that the last one has ended. */
  readonly atOnce = 2;
  private connection: Promise<sqlite3.Database> | null = null;
  /** Prepared once for each number of rows. */
  private readonly statements = new Map<number, Promise<sqlite3.Statement>>();

  private readonly log: SqliteLog;
  private readonly turn: SharedTurn;
  /** What an insert needs before it begins: none goes past one that waits for that. */
  private readonly beginning = new Mutex();

  /** @param file the database, which need not be there yet */
  constructor(private readonly file: string) {
    this.log = new SqliteLog(file);
    this.turn = new SharedTurn(writeTurn(file));
  }

  async insert(rows: readonly NewEvent[]): Promise<Map<string, string>> {
    try {
      const statement = await this.beginning.runExclusive(() => this.ready(rows.length));
      const payloads = rows.map(({ payload }) => compress(payload));
      const given = rows.flatMap((row, n) => values(row, payloads[n]!));
      const store = () =>
        new Promise<StoredRow[]>((resolve, reject) =>
          statement.all<StoredRow>(given, (error, found) => (error ? reject(error) : resolve(found))),
        );
      const stored = await this.turn.run(store);
      this.log.wrote(payloads.reduce((sum, { length }) => sum + length + OTHER_BYTES, 0));
      return new Map(stored.map((row) => [row.delivery_id, row.id]));
    } catch (error) {
      // The next one begins anew: a connection does not look again whether what its trigger names is there by now.
      await this.close();
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

  /** The next insert opens another connection. */
  async close(): Promise<void> {
    const [connection, statements] = [this.connection, [...this.statements.values()]];
    this.connection = null;
    this.statements.clear();
    await this.log.close();
    for (const prepared of statements) {
      const statement = await prepared.catch(() => null);
      if (statement) await new Promise<void>((resolve) => statement.finalize(() => resolve()));
    }
    const database = await connection?.catch(() => null);
    if (database) await new Promise<void>((resolve) => database.close(() => resolve()));
  }

  private async ready(count: number): Promise<sqlite3.Statement> {
    this.connection ??= connect(this.file);
    const database = await this.connection;
    await this.log.shorten(database);
    let statement = this.statements.get(count);
    if (!statement) {
      statement = prepare(database, insertSql(count));
      this.statements.set(count, statement);
    }
    return statement;
  }
}

/** Of a row to be stored: those of an event, and what its project and its job are told from. */
const GIVEN = [...EVENT_COLUMNS, 'repository_id', 'lane'];

const VIEW = `
  CREATE TEMP VIEW deliveries AS SELECT ${GIVEN.map((column) => `NULL AS ${column}`).join(', ')};
  CREATE TEMP TRIGGER store INSTEAD OF INSERT ON deliveries BEGIN
    INSERT OR IGNORE INTO webhook_events (${EVENT_COLUMNS.join(', ')}) VALUES (
      ${EVENT_COLUMNS.map((column) =>
        column === 'project_id'
          ? 'coalesce(NEW.project_id, (SELECT id FROM projects WHERE repository_id = NEW.repository_id LIMIT 1))'
          : `NEW.${column}`,
      ).join(', ')});
    INSERT INTO jobs (kind, subject, lane, run_at)
      SELECT 'event', NEW.id, NEW.lane, NEW.received_at
      WHERE NEW.status = 'queued' AND EXISTS (SELECT 1 FROM webhook_events WHERE id = NEW.id);
  END;`;

const ROW = `(${GIVEN.map(() => '?').join(', ')})`;

/** Also answers what was there before. */
const insertSql = (count: number): string => `
  INSERT INTO deliveries (${GIVEN.join(', ')}) VALUES ${Array(count).fill(ROW).join(', ')}
  RETURNING delivery_id, (SELECT e.id FROM webhook_events e WHERE e.delivery_id = deliveries.delivery_id) AS id`;

const values = (row: NewEvent, payload: Buffer): unknown[] => [
  ...eventValues(row, payload),
  row.repositoryId,
  row.lane,
];

async function connect(file: string): Promise<sqlite3.Database> {
  const database = await open(file);
  database.configure('busyTimeout', BUSY_MS);
  // An answered delivery survives a power cut: with WAL, NORMAL may lose the last commits.
  await execute(database, 'PRAGMA synchronous = FULL');
  // See SqliteLog.
  await execute(database, 'PRAGMA wal_autocheckpoint = 0');
  await execute(database, VIEW);
  return database;
}

const execute = (database: sqlite3.Database, sql: string): Promise<void> =>
  new Promise((resolve, reject) => database.exec(sql, (error) => (error ? reject(error) : resolve())));

const prepare = (database: sqlite3.Database, sql: string): Promise<sqlite3.Statement> =>
  new Promise((resolve, reject) => {
    const statement = database.prepare(sql, (error: Error | null) =>
      error ? reject(error) : resolve(statement),
    );
  });
