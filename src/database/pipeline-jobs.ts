/** What follows from a change of a pipeline: jobs, in the same transaction, and the news of it. */
import { EventEmitter } from 'node:events';
import type { EntityManager } from 'typeorm';
import type { Queue } from '../queue/contract.js';
import { announce } from './change-feed.js';
import type { Database } from './database.js';
import type { ValidationPipeline } from './entities/index.js';

export class PipelineJobs {
  /**
   * `cancel` (id) when a running pipeline was told to stop, `changed` (id) on every write; of other processes where a
   * ChangeFeed hears them. `completed` (the row) in this process only.
   */
  readonly events = new EventEmitter<{
    cancel: [id: string];
    changed: [id: string];
    completed: [pipeline: ValidationPipeline];
  }>().setMaxListeners(0);

  constructor(
    private readonly database: Database,
    private readonly queue: Queue,
  ) {}

  /** Enqueues the work on a pipeline. */
  async run(
    tx: EntityManager,
    { id, projectId, pullRequestNumber, headSha }: ValidationPipeline,
    runAt?: Date,
  ): Promise<void> {
    await this.queue.enqueue(tx, {
      kind: 'pipeline',
      subject: id,
      lane: `pipeline:${projectId}:${pullRequestNumber ?? headSha}`,
      ...(runAt ? { runAt } : {}),
    });
  }

  /** Enqueues the publication of what the row says. */
  async publish(tx: EntityManager, pipelineId: string): Promise<void> {
    await this.queue.enqueue(tx, { kind: 'publish', subject: pipelineId, lane: `publish:${pipelineId}` });
    await this.tell(tx, 'changed', pipelineId);
  }

  /** Has it seen to what a result leads to, in the lane of the publication: a merge finds the check completed. */
  async followUp(tx: EntityManager, id: string): Promise<void> {
    await this.queue.enqueue(tx, { kind: 'agent', subject: `pipeline:${id}`, lane: `publish:${id}` });
  }

  /** Has it looked at what is to be shown of a preview with a public address. */
  async followDeployment(tx: EntityManager, id: string): Promise<void> {
    await this.queue.enqueue(tx, {
      kind: 'agent',
      subject: `deployment:${id}`,
      lane: `deployment:${id}`,
    });
  }

  /** Tells this process at once, the others by way of the database. */
  async tell(tx: EntityManager, change: 'changed' | 'cancel', id: string): Promise<void> {
    this.database.onCommit(tx, () => this.events.emit(change, id));
    if (this.database.kind === 'postgres') await announce(tx, change, id);
  }

  announceCompleted(tx: EntityManager, pipeline: ValidationPipeline): void {
    this.database.onCommit(tx, () => this.events.emit('completed', pipeline));
  }
}
