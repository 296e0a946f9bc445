/** Many rows in a short time, to measure what lists and statistics cost over them. */
import type { EntityManager } from 'typeorm';
import type { Database } from '../../src/database/database.js';
import { countAll, createTriggers, dropTriggers } from '../../src/database/pipeline-totals.js';
import { newId } from '../../src/domain/ids.js';

/** A project to be stored: of acme/web, where `more` says nothing else. */
export function projectRow<More extends object = object>(more = {} as More) {
  const now = new Date();
  return {
    id: newId(),
    name: 'web',
    fullName: 'Acme/Web',
    fullNameKey: 'acme/web',
    repositoryUrl: 'https://github.com/Acme/Web',
    createdAt: now,
    updatedAt: now,
    ...more,
  };
}

/** Less than what is kept by default. */
const SPAN_MS = 28 * 86_400_000;

/** The SQL of one row's columns, where `n` counts from 0. */
export interface RowSql {
  /** An id of ours; later ones for later rows. */
  id: string;
  /** Milliseconds since 1970, spread over the last four weeks. */
  ms: string;
  /** Of a number, with so many digits. */
  hex: (value: string, digits: number) => string;
}

/** Inserts `count` rows in one statement. @param columns names and SQL without anything from outside in it */
export async function fillTable(
  tx: EntityManager,
  table: string,
  count: number,
  columns: (sql: RowSql) => Record<string, string>,
): Promise<void> {
  const isSqlite = tx.connection.options.type === 'sqlite';
  const hex = (value: string, digits: number) =>
    isSqlite ? `printf('%0${digits}x', ${value})` : `lpad(to_hex((${value})::bigint), ${digits}, '0')`;
  const ms = `(${Date.now() - SPAN_MS} + n * ${SPAN_MS} / ${count})`;
  const time = hex(ms, 12);
  const id = `substr(${time}, 1, 8) || '-' || substr(${time}, 9, 4) || '-7000-8000-' || ${hex('n', 12)}`;
  const sql = columns({ id, ms, hex });
  const numbers = isSqlite
    ? `(WITH RECURSIVE numbers(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < ${count})
        SELECT n FROM numbers) AS numbers`
    : `generate_series(0::bigint, ${count - 1}::bigint) AS numbers(n)`;
  // A million rows take longer than any statement of ours may.
  if (!isSqlite) await tx.query('SET LOCAL statement_timeout = 0');
  await tx.query(
    `INSERT INTO ${table} (${Object.keys(sql).join(', ')}) SELECT ${Object.values(sql).join(', ')} FROM ${numbers}`,
  );
}

/**
 * Stores `count` completed pipelines of one project, 5 to a pull request, one in 10 of the base branch, with
 * `resultBytes` of results each. A project is filled once: filled again it would get the same ids.
 */
export async function fillPipelines(
  database: Database,
  projectId: string,
  count: number,
  { resultBytes = 500 } = {},
): Promise<void> {
  const results = JSON.stringify({ notes: ['x'.repeat(resultBytes)] });
  await database.write(async (tx) => {
    // Counting once at the end takes a fraction of the time.
    await dropTriggers(tx);
    await fillTable(tx, 'validation_pipelines', count, ({ id, ms, hex }) => ({
      id,
      project_id: `'${projectId}'`,
      pull_request_number: `CASE WHEN n % 10 = 9 THEN NULL ELSE n / 5 + 1 END`,
      title: `'Change number ' || n`,
      author: `'octocat'`,
      head_sha: hex('n', 40),
      head_ref: `'change-' || n / 5`,
      base_ref: `'main'`,
      base_sha: hex('n / 100', 40),
      fetch_ref: `'refs/pull/' || n / 5 || '/head'`,
      trigger: `CASE WHEN n % 10 = 9 THEN 'base' ELSE 'event' END`,
      status: `'completed'`,
      conclusion: `CASE WHEN n % 7 < 4 THEN 'success' WHEN n % 7 = 4 THEN 'cancelled' ELSE 'failure' END`,
      progress_percentage: '100',
      attempt: '1',
      validation_results: `'${results}'`,
      created_at: ms,
      started_at: `${ms} + 500`,
      updated_at: `${ms} + 60000 + n % 1000`,
      completed_at: `${ms} + 60000 + n % 1000`,
    }));
    await tx.query('DELETE FROM pipeline_totals');
    await countAll(tx);
    await createTriggers(tx);
  });
}
