import { Entity, Index, PrimaryColumn } from 'typeorm';
import { Flag, Word } from '../columns.js';

/** A pull request that was validated, for lists of the open ones: what it is about stands in its newest pipeline. */
@Entity('pull_requests')
@Index('pull_requests_by_state', ['projectId', 'isOpen', 'latestPipelineId'])
export class PullRequest {
  @PrimaryColumn({ type: 'varchar', length: 36 }) projectId!: string;
  @PrimaryColumn({ type: 'integer' }) number!: number;
  @Word(36) latestPipelineId!: string;
  @Flag({ default: true }) isOpen!: boolean;
}
