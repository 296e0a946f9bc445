import { Problem } from '../api/problem.js';
import { newId } from '../domain/ids.js';
import type { EventTable, NewEvent } from './event-table.js';
import { summarise, type EventSummary } from './summary.js';
import type { Delivery, Inbox, Stored, WebhookProject } from './inbox.js';

/** Groups are bounded so that the first of a burst is not answered with the last. */
const MAX_GROUP = 16;

interface Waiting {
  row: NewEvent;
  resolve: (stored: Stored) => void;
  reject: (error: unknown) => void;
}

/**
 * Reads deliveries and stores them. What arrives while a commit is under way joins the next one, so a burst costs
 * a few commits and every answer still means durable.
 */
export class InboxWriter implements Inbox {
  onQueued = (): void => undefined;
  private waiting: Waiting[] = [];
  private readonly writing = new Set<Promise<void>>();
  private isClosed = false;

  /** @param migrated resolves when the schema is there: what comes earlier to a new database waits for it */
  constructor(
    private readonly table: EventTable,
    private readonly migrated: Promise<unknown> = Promise.resolve(),
  ) {
    migrated.catch(() => undefined);
  }

  async store(delivery: Delivery): Promise<Stored> {
    if (this.isClosed) throw new Error('this server is ending');
    const row = rowOf(delivery);
    return new Promise((resolve, reject) => {
      this.waiting.push({ row, resolve, reject });
      // What comes together is written together.
      if (this.waiting.length === 1) setImmediate(() => this.writeGroups());
    });
  }

  /** What was taken is stored. */
  async close(): Promise<void> {
    this.isClosed = true;
    while (this.waiting.length > 0 || this.writing.size > 0) {
      this.writeGroups();
      await Promise.all(this.writing);
    }
    await this.table.close();
  }

  private writeGroups(): void {
    while (this.waiting.length > 0 && this.writing.size < this.table.atOnce) {
      const group = this.waiting.splice(0, MAX_GROUP);
      const writing = this.write(group)
        .catch((error: unknown) => group.forEach(({ reject }) => reject(error)))
        .finally(() => {
          this.writing.delete(writing);
          this.writeGroups();
        });
      this.writing.add(writing);
    }
  }

  private async write(group: Waiting[]): Promise<void> {
    const rows = new Map<string, NewEvent>();
    for (const { row } of group) if (!rows.has(row.deliveryId)) rows.set(row.deliveryId, row);
    const ids = await this.insert([...rows.values()]);
    for (const { row, resolve } of group) {
      const eventId = ids.get(row.deliveryId)!;
      resolve({ eventId, status: eventId === row.id ? row.status : 'duplicate' });
    }
    if (group.some(({ row }) => row.status === 'queued' && ids.get(row.deliveryId) === row.id))
      this.onQueued();
  }

  private async insert(rows: NewEvent[]): Promise<Map<string, string>> {
    try {
      return await this.table.insert(rows);
    } catch (error) {
      // On the first start of all, or of a new version, the schema comes a moment later.
      if (!this.table.isSchemaMissing(error)) throw error;
      await this.migrated;
      return this.table.insert(rows);
    }
  }
}

function rowOf({ deliveryId, event, body, project, replayOf }: Delivery): NewEvent {
  const summary = summarise(event, parse(body));
  if (project && !isOf(project, summary))
    throw new Problem(403, 'Another repository', `This webhook is for ${project.fullName} only.`);
  return {
    id: newId(),
    deliveryId,
    event,
    action: summary.action,
    projectId: project?.id ?? replayOf?.projectId ?? null,
    repositoryId: summary.repositoryId,
    pullRequestNumber: summary.pullRequestNumber,
    status: summary.wanted ? 'queued' : 'ignored',
    payload: body,
    replayOf: replayOf?.eventId ?? null,
    receivedAt: Date.now(),
    lane: summary.lane,
  };
}

function parse(body: Uint8Array): object {
  let payload: unknown;
  try {
    payload = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    throw new Problem(
      400,
      'Not JSON',
      'The body is not JSON; set the webhook’s content type to application/json.',
    );
  }
  if (typeof payload === 'object' && payload !== null && !Array.isArray(payload)) return payload;
  throw new Problem(400, 'Not an object', 'The body is JSON, but not an object.');
}

function isOf(project: WebhookProject, { repositoryId, fullName }: EventSummary): boolean {
  if (repositoryId === null && fullName === null) return true;
  if (project.repositoryId !== null) return project.repositoryId === repositoryId;
  return fullName?.toLowerCase() === project.fullNameKey;
}
