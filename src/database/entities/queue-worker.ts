import { Entity, PrimaryColumn } from 'typeorm';
import { Time, Word } from '../columns.js';

/** A pool of graphile-worker that runs in some process. One that is not seen any more died, and what it locked is free. */
@Entity('queue_workers')
export class QueueWorker {
  @PrimaryColumn({ type: 'varchar', length: 60 }) id!: string;
  /** As queue/owner.ts names processes. */
  @Word(120) owner!: string;
  /** By the database's clock. */
  @Time() seenAt!: Date;
}
