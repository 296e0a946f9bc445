import { createRequire } from 'node:module';
import type sqlite3 from 'sqlite3';
import type { DataSource } from 'typeorm';

type Callback = (this: sqlite3.RunResult, error: Error | null, rows?: unknown[]) => void;

/** TypeORM writes the same SQL for the same question; lists of different lengths make some more. */
const MOST_KEPT = 200;
/** What is asked again and again; not a PRAGMA, of which `run` leaves the answer pending and so the schema locked. */
const ASKED_AGAIN = /^\s*(?:SELECT|WITH|INSERT|UPDATE|DELETE|BEGIN|COMMIT|ROLLBACK)\b/;
/** A kept statement holds its last parameters: most are ids, but some are whole results. */
const MOST_PARAMETER_LENGTH = 10_000;

/**
 * The sqlite3 module for TypeORM, with connections that keep their prepared statements. By itself it prepares one for
 * every query and discards it, so that most of the time goes to waking other threads.
 *
 * TypeORM switches on what the module calls verbose, too: each statement then notes where it came from, and writes out
 * its parameters, payloads among them, for an error that hardly ever comes. Here that stays off.
 */
export function keepingDriver(): typeof sqlite3 {
  const driver = createRequire(import.meta.url)('sqlite3') as typeof sqlite3;
  const keeping = Object.create(driver, { Database: { value: keepingDatabase(driver) } }) as typeof sqlite3;
  return Object.assign(keeping, { verbose: () => keeping });
}

function keepingDatabase({ Database }: typeof sqlite3): typeof sqlite3.Database {
  return class extends Database {
    /** By their SQL; what was used last is last. */
    readonly #kept = new Map<string, sqlite3.Statement>();
    #closed = false;

    /** As TypeORM calls it: with a callback, and parameters in an array or none. */
    override run(sql: string, ...rest: unknown[]): this {
      const [parameters, callback] = argumentsOf(rest);
      if (!isWorthKeeping(sql, parameters)) return super.run(sql, parameters, callback);
      this.#prepared(sql, callback).run(parameters, callback);
      return this;
    }

    override all(sql: string, ...rest: unknown[]): this {
      const [parameters, callback] = argumentsOf(rest);
      if (!isWorthKeeping(sql, parameters)) return super.all(sql, parameters, callback);
      this.#prepared(sql, callback).all(parameters, callback);
      return this;
    }

    /** A connection with statements can't be closed. */
    override close(callback?: (error: Error | null) => void): void {
      this.#closed = true;
      for (const statement of this.#kept.values()) statement.finalize();
      super.close(callback);
    }

    /** @param callback told when the SQL is wrong; then it isn't called by the statement */
    #prepared(sql: string, callback: Callback): sqlite3.Statement {
      const known = this.#kept.get(sql);
      if (known) {
        this.#kept.delete(sql);
        this.#kept.set(sql, known);
        return known;
      }
      const statement = this.prepare(sql, (error: Error | null) => {
        if (error) callback.call(statement as unknown as sqlite3.RunResult, error);
        else this.#keep(sql, statement);
      });
      return statement;
    }

    /** Finalizing a statement waits for what it was asked before. */
    #keep(sql: string, statement: sqlite3.Statement): void {
      if (this.#closed) return void statement.finalize();
      this.#kept.get(sql)?.finalize();
      this.#kept.set(sql, statement);
      if (this.#kept.size <= MOST_KEPT) return;
      const [oldest, unused] = this.#kept.entries().next().value!;
      this.#kept.delete(oldest);
      unused.finalize();
    }
  };
}

function argumentsOf(rest: unknown[]): [parameters: unknown[], callback: Callback] {
  const callback = rest.at(-1) as Callback;
  return [Array.isArray(rest[0]) ? rest[0] : [], callback];
}

function isWorthKeeping(sql: string, parameters: unknown[]): boolean {
  let length = 0;
  for (const value of parameters)
    if (typeof value === 'string' || value instanceof Uint8Array) length += value.length;
  return length <= MOST_PARAMETER_LENGTH && ASKED_AGAIN.test(sql);
}

/** A number on its way through TypeORM. */
class Bound {
  constructor(readonly value: unknown) {}
}

/**
 * Has TypeORM hand numbers over as parameters. On SQLite it writes them into the SQL, which with a time or the number
 * of a pull request in it is another one each time.
 */
export function bindNumbers({ driver }: DataSource): void {
  const escape = driver.escapeQueryWithParameters.bind(driver);
  driver.escapeQueryWithParameters = (sql, parameters, native) => {
    const wrapped = Object.fromEntries(
      Object.entries(parameters).map(([name, value]) => [
        name,
        typeof value === 'number' ? new Bound(value) : (value as unknown),
      ]),
    );
    const [text, values] = escape(sql, wrapped, native);
    return [text, values.map((value: unknown) => (value instanceof Bound ? value.value : value))];
  };
}
