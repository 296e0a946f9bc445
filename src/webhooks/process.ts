import { LessThan, type EntityManager } from 'typeorm';
import type { Database } from '../database/database.js';
import { Project, WebhookEvent } from '../database/entities/index.js';
import type { EventStatus } from '../database/entities/webhook-event.js';
import { findRow, updateRows } from '../database/rows.js';
import { messageOf } from '../domain/errors.js';
import type { GitHubAccess } from '../github/access.js';
import { withLogContext, type Logger } from '../logging.js';
import type { JobRun } from '../queue/contract.js';
import { MalformedEvent, repositoriesOf } from './events.js';
import { summarise } from './summary.js';

type ReceivedEvent = Parameters<NonNullable<GitHubAccess['app']>['receive']>[0];

/** The handler of event jobs: hands a stored event to Probot's handlers and records how that ended. */
export class EventProcessor {
  constructor(
    private readonly database: Database,
    private readonly github: GitHubAccess,
    private readonly log: Logger,
  ) {}

  async process({ subject: eventId, lastAttempt }: JobRun): Promise<void> {
    const row = await findRow(this.database.read, WebhookEvent, { id: eventId });
    if (row?.status !== 'queued') return;
    for (const earlier of await this.commandsBefore(row)) await this.inContext(earlier, false);
    await this.inContext(row, lastAttempt);
  }

  /**
   * Comments of the same pull request that wait to be tried again: the queue lets later jobs pass them, but commands
   * are carried out in order.
   */
  private async commandsBefore({
    id,
    event,
    projectId,
    pullRequestNumber,
  }: WebhookEvent): Promise<WebhookEvent[]> {
    if (event !== 'issue_comment' || projectId === null || pullRequestNumber === null) return [];
    return this.database.read.find(WebhookEvent, {
      where: { projectId, pullRequestNumber, event, status: 'queued', id: LessThan(id) },
      order: { id: 'ASC' },
    });
  }

  private inContext(row: WebhookEvent, lastAttempt: boolean): Promise<void> {
    const { id: eventId, deliveryId } = row;
    return withLogContext({ eventId, deliveryId }, () => this.handle(row, lastAttempt));
  }

  private async handle(row: WebhookEvent, lastAttempt: boolean): Promise<void> {
    try {
      const payload = JSON.parse(row.payload) as { installation?: { id?: number } };
      const bot = this.github.botFor(payload.installation?.id ?? null);
      if (!bot)
        throw new MalformedEvent(
          'no credentials for this event: the App is not installed there and GITHUB_TOKEN is not set',
        );
      await bot.webhooks.receive({
        id: row.deliveryId,
        name: row.event,
        payload,
      } as unknown as ReceivedEvent);
      await this.finish(row, 'processed', null);
    } catch (error) {
      const cause = rootOf(error);
      const final = cause instanceof MalformedEvent || lastAttempt;
      this.log.warn({ err: cause, event: row.event, final }, 'an event could not be handled');
      if (!final) throw cause;
      await this.finish(row, 'failed', messageOf(cause).slice(0, 2_000));
    }
  }

  private async finish(row: WebhookEvent, status: EventStatus, error: string | null): Promise<void> {
    const end = (tx: EntityManager) =>
      updateRows(tx, WebhookEvent, { id: row.id }, { status, error, processedAt: new Date() });
    if (row.projectId !== null) return void (await this.database.writeOne(end));
    await this.database.write(async (tx) => {
      await end(tx);
      await claim(tx, row);
    });
  }
}

/** Gives an event to the project that it made, or to each of those. */
async function claim(tx: EntityManager, { id, event, payload, receivedAt }: WebhookEvent): Promise<void> {
  const facts = JSON.parse(payload) as object;
  const { repositoryId } = summarise(event, facts);
  const own = repositoryId === null ? null : await tx.findOneBy(Project, { repositoryId });
  if (own) return void (await tx.update(WebhookEvent, { id }, { projectId: own.id }));
  const numbers = repositoriesOf(facts);
  for (let n = 0; n < numbers.length; n += 500)
    await tx
      .createQueryBuilder()
      .update(Project)
      .set({ firstEventId: id })
      .where('repository_id IN (:...numbers)', { numbers: numbers.slice(n, n + 500) })
      // Not by MoreThanOrEqual: in an update, TypeORM hands the operator itself to the column's transformer.
      .andWhere('first_event_id IS NULL AND created_at >= :since', { since: receivedAt.getTime() })
      .execute();
}

/** octokit/webhooks collects what its handlers threw. */
function rootOf(error: unknown): Error {
  if (error instanceof AggregateError && error.errors.length > 0) return rootOf(error.errors[0]);
  return error instanceof Error ? error : new Error(String(error));
}
