import type { QueryRunner } from 'typeorm';

/** PostgreSQL's quick compression, since 14 and where it was built in: several times as fast as the older one. */
export async function compressQuickly(runner: QueryRunner, table: string, column: string): Promise<void> {
  const lz4 = (await runner.query(
    `SELECT 1 FROM pg_settings WHERE name = 'default_toast_compression' AND 'lz4' = ANY (enumvals)`,
  )) as unknown[];
  if (lz4.length > 0) await runner.query(`ALTER TABLE ${table} ALTER COLUMN ${column} SET COMPRESSION lz4`);
}
