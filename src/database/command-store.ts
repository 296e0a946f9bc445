import type { Database } from './database.js';
import { HandledCommand } from './entities/index.js';

/** Which commands were carried out, by their cause: an event may be handled twice, its commands not. */
export class CommandStore {
  constructor(private readonly database: Database) {}

  isHandled(cause: string): Promise<boolean> {
    return this.database.read.existsBy(HandledCommand, { cause, handled: true });
  }

  async markHandled(cause: string): Promise<void> {
    await this.database.writeOne((tx) =>
      tx.upsert(HandledCommand, { cause, handled: true, createdAt: new Date() }, ['cause']),
    );
  }

  /** Notes that a reply is being written; true where that was noted before, so it may be there already. */
  async beginReply(cause: string): Promise<boolean> {
    return this.database.write(async (tx) => {
      if (await tx.existsBy(HandledCommand, { cause, replyBegun: true })) return true;
      await tx.upsert(HandledCommand, { cause, replyBegun: true, createdAt: new Date() }, ['cause']);
      return false;
    });
  }
}
