/**
 * Totals of completed pipelines, kept by triggers: no way of writing pipelines can forget them. Pipelines that are not
 * completed are few and counted when asked for; so a transaction locks one total only, where it completes something.
 */
import type { QueryRunner } from 'typeorm';

/** Days since 1970 (UTC): integer division on both databases. */
const day = (row: string) => `${row}.completed_at / 86400000`;
const duration = (row: string) => `COALESCE(${row}.completed_at - ${row}.started_at, 0)`;
const counted = (row: string) => `${row}.status = 'completed' AND ${row}.completed_at IS NOT NULL`;
const key = (row: string) => `${row}.project_id, ${day(row)}, COALESCE(${row}.conclusion, '')`;

const add = (row: string) => `
  INSERT INTO pipeline_totals (project_id, day, conclusion, pipelines, timed, duration_ms)
  SELECT ${key(row)}, 1, CASE WHEN ${row}.started_at IS NULL THEN 0 ELSE 1 END, ${duration(row)} WHERE ${counted(row)}
  ON CONFLICT (project_id, day, conclusion) DO UPDATE SET
    pipelines = pipeline_totals.pipelines + 1,
    timed = pipeline_totals.timed + excluded.timed,
    duration_ms = pipeline_totals.duration_ms + excluded.duration_ms;`;
const take = (row: string) => `
  UPDATE pipeline_totals SET
    pipelines = pipelines - 1,
    timed = timed - CASE WHEN ${row}.started_at IS NULL THEN 0 ELSE 1 END,
    duration_ms = duration_ms - ${duration(row)}
  WHERE ${counted(row)} AND project_id = ${row}.project_id AND day = ${day(row)}
    AND conclusion = COALESCE(${row}.conclusion, '');`;

/** What a change of a row does to the totals. */
const TRIGGERS: [name: string, event: string, statements: string][] = [
  ['insert', 'INSERT', add('NEW')],
  [
    'update',
    'UPDATE OF project_id, status, conclusion, started_at, completed_at',
    `${take('OLD')}${add('NEW')}`,
  ],
  ['delete', 'DELETE', take('OLD')],
];

/** Counts the pipelines that are there. */
export async function countAll(runner: QueryRunner): Promise<void> {
  await runner.query(`
    INSERT INTO pipeline_totals (project_id, day, conclusion, pipelines, timed, duration_ms)
    SELECT ${key('p')}, COUNT(*), COUNT(p.started_at), SUM(${duration('p')})
    FROM validation_pipelines p WHERE ${counted('p')} GROUP BY ${key('p')}`);
}

/**
 * Makes the triggers that are missing. On SQLite a migration that changes a column builds the table anew, and its
 * triggers go with the former; so they are looked after whenever the database is opened.
 */
export async function createTriggers(runner: QueryRunner): Promise<void> {
  for (const [name, event, statements] of TRIGGERS) {
    if (isSqlite(runner)) {
      await runner.query(
        `CREATE TRIGGER IF NOT EXISTS pipeline_totals_${name} AFTER ${event} ON validation_pipelines BEGIN ${statements} END`,
      );
      continue;
    }
    await runner.query(
      `CREATE OR REPLACE FUNCTION pipeline_totals_${name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ${statements} RETURN NULL; END $$`,
    );
    await runner.query(
      `CREATE TRIGGER pipeline_totals_${name} AFTER ${event} ON validation_pipelines FOR EACH ROW EXECUTE FUNCTION pipeline_totals_${name}()`,
    );
  }
}

export async function dropTriggers(runner: QueryRunner): Promise<void> {
  for (const [name] of TRIGGERS) {
    const table = isSqlite(runner) ? '' : ' ON validation_pipelines';
    await runner.query(`DROP TRIGGER IF EXISTS pipeline_totals_${name}${table}`);
    if (!isSqlite(runner)) await runner.query(`DROP FUNCTION pipeline_totals_${name}()`);
  }
}

const isSqlite = (runner: QueryRunner): boolean => runner.connection.options.type === 'sqlite';
