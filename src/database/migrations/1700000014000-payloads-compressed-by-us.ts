import type { MigrationInterface, QueryRunner } from 'typeorm';
import { COMPRESSED_TEXT } from '../compression.js';
import { storePlainPayloads } from './plain-payloads.js';

/** From here on payloads reach PostgreSQL compressed too; what is there already stays as it is, and both are read. */
export class PayloadsCompressedByUs1700000014000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    if (runner.connection.options.type !== 'postgres') return;
    await runner.query('ALTER TABLE webhook_events ALTER COLUMN payload SET STORAGE EXTERNAL');
  }

  /** Earlier versions read plain text only. */
  async down(runner: QueryRunner): Promise<void> {
    if (runner.connection.options.type !== 'postgres') return;
    await runner.query('ALTER TABLE webhook_events ALTER COLUMN payload SET STORAGE EXTENDED');
    await storePlainPayloads(runner, `starts_with(payload, '${COMPRESSED_TEXT}')`);
  }
}
