import type { MigrationInterface, QueryRunner } from 'typeorm';
import { decompress } from '../compression.js';

/** From here on payloads are stored compressed; what is there already stays as it is, and both are read. */
export class PayloadsCompressedOnSqlite1700000013000 implements MigrationInterface {
  up(): Promise<void> {
    return Promise.resolve();
  }

  /** Earlier versions read text only. */
  async down(runner: QueryRunner): Promise<void> {
    if (runner.connection.options.type !== 'sqlite') return;
    for (let last = ''; ;) {
      const rows = (await runner.query(
        `SELECT id, payload FROM webhook_events WHERE id > ? AND typeof(payload) = 'blob' ORDER BY id LIMIT 100`,
        [last],
      )) as { id: string; payload: Buffer }[];
      if (rows.length === 0) return;
      for (const { id, payload } of rows)
        await runner.query('UPDATE webhook_events SET payload = ? WHERE id = ?', [decompress(payload), id]);
      last = rows.at(-1)!.id;
    }
  }
}
