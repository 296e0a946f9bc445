import { Entity, Index, PrimaryGeneratedColumn } from 'typeorm';
import { Integer, Text, Time, Word } from '../columns.js';

/**
 * A job is only the nudge to look at a row: what is to be done stands there. SQLite's queue are these rows;
 * on PostgreSQL they are here until a worker hands them over to graphile-worker.
 */
@Entity('jobs')
@Index('jobs_by_kind', ['kind', 'runAt'])
@Index('jobs_by_lane', ['lane', 'id'])
export class Job {
  @PrimaryGeneratedColumn('increment', { type: 'integer' }) id!: number;
  @Word(20) kind!: string;
  /** The id of the row to look at. */
  @Word(100) subject!: string;
  /** Jobs of one lane run one at a time, in order. */
  @Text() lane!: string;
  @Time() runAt!: Date;
  @Integer({ default: 0 }) attempts!: number;
  @Word(120, { nullable: true }) lockedBy!: string | null;
  @Time({ nullable: true }) lockedUntil!: Date | null;
  @Text({ nullable: true }) lastError!: string | null;
}
