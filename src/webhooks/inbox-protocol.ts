/** What the server's thread (InboxThread) and that of the inbox (inbox-worker.ts) say to each other. */
import type { Delivery, Stored } from './inbox.js';

export type Request =
  | { store: { n: number; delivery: Delivery } }
  /** The schema is there; with an error, it will not be. */
  | { schema: { error: Error | null } }
  | 'close';

/** `queued`: jobs came with what was stored. */
export type Report = Answer | 'queued';

/** Of the delivery with this number. A class of ours, such as Problem, does not pass from one thread to another. */
export type Answer = { n: number } & (
  { stored: Stored } | { refused: { status: number; title: string; detail: string } } | { failed: Error }
);
