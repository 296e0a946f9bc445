import { Worker } from 'node:worker_threads';
import { Problem } from '../api/problem.js';
import { compiledModule } from '../compiled-module.js';
import type { DatabasePlace } from './event-tables.js';
import type { Delivery, Inbox, Stored } from './inbox.js';
import type { Answer, Report, Request } from './inbox-protocol.js';

interface Waiting {
  resolve: (stored: Stored) => void;
  reject: (error: Error) => void;
}

/**
 * An InboxWriter in a thread of its own: reading a payload (25 MB of JSON at the most) and handing it to the database
 * take longer than all else about a delivery, and nothing else that is served shall wait for it.
 */
export class InboxThread implements Inbox {
  onQueued = (): void => undefined;
  private readonly waiting = new Map<number, Waiting>();
  private count = 0;
  private worker: Worker | null;
  private isClosed = false;

  /** @param migrated as for an InboxWriter */
  constructor(
    private readonly place: DatabasePlace,
    private readonly migrated: Promise<unknown> = Promise.resolve(),
  ) {
    this.worker = this.start();
  }

  async store(delivery: Delivery): Promise<Stored> {
    if (this.isClosed) throw new Error('this server is ending');
    return new Promise((resolve, reject) => {
      const n = this.count++;
      this.waiting.set(n, { resolve, reject });
      this.worker ??= this.start();
      const body = alone(delivery.body);
      const store = { n, delivery: { ...delivery, body } };
      this.worker.postMessage({ store } satisfies Request, [body.buffer as ArrayBuffer]);
    });
  }

  /** What was taken is stored. */
  async close(): Promise<void> {
    this.isClosed = true;
    const { worker } = this;
    if (!worker) return;
    const ended = new Promise((resolve) => worker.once('exit', resolve));
    worker.postMessage('close' satisfies Request);
    await ended;
  }

  private start(): Worker {
    const { databaseUrl, dataDir } = this.place;
    const file = compiledModule('webhooks/inbox-worker.js');
    const worker = new Worker(file, { workerData: { databaseUrl, dataDir } satisfies DatabasePlace });
    const tellSchema = (error: Error | null) => worker.postMessage({ schema: { error } } satisfies Request);
    this.migrated.then(() => tellSchema(null), tellSchema);
    worker.on('message', (report: Report) => this.hear(report));
    worker.on('error', (error: Error) => this.over(worker, error));
    worker.on('exit', () => this.over(worker, new Error('the thread that stores deliveries has ended')));
    return worker;
  }

  private hear(report: Report): void {
    if (report === 'queued') return this.onQueued();
    // Who waited is gone where this is the last word of a thread that was seen to end.
    const waiting = this.waiting.get(report.n);
    this.waiting.delete(report.n);
    if ('stored' in report) waiting?.resolve(report.stored);
    else waiting?.reject(errorOf(report));
  }

  /** The next delivery is stored by another one. */
  private over(worker: Worker, error: Error): void {
    if (this.worker !== worker) return;
    this.worker = null;
    for (const { reject } of this.waiting.values()) reject(error);
    this.waiting.clear();
  }
}

/** In memory of its own, which is handed to another thread without being copied. */
const alone = (body: Uint8Array): Uint8Array =>
  body.byteLength === body.buffer.byteLength ? body : new Uint8Array(body);

function errorOf(answer: Exclude<Answer, { stored: Stored }>): Error {
  if ('failed' in answer) return answer.failed;
  const { status, title, detail } = answer.refused;
  return new Problem(status, title, detail);
}
