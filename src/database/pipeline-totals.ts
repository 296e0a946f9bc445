/**
 * Totals of completed pipelines and of agent runs, kept by triggers: no way of writing them can forget it. Pipelines
 * that are not completed are few and counted when asked for; so a transaction locks one total only, where it completes
 * something.
 */
import type { DataSource } from 'typeorm';

/** A query runner, or the manager of a transaction. */
interface Runner {
  query(sql: string): Promise<unknown>;
  connection: DataSource;
}

/** Stands in the place of a conclusion where agent runs are counted, by the day they were asked for. */
export const AGENT_RUNS = 'agent_runs';

/** Days since 1970 (UTC): integer division on both databases. */
const day = (row: string) => `${row}.completed_at / 86400000`;
const duration = (row: string) => `COALESCE(${row}.completed_at - ${row}.started_at, 0)`;
/** What is run on a base branch to compare with is nobody's pull request. */
const counted = (row: string) =>
  `${row}.status = 'completed' AND ${row}.completed_at IS NOT NULL AND ${row}."trigger" <> 'base'`;
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
    AND conclusion = COALESCE(${row}.conclusion, '');
  DELETE FROM pipeline_totals
  WHERE project_id = ${row}.project_id AND day = ${day(row)}
    AND conclusion = COALESCE(${row}.conclusion, '') AND pipelines = 0;`;

const runDay = (row: string) => `${row}.created_at / 86400000`;
const addRun = `
  INSERT INTO pipeline_totals (project_id, day, conclusion, pipelines, timed, duration_ms)
  SELECT NEW.project_id, ${runDay('NEW')}, '${AGENT_RUNS}', 1, 0, 0 WHERE true
  ON CONFLICT (project_id, day, conclusion) DO UPDATE SET pipelines = pipeline_totals.pipelines + 1;`;
const takeRun = `
  UPDATE pipeline_totals SET pipelines = pipelines - 1
  WHERE project_id = OLD.project_id AND day = ${runDay('OLD')} AND conclusion = '${AGENT_RUNS}';
  DELETE FROM pipeline_totals
  WHERE project_id = OLD.project_id AND day = ${runDay('OLD')} AND conclusion = '${AGENT_RUNS}' AND pipelines = 0;`;

/** What a change of a row does to the totals. */
const TRIGGERS: [name: string, table: string, event: string, statements: string][] = [
  ['insert', 'validation_pipelines', 'INSERT', add('NEW')],
  [
    'update',
    'validation_pipelines',
    'UPDATE OF project_id, status, conclusion, started_at, completed_at',
    `${take('OLD')}${add('NEW')}`,
  ],
  ['delete', 'validation_pipelines', 'DELETE', take('OLD')],
  ['run_insert', 'agent_runs', 'INSERT', addRun],
  ['run_delete', 'agent_runs', 'DELETE', takeRun],
];

/** Counts what is there. */
export async function countAll(runner: Runner): Promise<void> {
  await runner.query(`
    INSERT INTO pipeline_totals (project_id, day, conclusion, pipelines, timed, duration_ms)
    SELECT ${key('p')}, COUNT(*), COUNT(p.started_at), SUM(${duration('p')})
    FROM validation_pipelines p WHERE ${counted('p')} GROUP BY ${key('p')}`);
  await runner.query(`
    INSERT INTO pipeline_totals (project_id, day, conclusion, pipelines, timed, duration_ms)
    SELECT r.project_id, ${runDay('r')}, '${AGENT_RUNS}', COUNT(*), 0, 0
    FROM agent_runs r GROUP BY r.project_id, ${runDay('r')}`);
}

/**
 * Makes the triggers that are missing. On SQLite a migration that changes a column builds the table anew, and its
 * triggers go with the former; so they are looked after whenever the database is opened.
 */
export async function createTriggers(runner: Runner): Promise<void> {
  for (const [name, table, event, statements] of TRIGGERS) {
    if (isSqlite(runner)) {
      await runner.query(
        `CREATE TRIGGER IF NOT EXISTS pipeline_totals_${name} AFTER ${event} ON ${table} BEGIN ${statements} END`,
      );
      continue;
    }
    await runner.query(
      `CREATE OR REPLACE FUNCTION pipeline_totals_${name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ${statements} RETURN NULL; END $$`,
    );
    await runner.query(
      `CREATE TRIGGER pipeline_totals_${name} AFTER ${event} ON ${table} FOR EACH ROW EXECUTE FUNCTION pipeline_totals_${name}()`,
    );
  }
}

export async function dropTriggers(runner: Runner): Promise<void> {
  for (const [name, table] of TRIGGERS) {
    const on = isSqlite(runner) ? '' : ` ON ${table}`;
    await runner.query(`DROP TRIGGER IF EXISTS pipeline_totals_${name}${on}`);
    if (!isSqlite(runner)) await runner.query(`DROP FUNCTION IF EXISTS pipeline_totals_${name}()`);
  }
}

const isSqlite = (runner: Runner): boolean => runner.connection.options.type === 'sqlite';
