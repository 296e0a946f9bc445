import type pg from 'pg';
import type { EntityManager } from 'typeorm';
import type { Logger } from '../logging.js';

const CHANNEL = 'codegenapp_pipelines';
const RECONNECT_MS = 1_000;

/** What processes that share PostgreSQL tell each other of a pipeline. */
export type Change = 'changed' | 'cancel';

/** Tells all processes, once the transaction is committed. */
export async function announce(tx: EntityManager, change: Change, id: string): Promise<void> {
  await tx.query('SELECT pg_notify($1, $2)', [CHANNEL, `${change} ${id}`]);
}

/**
 * Hears what the others announce, over one connection of its own for all readers of this process. It connects again
 * when it was cut off; what was announced meanwhile is lost, so whoever relies on it also looks now and then.
 */
export class ChangeFeed {
  isConnected = false;
  private client: pg.Client | null = null;
  private timer: NodeJS.Timeout | null = null;
  private stopped = false;

  constructor(
    private readonly databaseUrl: string,
    private readonly events: { emit(change: Change, id: string): unknown },
    private readonly log: Logger,
  ) {}

  start(): void {
    if (!this.client) void this.connect();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    if (this.timer) clearTimeout(this.timer);
    await this.client?.end().catch(() => undefined);
  }

  private async connect(): Promise<void> {
    // Only here: who has SQLite loads nothing of it.
    const { default: driver } = await import('pg');
    if (this.stopped) return;
    const client = new driver.Client({
      connectionString: this.databaseUrl,
      keepAlive: true,
      connectionTimeoutMillis: 5_000,
    });
    this.client = client;
    let lost = false;
    const onLost = (error?: Error) => {
      if (lost) return;
      lost = true;
      this.isConnected = false;
      client.end().catch(() => undefined);
      if (this.stopped) return;
      this.log.warn({ err: error }, 'changes of other processes are not announced at the moment');
      this.timer = setTimeout(() => void this.connect(), RECONNECT_MS);
    };
    client.on('error', onLost).on('end', () => onLost());
    client.on('notification', ({ payload }) => this.hear(payload ?? ''));
    try {
      await client.connect();
      await client.query(`LISTEN ${CHANNEL}`);
      this.isConnected = !lost;
    } catch (error) {
      onLost(error as Error);
    }
  }

  private hear(payload: string): void {
    const [change, id] = payload.split(' ');
    if (id !== undefined && (change === 'changed' || change === 'cancel')) this.events.emit(change, id);
  }
}
