import { eventTable, type DatabasePlace } from './event-tables.js';
import { InboxThread } from './inbox-thread.js';
import { InboxWriter } from './inbox-writer.js';
import type { Delivery, Inbox, Stored } from './inbox.js';

/** A body as large as this is not read in the server's thread: that would take more than 5 ms. */
const LARGE_BYTES = 1024 ** 2;
/** A thread costs 10 to 20 MB, which are given back when nothing large came for so long. */
const IDLE_MS = 10_000;

/**
 * A server's inbox: large deliveries are read and stored in another thread. The others, of which 24 KB take 0.1 ms,
 * are not: handing them over costs more than it spares.
 */
export class ServerInbox implements Inbox {
  onQueued = (): void => undefined;
  private thread: InboxThread | null = null;
  private ending: Promise<void> = Promise.resolve();
  private idle: NodeJS.Timeout | undefined;
  private isClosed = false;

  private constructor(
    private readonly own: InboxWriter,
    private readonly place: DatabasePlace,
    private readonly migrated: Promise<unknown>,
  ) {
    own.onQueued = () => this.onQueued();
  }

  /** @param migrated as for an InboxWriter */
  static async of(
    place: DatabasePlace,
    migrated: Promise<unknown> = Promise.resolve(),
  ): Promise<ServerInbox> {
    return new ServerInbox(new InboxWriter(await eventTable(place), migrated), place, migrated);
  }

  async store(delivery: Delivery): Promise<Stored> {
    if (delivery.body.length < LARGE_BYTES || this.isClosed) return this.own.store(delivery);
    this.thread ??= this.startThread();
    try {
      return await this.thread.store(delivery);
    } finally {
      this.idle?.refresh();
    }
  }

  async close(): Promise<void> {
    this.isClosed = true;
    this.endThread();
    await Promise.all([this.own.close(), this.ending]);
  }

  private startThread(): InboxThread {
    const thread = new InboxThread(this.place, this.migrated);
    thread.onQueued = () => this.onQueued();
    this.idle = setTimeout(() => this.endThread(), IDLE_MS).unref();
    return thread;
  }

  private endThread(): void {
    clearTimeout(this.idle);
    this.idle = undefined;
    const { thread } = this;
    this.thread = null;
    if (thread) this.ending = Promise.all([this.ending, thread.close()]).then(() => undefined);
  }
}
