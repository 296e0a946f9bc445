import { Entity, Index } from 'typeorm';
import { Id, Integer, Time, Word } from '../columns.js';

/** What one AI review spent. Kept for two days: it only serves the daily cap. */
@Entity('token_usages')
@Index('token_usages_by_project', ['projectId', 'usedAt'])
export class TokenUsage {
  @Id() id!: string;
  @Word(36) projectId!: string;
  @Word(36) pipelineId!: string;
  @Integer() tokens!: number;
  @Time() usedAt!: Date;
}
