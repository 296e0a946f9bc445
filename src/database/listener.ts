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
  /** Told once, however often it then can't connect again. */
  onLost: (error: Error | undefined) => void;
}

/** A connection of its own that hears a channel of PostgreSQL's. It connects again when it was cut off. */
export class Listener {
  isConnected = false;
  private client: pg.Client | null = null;
  private timer: NodeJS.Timeout | null = null;
  private isLost = false;
  private state: 'new' | 'started' | 'stopped' = 'new';

  constructor(private readonly options: ListenerOptions) {}

  start(): void {
    if (this.state !== 'new') return;
    this.state = 'started';
    void this.connect();
  }

  async stop(): Promise<void> {
    this.state = 'stopped';
    if (this.timer) clearTimeout(this.timer);
    await this.client?.end().catch(() => undefined);
  }

  private async connect(): Promise<void> {
    const { databaseUrl, channel, connection, hear, onConnected, onLost } = this.options;
    // Only here: who has SQLite loads nothing of it.
    const { default: driver } = await import('pg');
    if (this.state === 'stopped') return;
    const client = new driver.Client({
      connectionString: databaseUrl,
      keepAlive: true,
      connectionTimeoutMillis: 5_000,
      ...connection,
    });
    this.client = client;
    let isOver = false;
    const over = (error?: Error) => {
      if (isOver) return;
      isOver = true;
      this.isConnected = false;
      client.end().catch(() => undefined);
      if (this.state === 'stopped') return;
      if (!this.isLost) onLost(error);
      this.isLost = true;
      this.timer = setTimeout(() => void this.connect(), RECONNECT_MS);
    };
    client.on('error', over).on('end', () => over());
    client.on('notification', ({ payload }) => hear(payload ?? ''));
    try {
      await client.connect();
      await client.query(`LISTEN ${channel}`);
      if (isOver) return;
      this.isConnected = true;
      this.isLost = false;
      onConnected?.(client);
    } catch (error) {
      over(error as Error);
    }
  }
}
