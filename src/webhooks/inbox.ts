import { In, type EntityManager } from 'typeorm';
import type { Database } from '../database/database.js';
import { Project, WebhookEvent } from '../database/entities/index.js';
import { newId } from '../domain/ids.js';
import type { NewJob, Queue } from '../queue/contract.js';
import type { EventSummary } from './events.js';

const MAX_GROUP = 64;

export interface Delivery {
  deliveryId: string;
  event: string;
  /** The body as it was signed, UTF-8. */
  payload: string;
  summary: EventSummary;
  /** Where the delivery came by a project's own webhook. */
  projectId?: string;
  replayOf?: string;
}

export interface Stored {
  eventId: string;
  status: 'queued' | 'duplicate' | 'ignored';
}

interface Waiting {
  delivery: Delivery;
  resolve: (stored: Stored) => void;
  reject: (error: unknown) => void;
}

/**
 * Stores deliveries and enqueues their jobs. What arrives while a commit is under way joins the next one, so a
 * burst costs a few commits and every answer still means durable.
 */
export class Inbox {
  private waiting: Waiting[] = [];
  private writing = false;

  constructor(
    private readonly database: Database,
    private readonly queue: Queue,
  ) {}

  /** Resolves once the delivery is durable; rejects when the database can't be written. */
  store(delivery: Delivery): Promise<Stored> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ delivery, resolve, reject });
      if (!this.writing) void this.writeGroups();
    });
  }

  private async writeGroups(): Promise<void> {
    this.writing = true;
    while (this.waiting.length > 0) {
      const group = this.waiting.splice(0, MAX_GROUP);
      try {
        const stored = await this.database.write((tx) =>
          this.insert(
            tx,
            group.map(({ delivery }) => delivery),
          ),
        );
        group.forEach(({ resolve }, n) => resolve(stored[n]!));
      } catch (error) {
        group.forEach(({ reject }) => reject(error));
      }
    }
    this.writing = false;
  }

  private async insert(tx: EntityManager, deliveries: Delivery[]): Promise<Stored[]> {
    const projects = await this.projectsOf(tx, deliveries);
    const receivedAt = new Date();
    const rows = new Map<string, WebhookEvent>();
    for (const { deliveryId, event, payload, summary, projectId, replayOf } of deliveries) {
      if (rows.has(deliveryId)) continue;
      rows.set(deliveryId, {
        id: newId(),
        deliveryId,
        event,
        action: summary.action,
        projectId: projectId ?? projects.get(summary.repositoryId) ?? null,
        pullRequestNumber: summary.pullRequestNumber,
        status: summary.wanted ? 'queued' : 'ignored',
        payload,
        error: null,
        replayOf: replayOf ?? null,
        receivedAt,
        processedAt: summary.wanted ? null : receivedAt,
      });
    }
    await tx
      .createQueryBuilder()
      .insert()
      .into(WebhookEvent)
      .values([...rows.values()])
      .orIgnore()
      .execute();
    const kept = await tx.find(WebhookEvent, {
      select: { id: true, deliveryId: true },
      where: { deliveryId: In([...rows.keys()]) },
    });
    const keptIds = new Map(kept.map((row) => [row.deliveryId, row.id]));

    const jobs: NewJob[] = [];
    const answered = new Set<string>();
    const stored = deliveries.map(({ deliveryId, summary }): Stored => {
      const eventId = keptIds.get(deliveryId)!;
      if (eventId !== rows.get(deliveryId)!.id || answered.has(deliveryId))
        return { eventId, status: 'duplicate' };
      answered.add(deliveryId);
      if (!summary.wanted) return { eventId, status: 'ignored' };
      jobs.push({ kind: 'event', subject: eventId, lane: summary.lane });
      return { eventId, status: 'queued' };
    });
    if (jobs.length > 0) await this.queue.enqueue(tx, ...jobs);
    return stored;
  }

  private async projectsOf(tx: EntityManager, deliveries: Delivery[]): Promise<Map<number | null, string>> {
    const ids = new Set(deliveries.flatMap(({ summary }) => summary.repositoryId ?? []));
    if (ids.size === 0) return new Map();
    const projects = await tx.find(Project, {
      select: { id: true, repositoryId: true },
      where: { repositoryId: In([...ids]) },
    });
    return new Map(projects.map((project) => [project.repositoryId, project.id]));
  }
}
