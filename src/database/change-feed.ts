import type { EntityManager } from 'typeorm';
import type { Logger } from '../logging.js';
import { Listener } from './listener.js';

const CHANNEL = 'codegenapp_pipelines';

/** What processes that share PostgreSQL tell each other of a pipeline. */
export type Change = 'changed' | 'cancel';

/** Tells all processes, once the transaction is committed. */
export async function announce(tx: EntityManager, change: Change, id: string): Promise<void> {
  await tx.query('SELECT pg_notify($1, $2)', [CHANNEL, `${change} ${id}`]);
}

/**
 * Hears what the others announce, for all readers of this process. What was announced while it was cut off is lost, so
 * whoever relies on it also looks now and then.
 */
export class ChangeFeed {
  private readonly listener: Listener;

  constructor(
    databaseUrl: string,
    private readonly events: { emit(change: Change, id: string): unknown },
    log: Logger,
  ) {
    this.listener = new Listener({
      databaseUrl,
      channel: CHANNEL,
      hear: (payload) => this.hear(payload),
      onLost: (error) =>
        log.warn({ err: error }, 'changes of other processes are not announced at the moment'),
    });
  }

  get isConnected(): boolean {
    return this.listener.isConnected;
  }

  start(): void {
    this.listener.start();
  }

  async stop(): Promise<void> {
    await this.listener.stop();
  }

  private hear(payload: string): void {
    const [change, id] = payload.split(' ');
    if (id !== undefined && (change === 'changed' || change === 'cancel')) this.events.emit(change, id);
  }
}
