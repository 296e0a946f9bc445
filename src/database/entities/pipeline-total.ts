import { Entity, PrimaryColumn } from 'typeorm';
import { BigInteger, Integer } from '../columns.js';

/**
 * How many pipelines of a project were completed on a day with one conclusion, or how many agent runs it has of that
 * day; triggers of the database keep it.
 */
@Entity('pipeline_totals')
export class PipelineTotal {
  @PrimaryColumn({ type: 'varchar', length: 36 }) projectId!: string;
  /** Days since 1970, UTC. */
  @PrimaryColumn({ type: 'integer' }) day!: number;
  @PrimaryColumn({ type: 'varchar', length: 20 }) conclusion!: string;
  @Integer() pipelines!: number;
  /** Those among them that were begun. */
  @Integer() timed!: number;
  /** Of those, in all. */
  @BigInteger() durationMs!: number;
}
