/** Where deliveries go: stored durably, with the job that looks at them, before they are answered. */
import { Problem } from '../api/problem.js';

export interface Delivery {
  deliveryId: string;
  event: string;
  /** The body as it was signed. */
  body: Uint8Array;
  /** Whose own webhook this came by: only what is of that repository is taken. */
  project?: WebhookProject;
  /** The event that this repeats; it keeps that one's project. */
  replayOf?: { eventId: string; projectId: string | null };
}

export interface WebhookProject {
  id: string;
  fullName: string;
  fullNameKey: string;
  repositoryId: number | null;
}

export interface Stored {
  eventId: string;
  status: 'queued' | 'duplicate' | 'ignored';
}

export interface Inbox {
  /**
   * Resolves once the delivery is durable; rejects with a Problem where it is not one that is taken (400, 403), and
   * with the database's own error when that can't be written.
   * @param delivery its body is handed over: who calls doesn't use it any more
   */
  store(delivery: Delivery): Promise<Stored>;
  /** Called when jobs were enqueued: a queue in this process need not wait for its next look. */
  onQueued: () => void;
  close(): Promise<void>;
}

export const notStored = (): Problem =>
  new Problem(503, 'Not stored', 'The delivery could not be stored; send it again later.');
