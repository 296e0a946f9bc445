import { Entity, Index } from 'typeorm';
import { BigInteger, Id, Integer, Json, Text, Time, Word } from '../columns.js';

export type AgentRunStatus = 'queued' | 'running' | 'plan_waiting' | 'completed' | 'failed' | 'cancelled';
export type ResponseType = 'regular' | 'plan' | 'pr';

/** One Codegen run. */
@Entity('agent_runs')
@Index('agent_runs_by_project', ['projectId', 'id'])
@Index('agent_runs_by_pull_request', ['projectId', 'pullRequestNumber', 'id'])
export class AgentRun {
  @Id() id!: string;
  @Word(36) projectId!: string;
  /** The pipeline whose failure it is to fix. */
  @Word(36, { nullable: true }) pipelineId!: string | null;
  @Integer({ nullable: true }) pullRequestNumber!: number | null;
  /** Codegen's number. */
  @BigInteger({ nullable: true }) remoteId!: number | null;
  @Word(20) status!: AgentRunStatus;
  @Word(20, { nullable: true }) responseType!: ResponseType | null;
  @Text() prompt!: string;
  @Text({ nullable: true }) response!: string | null;
  @Json({ nullable: true }) context!: Record<string, unknown> | null;
  @Text({ nullable: true }) webUrl!: string | null;
  @Text({ nullable: true }) errorMessage!: string | null;
  @Time() createdAt!: Date;
  @Time() updatedAt!: Date;
  @Time({ nullable: true }) completedAt!: Date | null;
}
