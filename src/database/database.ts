import type { Mutex } from 'async-mutex';
import type { DataSource, EntityManager, QueryRunner } from 'typeorm';
import { createDataSource } from './data-source.js';
import { createTriggers } from './pipeline-totals.js';
import { connect, isBusy, refuseNewer, requireMigrated } from './schema-version.js';
import { writeTurn } from './write-turns.js';

/**
 * The one way to the database. On SQLite TypeORM shares one connection: a second transaction fails and a plain
 * write joins whatever transaction is open, lost with its rollback. So every write goes through `write`, which
 * waits for its turn there, and reads have a connection of their own that sees only what is committed.
 */
export class Database {
  private readonly afterCommit = new WeakMap<EntityManager, (() => void)[]>();

  private constructor(
    private readonly writer: DataSource,
    private readonly reader: DataSource,
    /** Null on PostgreSQL, where many write at once. */
    private readonly turn: Mutex | null,
  ) {}

  /**
   * Connects; on SQLite brings the schema up to date.
   * @throws OperationalError when it can't be reached, isn't migrated, or is newer than this program.
   */
  static async open(where: { databaseUrl: string | null; dataDir: string }): Promise<Database> {
    const writer = createDataSource(where);
    await connect(writer);
    try {
      if (writer.options.type !== 'sqlite') {
        await requireMigrated(writer);
        return new Database(writer, writer, null);
      }
      // FULL: an answered delivery survives a power cut (with WAL, NORMAL may lose the last commits).
      await writer.query('PRAGMA synchronous = FULL');
      await refuseNewer(writer);
      await writer.runMigrations();
      await createTriggers(writer.createQueryRunner());
      const reader = createDataSource(where);
      await connect(reader);
      await reader.query('PRAGMA query_only = ON');
      return new Database(writer, reader, writeTurn(String(reader.options.database)));
    } catch (error) {
      await writer.destroy();
      throw error;
    }
  }

  get kind(): 'sqlite' | 'postgres' {
    return this.writer.options.type === 'sqlite' ? 'sqlite' : 'postgres';
  }

  /** SQL for the database's clock in milliseconds: leases must not depend on a machine's own. */
  get nowMs(): string {
    return this.kind === 'sqlite'
      ? `CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)`
      : `CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)`;
  }

  /** For reading only. */
  get read(): EntityManager {
    return this.reader.manager;
  }

  /** Runs `work` in a transaction: all of it is durable when this resolves, or none of it. */
  async write<T>(work: (tx: EntityManager) => Promise<T>): Promise<T> {
    const { result, callbacks } = await this.alone(() => this.transaction(work));
    for (const callback of callbacks) callback();
    return result;
  }

  /** As `write`, of a single statement: that is a transaction by itself, and costs a third. */
  async writeOne<T>(statement: (tx: EntityManager) => Promise<T>): Promise<T> {
    return this.alone(() => statement(this.writer.manager));
  }

  /** Tells of every statement that succeeded, from now on. */
  onQuery(listener: (sql: string, seconds: number, parameters?: unknown[]) => void): void {
    for (const { subscribers } of new Set([this.writer, this.reader]))
      subscribers.push({
        afterQuery: ({ query, executionTime, parameters }) => {
          if (executionTime !== undefined) listener(query, executionTime / 1000, parameters);
        },
      });
  }

  /** Calls back once the transaction is committed, and not when it is rolled back. */
  onCommit(tx: EntityManager, callback: () => void): void {
    const callbacks = this.afterCommit.get(tx) ?? [];
    callbacks.push(callback);
    this.afterCommit.set(tx, callbacks);
  }

  async close(): Promise<void> {
    await this.turn?.waitForUnlock();
    if (this.reader !== this.writer) await this.reader.destroy();
    await this.writer.destroy();
  }

  /** On SQLite; another process that writes is waited for there, each time for its busy time of 5 s. */
  private async alone<T>(write: () => Promise<T>): Promise<T> {
    if (!this.turn) return write();
    return this.turn.runExclusive(async () => {
      for (let left = 5; ; left--) {
        try {
          return await write();
        } catch (error) {
          if (left === 0 || !isBusy(error)) throw error;
        }
      }
    });
  }

  private async begin(runner: QueryRunner): Promise<void> {
    if (this.kind !== 'sqlite') return runner.startTransaction();
    // SQLite waits for the write lock only where a transaction begins by taking it, and TypeORM's does not.
    await runner.query('BEGIN IMMEDIATE');
    Object.assign(runner, { isTransactionActive: true, transactionDepth: 1 });
  }

  /**
   * Without room on the disk SQLite rolls back by itself, and refuses to do so again; TypeORM's one runner would
   * take that transaction for open, and every later one for a part of it.
   */
  private forgetTransaction(runner: QueryRunner): void {
    if (this.kind === 'sqlite') Object.assign(runner, { isTransactionActive: false, transactionDepth: 0 });
  }

  private async transaction<T>(work: (tx: EntityManager) => Promise<T>) {
    const runner = this.writer.createQueryRunner();
    try {
      // On SQLite runner.manager is the shared one, so the hooks of an earlier transaction are dropped first.
      this.afterCommit.delete(runner.manager);
      await this.begin(runner);
      try {
        const result = await work(runner.manager);
        await runner.commitTransaction();
        return { result, callbacks: this.afterCommit.get(runner.manager) ?? [] };
      } catch (error) {
        await runner.rollbackTransaction().catch(() => this.forgetTransaction(runner));
        throw error;
      }
    } finally {
      await runner.release();
    }
  }
}
