import type { MigrationInterface, QueryRunner } from 'typeorm';
import { compressQuickly } from './lz4.js';

/** For processes that share PostgreSQL; with SQLite there is one process, and its files in DATA_DIR. */
export class LogsAndScreenshots1700000010000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    if (runner.connection.options.type !== 'postgres') return;
    await runner.query(
      `CREATE TABLE log_chunks (
         pipeline_id varchar(36) NOT NULL, stage varchar(20) NOT NULL, start bigint NOT NULL, bytes bytea NOT NULL,
         PRIMARY KEY (pipeline_id, stage, start))`,
    );
    await runner.query(
      `CREATE TABLE screenshots (
         pipeline_id varchar(36) NOT NULL, name varchar(40) NOT NULL, png bytea NOT NULL,
         PRIMARY KEY (pipeline_id, name))`,
    );
    // Compressed already.
    await runner.query('ALTER TABLE screenshots ALTER COLUMN png SET STORAGE EXTERNAL');
    await compressQuickly(runner, 'log_chunks', 'bytes');
  }

  async down(runner: QueryRunner): Promise<void> {
    if (runner.connection.options.type !== 'postgres') return;
    await runner.query('DROP TABLE screenshots');
    await runner.query('DROP TABLE log_chunks');
  }
}
