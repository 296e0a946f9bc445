import type { MigrationInterface, QueryRunner } from 'typeorm';
import { compressQuickly } from './lz4.js';

/** Receiving a webhook waits for its payload to be compressed. What is stored already stays as it is. */
export class PayloadsCompressed1700000012000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    if (runner.connection.options.type !== 'postgres') return;
    await compressQuickly(runner, 'webhook_events', 'payload');
  }

  async down(runner: QueryRunner): Promise<void> {
    if (runner.connection.options.type !== 'postgres') return;
    const [{ server_version_num: version }] = (await runner.query('SHOW server_version_num')) as [
      { server_version_num: string },
    ];
    if (Number(version) >= 140_000)
      await runner.query('ALTER TABLE webhook_events ALTER COLUMN payload SET COMPRESSION default');
  }
}
