import { existsSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { Problem } from '../api/problem.js';
import type { DatabasePlace } from './event-tables.js';
import type { Delivery, Inbox, Stored } from './inbox.js';

export interface Asked {
  n: number;
  delivery: Delivery;
}

export interface Answer {
  n: number;
  stored?: Stored;
  problem?: { status: number; title: string; detail: string };
  failure?: { message: string; isSchemaMissing: boolean };
}

interface Waiting {
  delivery: Delivery;
  resolve: (stored: Stored) => void;
  reject: (error: unknown) => void;
  again: boolean;
}

/** Small and steady is enough for a thread that hands rows on, and the heap of a server is the operator's memory. */
const LIMITS = { maxYoungGenerationSizeMb: 4 };

/** The inbox in a thread of its own, so that receiving costs the serving thread only the signature. */
export class ThreadedInbox implements Inbox {
  onQueued = (): void => undefined;
  /** Resolves when the thread has begun to store; rejects when it could not. */
  readonly ready: Promise<void>;
  private readonly worker: Worker;
  private readonly waiting = new Map<number, Waiting>();
  private asked: Asked[] = [];
  private count = 0;
  private ended: Error | null = null;

  /** @param migrated resolves when the schema is there: what comes earlier to a new database waits for it */
  constructor(
    place: DatabasePlace,
    private readonly migrated: Promise<unknown>,
  ) {
    this.migrated.catch(() => undefined);
    this.worker = new Worker(workerFile(), { workerData: place, resourceLimits: LIMITS });
    this.ready = new Promise((resolve, reject) => {
      this.worker.on('message', (said: Answer[] | 'ready') => {
        if (said === 'ready') resolve();
        else said.forEach((answer) => this.receive(answer));
      });
      this.worker.once('error', reject);
    });
    this.ready.catch((error: Error) => this.fail(error));
    this.worker.once('exit', () => this.fail(new Error('the thread that stores deliveries has ended')));
  }

  store(delivery: Delivery): Promise<Stored> {
    return new Promise((resolve, reject) => this.ask({ delivery, resolve, reject, again: false }));
  }

  async close(): Promise<void> {
    if (this.ended) return;
    const exited = new Promise((resolve) => this.worker.once('exit', resolve));
    this.worker.postMessage('close');
    await exited;
  }

  private ask(waiting: Waiting): void {
    if (this.ended) {
      waiting.reject(this.ended);
      return;
    }
    const n = ++this.count;
    this.waiting.set(n, waiting);
    if (this.asked.length === 0) setImmediate(() => this.send());
    // The body is copied, not moved: should the schema not be there yet, it is sent once more.
    this.asked.push({ n, delivery: waiting.delivery });
  }

  private send(): void {
    this.worker.postMessage(this.asked);
    this.asked = [];
  }

  private receive({ n, stored, problem, failure }: Answer): void {
    const waiting = this.waiting.get(n);
    if (!waiting) return;
    this.waiting.delete(n);
    if (stored) {
      if (stored.status === 'queued') this.onQueued();
      waiting.resolve(stored);
    } else if (problem) waiting.reject(new Problem(problem.status, problem.title, problem.detail));
    else if (failure!.isSchemaMissing && !waiting.again)
      this.migrated.then(
        () => this.ask({ ...waiting, again: true }),
        (error: unknown) => waiting.reject(error),
      );
    else waiting.reject(new Error(failure!.message));
  }

  private fail(error: Error): void {
    this.ended ??= error;
    for (const { reject } of this.waiting.values()) reject(this.ended);
    this.waiting.clear();
  }
}

/** The compiled thread: beside this file in dist/, or in dist/ when this runs from the TypeScript sources. */
function workerFile(): URL {
  const beside = new URL('inbox-worker.js', import.meta.url);
  return existsSync(beside) ? beside : new URL('../../dist/webhooks/inbox-worker.js', import.meta.url);
}
