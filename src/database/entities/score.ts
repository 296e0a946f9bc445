import { Entity, Index, PrimaryColumn } from 'typeorm';
import { Time, Word, Integer } from '../columns.js';

/** A score that a pipeline measured, for its trend. */
@Entity('scores')
@Index('scores_by_project', ['projectId', 'measuredAt'])
export class Score {
  @PrimaryColumn({ type: 'varchar', length: 36 }) pipelineId!: string;
  /** E.g. accessibility. */
  @PrimaryColumn({ type: 'varchar', length: 40 }) name!: string;
  @Word(36) projectId!: string;
  /** 0 to 100. */
  @Integer() value!: number;
  @Time() measuredAt!: Date;
}
