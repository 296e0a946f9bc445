import { once } from 'node:events';
import type { Response } from 'express';

/** Proxies close connections on which nothing is said. */
const HEARTBEAT_MS = 15_000;

/** Server-sent events, as the HTML standard describes them. Waits where the reader is slow. */
export class EventStream {
  private readonly heartbeat: NodeJS.Timeout;
  private readonly closing = new AbortController();

  constructor(
    private readonly response: Response,
    heartbeatMs = HEARTBEAT_MS,
  ) {
    response.status(200).set({
      'Content-Type': 'text/event-stream; charset=utf-8',
      'Cache-Control': 'no-store',
      // nginx would collect them.
      'X-Accel-Buffering': 'no',
    });
    response.flushHeaders();
    this.heartbeat = setInterval(() => {
      if (!response.writableNeedDrain) response.write(': still here\n\n');
    }, heartbeatMs);
    response.once('close', () => {
      clearInterval(this.heartbeat);
      this.closing.abort();
    });
  }

  /** Aborted when the reader is gone. */
  get closed(): AbortSignal {
    return this.closing.signal;
  }

  /** @param id what the reader names in Last-Event-ID to go on after this event */
  async send(event: string, data: unknown, id: string): Promise<void> {
    if (this.closed.aborted) return;
    const json = typeof data === 'string' ? data : JSON.stringify(data);
    if (this.response.write(`id: ${id}\nevent: ${event}\ndata: ${json}\n\n`)) return;
    await once(this.response, 'drain', { signal: this.closed }).catch(() => undefined);
  }

  end(): void {
    clearInterval(this.heartbeat);
    this.response.end();
  }
}
