import { MoreThanOrEqual } from 'typeorm';
import { newId } from '../domain/ids.js';
import type { Database } from './database.js';
import { TokenUsage } from './entities/token-usage.js';

const TWO_DAYS_MS = 2 * 24 * 60 * 60 * 1000;

/** What AI reviews spend, for a cap per project and day. */
export class TokenStore {
  constructor(private readonly database: Database) {}

  /** Since midnight UTC. */
  async spentToday(projectId: string): Promise<number> {
    const usedAt = MoreThanOrEqual(new Date(new Date().setUTCHours(0, 0, 0, 0)));
    return (await this.database.read.sum(TokenUsage, 'tokens', { projectId, usedAt })) ?? 0;
  }

  async spend(projectId: string, pipelineId: string, tokens: number): Promise<void> {
    const usedAt = new Date();
    await this.database.write(async (tx) => {
      // Not by LessThan: in a delete, TypeORM hands the operator itself to the column's transformer.
      await tx
        .createQueryBuilder()
        .delete()
        .from(TokenUsage)
        .where('used_at < :oldest', { oldest: usedAt.getTime() - TWO_DAYS_MS })
        .execute();
      await tx.insert(TokenUsage, { id: newId(), projectId, pipelineId, tokens, usedAt });
    });
  }
}
