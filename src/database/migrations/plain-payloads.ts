import type { QueryRunner } from 'typeorm';
import { decompress } from '../compression.js';

/** Stores payloads as plain text again, which is all that earlier versions read. @param compressed SQL that tells them */
export async function storePlainPayloads(runner: QueryRunner, compressed: string): Promise<void> {
  for (let last = ''; ;) {
    const rows = (await runner.query(
      `SELECT id, payload FROM webhook_events WHERE id > $1 AND ${compressed} ORDER BY id LIMIT 100`,
      [last],
    )) as { id: string; payload: string | Buffer }[];
    if (rows.length === 0) return;
    for (const { id, payload } of rows)
      await runner.query('UPDATE webhook_events SET payload = $1 WHERE id = $2', [decompress(payload), id]);
    last = rows.at(-1)!.id;
  }
}
