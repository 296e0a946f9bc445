import { Entity, PrimaryColumn } from 'typeorm';
import type { PipelineStatus, StageConclusion, StageName } from '../../domain/pipeline.js';
import { Integer, Text, Time, Word } from '../columns.js';

/** One stage of one pipeline, as its latest attempt left it. */
@Entity('stages')
export class Stage {
  @PrimaryColumn({ type: 'varchar', length: 36 }) pipelineId!: string;
  @PrimaryColumn({ type: 'varchar', length: 20 }) name!: StageName;
  @Integer() position!: number;
  @Word(20) status!: PipelineStatus;
  @Word(20, { nullable: true }) conclusion!: StageConclusion | null;
  @Text({ default: '' }) summary!: string;
  @Time({ nullable: true }) startedAt!: Date | null;
  @Time({ nullable: true }) completedAt!: Date | null;
}
