import { Entity, Index } from 'typeorm';
import { BigInteger, Id, Integer, Json, Text, Time, Word } from '../columns.js';

export type AgentRunStatus = 'queued' | 'running' | 'plan_waiting' | 'completed' | 'failed' | 'cancelled';
export type ResponseType = 'regular' | 'plan' | 'pr';
export type PlanState = 'requested' | 'not_requested' | 'confirmed';

/** One Codegen run. */
@Entity('agent_runs')
@Index('agent_runs_by_project', ['projectId', 'id'])
@Index('agent_runs_by_project_status', ['projectId', 'status', 'id'])
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
  /** What it was asked for, so that it is asked for once: a pull request's head. Null where a person just asked. */
  @Index('agent_runs_by_cause', { unique: true })
  @Word(160, { nullable: true })
  cause!: string | null;
  /** The GitHub login of who asked; null where the end of a pipeline did. */
  @Word(100, { nullable: true }) actor!: string | null;
  /** The head that it is to fix. */
  @Word(64, { nullable: true }) headSha!: string | null;
  /** Of the failure that it is to fix. */
  @Word(64, { nullable: true }) signature!: string | null;
  /** The nth fix of its pull request, from 1. */
  @Integer({ default: 0 }) attempt!: number;
  /** The pipeline that its push started. */
  @Word(36, { nullable: true }) nextPipelineId!: string | null;
  /** A pull request of its own in the same repository. */
  @Integer({ nullable: true }) openedPullRequest!: number | null;
  @Text({ nullable: true }) plan!: string | null;
  @Word(20, { default: 'not_requested' }) planState!: PlanState;
  /** Counts the jobs that look after it; only the newest one's number is heeded. */
  @Integer({ default: 0 }) looks!: number;
  /** Requests that failed one after the other. */
  @Integer({ default: 0 }) failures!: number;
  /** The kind of the CodegenError that ended it. */
  @Word(30, { nullable: true }) errorKind!: string | null;
  /** When its creation was begun: from then on it may exist at Codegen. */
  @Time({ nullable: true }) requestedAt!: Date | null;
  /** What it is to be resumed with, until Codegen has it. */
  @Text({ nullable: true }) resumeMessage!: string | null;
  /** When sending that was begun. */
  @Time({ nullable: true }) resumedAt!: Date | null;
  /** When Codegen last asked for a look at it. */
  @Time({ nullable: true }) hintedAt!: Date | null;
  @Time() createdAt!: Date;
  @Time() updatedAt!: Date;
  @Time({ nullable: true }) completedAt!: Date | null;
}
