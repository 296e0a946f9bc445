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
  failure?: string;
}

/** What is said to the thread. */
export type Said = Asked[] | 'migrated' | 'close';

interface Waiting {
  resolve: (stored: Stored) => void;
  reject: (error: unknown) => void;
}

/** Small and steady is enough for a thread that hands rows on, and the heap of a server is the operator's memory. */
const LIMITS = { maxYoungGenerationSizeMb: 4 };

/**
 * The inbox in a thread of its own, so that receiving costs the serving thread only the signature. Should the thread
 * die, what it had not stored is refused, and the next one takes over.
 */
export class ThreadedInbox implements Inbox {
  onQueued = (): void => undefined;
  /** Resolves when the thread has begun to store; rejects when it could not. */
  readonly ready: Promise<void>;
  private worker!: Worker;
  private readonly waiting = new Map<number, Waiting>();
  private asked: Asked[] = [];
  private count = 0;
  /** Why nothing is taken any more. */
  private ended: Error | null = null;

  /** @param migrated resolves when the schema is there: what comes earlier to a new database waits for it */
  constructor(
    private readonly place: DatabasePlace,
    private readonly migrated: Promise<unknown>,
  ) {
    this.ready = this.begin();
    this.migrated.catch((error: Error) => this.end(error));
  }

  /** The body belongs to the thread afterwards: it is moved there, not copied. */
  store(delivery: Delivery): Promise<Stored> {
    return new Promise((resolve, reject) => {
      if (this.ended) throw this.ended;
      const n = ++this.count;
      this.waiting.set(n, { resolve, reject });
      if (this.asked.length === 0) setImmediate(() => this.send());
      this.asked.push({ n, delivery });
    });
  }

  async close(): Promise<void> {
    this.end(new Error('this server is ending'));
    if (this.worker.threadId === -1) return;
    const exited = new Promise((resolve) => this.worker.once('exit', resolve));
    this.say('close');
    await exited;
  }

  private begin(): Promise<void> {
    const worker = new Worker(workerFile(), { workerData: this.place, resourceLimits: LIMITS });
    this.worker = worker;
    let isReady = false;
    let broken: Error | null = null;
    void this.migrated.then(
      () => worker.postMessage('migrated' satisfies Said),
      () => undefined,
    );
    return new Promise((resolve, reject) => {
      worker.on('message', (said: Answer[] | 'ready') => {
        if (said !== 'ready') return said.forEach((answer) => this.receive(answer));
        isReady = true;
        resolve();
      });
      worker.on('error', (error) => (broken = error));
      worker.once('exit', () => {
        const error = broken ?? new Error('the thread that stores deliveries has ended');
        this.refuseAll(error);
        // One that never began would not the next time either.
        if (!isReady) this.end(error);
        else if (!this.ended) this.begin().catch(() => undefined);
        reject(error);
      });
    });
  }

  private send(): void {
    const asked = this.asked.map(({ n, delivery }) => ({
      n,
      delivery: { ...delivery, body: own(delivery.body) },
    }));
    this.asked = [];
    this.say(
      asked,
      asked.map(({ delivery }) => delivery.body.buffer),
    );
  }

  private say(said: Said, moved: ArrayBuffer[] = []): void {
    this.worker.postMessage(said, moved);
  }

  private receive({ n, stored, problem, failure }: Answer): void {
    const waiting = this.waiting.get(n);
    if (!waiting) return;
    this.waiting.delete(n);
    if (stored) {
      if (stored.status === 'queued') this.onQueued();
      waiting.resolve(stored);
    } else if (problem) waiting.reject(new Problem(problem.status, problem.title, problem.detail));
    else waiting.reject(new Error(failure));
  }

  private end(error: Error): void {
    this.ended ??= error;
    this.refuseAll(this.ended);
  }

  private refuseAll(error: Error): void {
    for (const { reject } of this.waiting.values()) reject(error);
    this.waiting.clear();
  }
}

/** In memory of its own: what is moved must not be part of a buffer that others share. */
function own(body: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer, byteLength } = body;
  return buffer instanceof ArrayBuffer && buffer.byteLength === byteLength
    ? new Uint8Array(buffer)
    : body.slice();
}

/** The compiled thread: beside this file in dist/, or in dist/ when this runs from the TypeScript sources. */
function workerFile(): URL {
  const beside = new URL('inbox-worker.js', import.meta.url);
  return existsSync(beside) ? beside : new URL('../../dist/webhooks/inbox-worker.js', import.meta.url);
}
