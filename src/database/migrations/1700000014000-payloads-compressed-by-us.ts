import type { MigrationInterface, QueryRunner } from 'typeorm';
import { COMPRESSED_TEXT, decompress } from '../compression.js';

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
    for (let last = ''; ;) {
      const rows = (await runner.query(
        `SELECT id, payload FROM webhook_events WHERE id > $1 AND starts_with(payload, $2) ORDER BY id LIMIT 100`,
        [last, COMPRESSED_TEXT],
      )) as { id: string; payload: string }[];
      if (rows.length === 0) return;
      for (const { id, payload } of rows)
        await runner.query('UPDATE webhook_events SET payload = $1 WHERE id = $2', [decompress(payload), id]);
      last = rows.at(-1)!.id;
    }
  }
}
