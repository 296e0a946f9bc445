import { Entity, Index } from 'typeorm';
import type { Conclusion, PipelineResults, PipelineStatus, StageName } from '../../domain/pipeline.js';
import type { Settings } from '../../domain/settings.js';
import { BigInteger, Flag, Id, Integer, Json, Text, Time, Word } from '../columns.js';

export const TRIGGERS = ['event', 'retry', 'rerequest', 'api', 'merge_group', 'base'] as const;
export type Trigger = (typeof TRIGGERS)[number];

/** One validation of one head sha of one pull request. This row is the truth; check, comment and pages show it. */
@Entity('validation_pipelines')
@Index('pipelines_by_project', ['projectId', 'id'])
@Index('pipelines_by_pull_request', ['projectId', 'pullRequestNumber', 'id'])
@Index('pipelines_by_head', ['projectId', 'headSha', 'id'])
@Index('pipelines_by_status', ['status', 'id', 'trigger'])
@Index('pipelines_by_project_status', ['projectId', 'status', 'id', 'trigger'])
@Index('pipelines_by_project_conclusion', ['projectId', 'conclusion', 'id'])
@Index('pipelines_by_completion', ['completedAt', 'startedAt', 'conclusion', 'trigger'])
@Index('pipelines_by_project_completion', ['projectId', 'completedAt', 'startedAt', 'conclusion', 'trigger'])
@Index('pipelines_by_trigger', ['projectId', 'trigger', 'id'])
@Index('pipelines_by_base', ['projectId', 'baseSha', 'id'])
export class ValidationPipeline {
  @Id() id!: string;
  @Word(36) projectId!: string;
  /** The agent run whose push this pipeline validates. */
  @Word(36, { nullable: true }) agentRunId!: string | null;
  /** GitHub's number across repositories. */
  @BigInteger({ nullable: true }) pullRequestId!: number | null;
  /** Null for a merge group and for a validation of the base branch. */
  @Integer({ nullable: true }) pullRequestNumber!: number | null;
  @Text({ default: '' }) pullRequestUrl!: string;
  @Text({ default: '' }) title!: string;
  @Word(100, { default: '' }) author!: string;
  @Word(64) headSha!: string;
  @Text() headRef!: string;
  @Text() baseRef!: string;
  @Word(64, { default: '' }) baseSha!: string;
  /** The ref of the base repository that the head is fetched from. */
  @Text() fetchRef!: string;
  @Flag({ default: false }) isFork!: boolean;
  @Word(20) trigger!: Trigger;

  @Word(20) status!: PipelineStatus;
  @Word(20, { nullable: true }) conclusion!: Conclusion | null;
  @Word(20, { nullable: true }) currentStep!: StageName | null;
  @Integer({ default: 0 }) progressPercentage!: number;
  @Text({ nullable: true }) deploymentUrl!: string | null;
  @Json({ nullable: true }) validationResults!: PipelineResults | null;
  /** One sentence: why it was skipped, cancelled, waits. */
  @Text({ nullable: true }) reason!: string | null;
  /** A fault of ours, and only that. */
  @Text({ nullable: true }) errorMessage!: string | null;
  /** How many automatic fixes led here. */
  @Integer({ default: 0 }) retryCount!: number;

  /** The nth try after a crash; also the fencing token of whoever works on it. */
  @Integer({ default: 0 }) attempt!: number;
  @Word(120, { nullable: true }) leaseOwner!: string | null;
  /** By the database's clock. */
  @Time({ nullable: true }) leaseUntil!: Date | null;
  /** Set to end a pipeline that may be running; its worker, or the next one, completes it with this reason. */
  @Text({ nullable: true }) cancelReason!: string | null;
  /** The settings as they were when this pipeline was made: later changes are for later pipelines. */
  @Json({ nullable: true }) settings!: Omit<Settings, 'secrets'> | null;
  /** Whether setup runs even where the cache has what it would make: a person asked for it. */
  @Flag({ default: false }) rebuildSetup!: boolean;
  /** Who allowed this fork's sha to run. */
  @Word(100, { nullable: true }) approvedBy!: string | null;

  @BigInteger({ nullable: true }) checkRunId!: number | null;
  /** Whether the creation of a check run was begun: then it is looked for before another is made. */
  @Flag({ default: false }) checkRequested!: boolean;
  @BigInteger({ nullable: true }) commentId!: number | null;

  /** The command or button that asked for it; null where none did. */
  @Index('pipelines_by_cause')
  @Word(160, { nullable: true })
  cause!: string | null;
  /** Why no agent was asked about it, once that is decided. */
  @Json({ nullable: true }) agentDecision!: { state: 'declined' | 'exhausted'; text: string } | null;
  /** What became of merging it. */
  @Json({ nullable: true }) merge!: { state: 'merged' | 'scheduled' | 'refused'; reason: string } | null;
  /** Whether its annotations were sent: GitHub appends them to those there are. */
  @Flag({ default: false }) annotated!: boolean;

  /** GitHub's number of the deployment that its preview is recorded as. */
  @BigInteger({ nullable: true }) deploymentId!: number | null;
  /** Null where there was nothing to record; `off`: GitHub refuses. */
  @Index('pipelines_by_deployment')
  @Word(20, { nullable: true })
  deploymentState!: 'requested' | 'active' | 'inactive' | 'off' | null;

  @Time() createdAt!: Date;
  @Time({ nullable: true }) startedAt!: Date | null;
  @Time() updatedAt!: Date;
  @Time({ nullable: true }) completedAt!: Date | null;
}
