import { eventTable, type DatabasePlace } from './event-tables.js';
import { InboxThread } from './inbox-thread.js';
import { InboxWriter } from './inbox-writer.js';
import type { Delivery, Inbox, Stored } from './inbox.js';

/** With so many under way, another thread stores what comes next: it takes some 60 ms to start, once. */
const BURST = 4;
/** Nor is a body as large as this read in the server's thread: that would take more than 5 ms. */
const LARGE_BYTES = 1024 ** 2;
/** A thread costs 10 to 20 MB, which are given back when no burst came for so long. */
const IDLE_MS = 10_000;

/** A server's inbox: what comes now and then is stored in its own thread, a burst in another one. */
export class ServerInbox implements Inbox {
  onQueued = (): void => undefined;
  private thread: InboxThread | null = null;
  private ending: Promise<void> = Promise.resolve();
  private idle: NodeJS.Timeout | undefined;
  private underWay = 0;

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
    if (this.underWay >= BURST || delivery.body.length >= LARGE_BYTES) this.thread ??= this.startThread();
    this.underWay++;
    try {
      return await (this.thread ?? this.own).store(delivery);
    } finally {
      this.underWay--;
      this.idle?.refresh();
    }
  }

  async close(): Promise<void> {
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
