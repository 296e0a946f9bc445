import type { EntityManager } from 'typeorm';
import type { ChangeFeed } from '../database/change-feed.js';
import type { Database } from '../database/database.js';
import { STAGE_NAMES, type StageName } from '../domain/pipeline.js';
import type { PipelineStorage } from './contract.js';
import { newScreenshotName } from './screenshot-name.js';

/** No row of a log has more, so that a part of it is read without the rest. */
export const ROW_BYTES = 64 * 1024;
/** Rows that are read, or deleted, in one statement. */
const ROWS = 16;
/** What is written is announced; a look now and then makes up for an announcement that was lost. */
const LOOK_MS = 5_000;
/** While nothing can be announced. */
const LOOK_WITHOUT_FEED_MS = 500;

export interface LogRow {
  stage: StageName;
  /** Where in the log it begins. */
  start: number;
  bytes: Buffer;
}

/**
 * Rows in PostgreSQL, which every process sees, so that a fleet needs nothing else to share. Logs are masked before
 * they come here.
 */
export class DatabaseStorage implements PipelineStorage {
  constructor(
    private readonly database: Database,
    private readonly feed: Pick<ChangeFeed, 'isConnected'>,
  ) {}

  get lookEveryMs(): number {
    return this.feed.isConnected ? LOOK_MS : LOOK_WITHOUT_FEED_MS;
  }

  async logSizes(pipelineId: string): Promise<Map<StageName, number>> {
    const rows = await this.database.read.query<{ stage: StageName; size: string }[]>(
      `SELECT stage, size FROM unnest($2::text[]) AS stage,
         LATERAL (SELECT start + octet_length(bytes) AS size FROM log_chunks chunk
                  WHERE pipeline_id = $1 AND chunk.stage = stage.stage ORDER BY start DESC LIMIT 1) newest`,
      [pipelineId, STAGE_NAMES],
    );
    return new Map(rows.map(({ stage, size }) => [stage, Number(size)]));
  }

  async *readLog(pipelineId: string, stage: StageName, start: number, end: number): AsyncGenerator<Buffer> {
    let position = start;
    while (position < end) {
      const rows = await this.database.read.query<{ start: string; bytes: Buffer }[]>(
        `SELECT start, bytes FROM log_chunks
         WHERE pipeline_id = $1 AND stage = $2 AND start > $3 - ${ROW_BYTES} AND start < $4
         ORDER BY start LIMIT ${ROWS}`,
        [pipelineId, stage, position, end],
      );
      const before = position;
      for (const { start: rowStart, bytes } of rows) {
        const piece = bytes.subarray(Math.max(0, position - Number(rowStart)), end - Number(rowStart));
        if (piece.length === 0) continue;
        position += piece.length;
        yield piece;
      }
      if (position === before) return;
    }
  }

  /** Adds to the logs of a pipeline; what is there already stays, so that a write may be repeated. */
  async append(tx: EntityManager, pipelineId: string, rows: readonly LogRow[]): Promise<void> {
    await tx.query(
      `INSERT INTO log_chunks (pipeline_id, stage, start, bytes)
       SELECT $1, * FROM unnest($2::text[], $3::bigint[], $4::bytea[]) ON CONFLICT DO NOTHING`,
      [
        pipelineId,
        rows.map(({ stage }) => stage),
        rows.map(({ start }) => start),
        rows.map(({ bytes }) => bytes),
      ],
    );
  }

  /** Deletes the logs of a pipeline, or that of one stage, to be written anew. */
  async forgetLogs(tx: EntityManager, pipelineId: string, stage: StageName | null = null): Promise<void> {
    await tx.query('DELETE FROM log_chunks WHERE pipeline_id = $1 AND stage = coalesce($2, stage)', [
      pipelineId,
      stage,
    ]);
  }

  async keepScreenshot(pipelineId: string, png: Uint8Array): Promise<string> {
    const name = newScreenshotName();
    await this.database.writeOne((tx) =>
      tx.query('INSERT INTO screenshots (pipeline_id, name, png) VALUES ($1, $2, $3)', [
        pipelineId,
        name,
        Buffer.from(png),
      ]),
    );
    return `${pipelineId}/${name}`;
  }

  async screenshot(pipelineId: string, name: string): Promise<Buffer | null> {
    const [row] = await this.database.read.query<{ png: Buffer }[]>(
      'SELECT png FROM screenshots WHERE pipeline_id = $1 AND name = $2',
      [pipelineId, name],
    );
    return row?.png ?? null;
  }

  async remove(pipelineId: string): Promise<void> {
    let deleted: number;
    do {
      [, deleted] = await this.database.writeOne((tx) =>
        tx.query<[unknown, number]>(
          `DELETE FROM log_chunks WHERE (pipeline_id, stage, start) IN
             (SELECT pipeline_id, stage, start FROM log_chunks WHERE pipeline_id = $1 LIMIT ${ROWS})`,
          [pipelineId],
        ),
      );
    } while (deleted > 0);
    await this.database.writeOne((tx) =>
      tx.query('DELETE FROM screenshots WHERE pipeline_id = $1', [pipelineId]),
    );
  }

  /** Those of pipelines that are not stored any more, `limit` at most. */
  async orphans(limit: number): Promise<string[]> {
    const rows = await this.database.read.query<{ id: string }[]>(
      `SELECT DISTINCT kept.id FROM
         (SELECT pipeline_id AS id FROM log_chunks UNION ALL SELECT pipeline_id FROM screenshots) kept
       WHERE NOT EXISTS (SELECT 1 FROM validation_pipelines pipeline WHERE pipeline.id = kept.id) LIMIT $1`,
      [limit],
    );
    return rows.map(({ id }) => id);
  }
}
