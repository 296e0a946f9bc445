import { Entity, PrimaryColumn } from 'typeorm';
import { Text, Time, Word } from '../columns.js';

/** A task that one process at a time does now and then. */
@Entity('leases')
export class Lease {
  @PrimaryColumn({ type: 'varchar', length: 50 }) name!: string;
  /** Null while nobody is at it. */
  @Word(120, { nullable: true }) owner!: string | null;
  /** By the database's clock, as are the others. */
  @Time({ nullable: true }) leaseUntil!: Date | null;
  @Time({ nullable: true }) endedAt!: Date | null;
  /** How far the task came. */
  @Text({ nullable: true }) mark!: string | null;
}
