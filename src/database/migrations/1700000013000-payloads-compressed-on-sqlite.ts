import type { MigrationInterface, QueryRunner } from 'typeorm';
import { storePlainPayloads } from './plain-payloads.js';

/** From here on payloads are stored compressed; what is there already stays as it is, and both are read. */
export class PayloadsCompressedOnSqlite1700000013000 implements MigrationInterface {
  up(): Promise<void> {
    return Promise.resolve();
  }

  /** Earlier versions read text only. */
  async down(runner: QueryRunner): Promise<void> {
    if (runner.connection.options.type !== 'sqlite') return;
    await storePlainPayloads(runner, `typeof(payload) = 'blob'`);
  }
}
