import sqlite3 from 'sqlite3';

/** After so much was written, the log is carried over. */
const CARRY_BYTES = 4 * 1024 ** 2;
/** A log as long as this is carried over while nothing is written, so that it begins anew. */
const MAX_LOG_BYTES = 64 * 1024 ** 2;
const PAGE_BYTES = 4096;

/** What SQLite answers; `log`: the pages in the log, also those that were carried over. */
interface Checkpoint {
  log: number;
}

/**
 * Carries SQLite's write-ahead log over into the database, which costs more than all commits since the last time.
 * By itself SQLite does that in the commit that made the log long, and a hundred deliveries would wait for it; here
 * a connection of its own does it, beside the commits. As long as those go on the log is never empty, so in the end
 * the rest, by then small, is carried over between two of them.
 */
export class SqliteLog {
  private written = 0;
  private isLong = false;
  private carrying: Promise<void> | null = null;

  constructor(private readonly file: string) {}

  /** To be called after a commit, with what it wrote. */
  wrote(bytes: number): void {
    this.written += bytes;
    if (this.written < CARRY_BYTES || this.carrying) return;
    this.written = 0;
    // Where it fails, the next one tries again; until then the log only grows.
    this.carrying = this.carry()
      .catch(() => undefined)
      .finally(() => (this.carrying = null));
  }

  /** To be called before a commit, with its connection. */
  async shorten(database: sqlite3.Database): Promise<void> {
    if (!this.isLong || this.carrying) return;
    this.isLong = false;
    await checkpoint(database).catch(() => undefined);
  }

  async close(): Promise<void> {
    await this.carrying;
  }

  private async carry(): Promise<void> {
    const database = await open(this.file);
    try {
      const { log } = await checkpoint(database);
      this.isLong = log * PAGE_BYTES > MAX_LOG_BYTES;
    } finally {
      await new Promise<void>((resolve) => database.close(() => resolve()));
    }
  }
}

/** Not made here: who makes a database gives it its mode and its schema. */
export const open = (file: string): Promise<sqlite3.Database> =>
  new Promise((resolve, reject) => {
    const opened = new sqlite3.Database(file, sqlite3.OPEN_READWRITE, (error) =>
      error ? reject(error) : resolve(opened),
    );
  });

/** As far as nobody reads what is to be replaced: it waits for no one. */
const checkpoint = (database: sqlite3.Database): Promise<Checkpoint> =>
  new Promise((resolve, reject) =>
    database.get<Checkpoint>('PRAGMA wal_checkpoint(PASSIVE)', (error, row) =>
      error ? reject(error) : resolve(row),
    ),
  );
