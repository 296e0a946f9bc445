import { z } from 'zod';
import { WebhookEvent, type Project } from '../database/entities/index.js';
import type { EventStatus } from '../database/entities/webhook-event.js';
import { aside, cut, pageOf, type Page } from '../database/pages.js';
import { newId } from '../domain/ids.js';
import { answerEvent, answerPage, redactTexts } from './answers.js';
import { projectOr404, type ApiDeps } from './deps.js';
import { missing, route, type Route } from './route.js';
import * as schemas from './schemas/index.js';

/** All but the payload, which may have megabytes. */
export const LISTED_EVENT = {
  id: true,
  deliveryId: true,
  event: true,
  action: true,
  status: true,
  error: true,
  pullRequestNumber: true,
  replayOf: true,
  receivedAt: true,
  processedAt: true,
} as const;

export function eventRoutes(deps: ApiDeps): Route[] {
  const { database } = deps;

  /** The event that made a project together with others: it is in none's index. */
  const firstOf = async (
    { firstEventId }: Project,
    { cursor, event, status }: Pick<z.output<typeof schemas.eventQuery>, 'cursor' | 'event' | 'status'>,
  ): Promise<Listed | null> => {
    if (firstEventId === null || (cursor !== undefined && cursor <= firstEventId)) return null;
    const row = await database.read.findOne(WebhookEvent, {
      select: LISTED_EVENT,
      where: { id: firstEventId },
    });
    const isAsked = (event ?? row?.event) === row?.event && (status ?? row?.status) === row?.status;
    return isAsked ? row : null;
  };
  return [
    route(
      {
        method: 'get',
        path: '/webhooks/events/{projectId}',
        operationId: 'listEvents',
        summary: 'Stored webhook events of a project',
        tag: 'Webhooks',
        params: z.object({ projectId: schemas.id }),
        query: schemas.eventQuery,
        answer: { status: 200, description: 'One page.', schema: schemas.webhookEventPage },
      },
      async ({ params, query: { limit, cursor, event, status } }) => {
        const project = await projectOr404(deps, params.projectId);
        const where = {
          projectId: project.id,
          ...conditions(event, status),
        };
        const rows = await pageOf(database, WebhookEvent, where, { limit, cursor }, LISTED_EVENT);
        const page = withFirst(rows, limit, await firstOf(project, { event, status, cursor }));
        const { redact } = await deps.redactorOf(project);
        return answerPage(page, (row) => redactTexts(answerEvent(row), redact));
      },
    ),
    route(
      {
        method: 'post',
        path: '/webhooks/replay/{eventId}',
        operationId: 'replayEvent',
        summary: 'Handle a stored event once more, as a new one',
        tag: 'Webhooks',
        params: z.object({ eventId: schemas.id }),
        answer: { status: 202, description: 'Stored and queued.', schema: schemas.replayed },
      },
      async ({ params }) => ({ eventId: await replayEvent(deps, params.eventId) }),
    ),
  ];
}

/** What waits or failed is rare among the events of a project; of the rest there is less of one name. */
function conditions(event: string | undefined, status: EventStatus | undefined) {
  const isRare = status === 'queued' || status === 'failed';
  return {
    ...(event === undefined ? {} : { event: isRare ? aside(event) : event }),
    ...(status === undefined ? {} : { status: isRare || event === undefined ? status : aside(status) }),
  };
}

type Listed = Pick<WebhookEvent, keyof typeof LISTED_EVENT>;

/** In its place by id, where that is on this page. */
function withFirst<Row extends { id: string }>(page: Page<Row>, limit: number, first: Row | null): Page<Row> {
  const last = page.rows.at(-1);
  if (first === null || (page.next !== null && last !== undefined && first.id < last.id)) return page;
  const rows = [...page.rows, first].sort((a, b) => (a.id < b.id ? 1 : -1));
  return page.next === null ? cut(rows, limit) : { rows: rows.slice(0, limit), next: rows[limit - 1]!.id };
}

/** Stores an event once more, to be handled anew. @returns the id of the new one. @throws Problem 404 */
export async function replayEvent(
  { database, inbox }: Pick<ApiDeps, 'database' | 'inbox'>,
  id: string,
): Promise<string> {
  const original = await database.read.findOneBy(WebhookEvent, { id });
  if (!original) throw missing('event');
  const { event, payload, projectId } = original;
  const { eventId } = await inbox.store({
    deliveryId: newId(),
    event,
    body: Buffer.from(payload),
    replayOf: { eventId: original.id, projectId },
  });
  return eventId;
}
