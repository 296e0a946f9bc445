import type pg from 'pg';

const RECONNECT_MS = 1_000;

export interface ListenerOptions {
  databaseUrl: string;
  channel: string;
  /** For what else is done over this connection. */
  connection?: Pick<pg.ClientConfig, 'options' | 'statement_timeout' | 'query_timeout'>;
  hear: (payload: string) => void;
  /** At first, and again: what was notified before went unheard. */
  onConnected?: (client: pg.Client) => void;
  /** Told once of each connection that ended, or could not be made. */
  onLost: (error: Error | undefined) => void;
}

/** A connection of its own that hears a channel of PostgreSQL's. It connects again when it was cut off. */
export class Listener {
  isConnected = false;
  private client: pg.Client | null = null;
  private timer: NodeJS.Timeout | null = null;
  private stopped = false;

  constructor(private readonly options: ListenerOptions) {}

  start(): void {
    if (!this.client) void this.connect();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    if (this.timer) clearTimeout(this.timer);
    await this.client?.end().catch(() => undefined);
  }

  private async connect(): Promise<void> {
    const { databaseUrl, channel, connection, hear, onConnected, onLost } = this.options;
    // Only here: who has SQLite loads nothing of it.
    const { default: driver } = await import('pg');
    if (this.stopped) return;
    const client = new driver.Client({
      connectionString: databaseUrl,
      keepAlive: true,
      connectionTimeoutMillis: 5_000,
      ...connection,
    });
    this.client = client;
    let lost = false;
    const over = (error?: Error) => {
      if (lost) return;
      lost = true;
      this.isConnected = false;
      client.end().catch(() => undefined);
      if (this.stopped) return;
      onLost(error);
      this.timer = setTimeout(() => void this.connect(), RECONNECT_MS);
    };
    client.on('error', over).on('end', () => over());
    client.on('notification', ({ payload }) => hear(payload ?? ''));
    try {
      await client.connect();
      await client.query(`LISTEN ${channel}`);
      if (lost) return;
      this.isConnected = true;
      onConnected?.(client);
    } catch (error) {
      over(error as Error);
    }
  }
}
