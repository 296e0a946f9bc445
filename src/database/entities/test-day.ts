import { Entity, PrimaryColumn } from 'typeorm';
import { BigInteger, Integer, Text } from '../columns.js';

/** How one test of a project did on one day, where it was among the slow, the failed or the flaky. */
@Entity('test_days')
export class TestDay {
  @PrimaryColumn({ type: 'varchar', length: 36 }) projectId!: string;
  /** Days since 1970, UTC. */
  @PrimaryColumn({ type: 'integer' }) day!: number;
  /** SHA-256 of its name in hex: names may be longer than an index takes. */
  @PrimaryColumn({ type: 'varchar', length: 64 }) testKey!: string;
  @Text() name!: string;
  /** How often it was seen, with a time. */
  @Integer() runs!: number;
  @BigInteger() totalMs!: number;
  @Integer() failed!: number;
  @Integer() flaky!: number;
}
