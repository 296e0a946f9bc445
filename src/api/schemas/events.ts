import { z } from 'zod';
import { EVENT_STATUSES } from '../../database/entities/webhook-event.js';
import { id, listQuery, page, text, time } from './common.js';

export const webhookEvent = z
  .object({
    id,
    deliveryId: z.string().describe('GitHub’s GUID.'),
    event: z.string(),
    action: z.string().nullable(),
    status: z.enum(EVENT_STATUSES),
    error: z.string().nullable(),
    pullRequestNumber: z.int().nullable(),
    replayOf: id.nullable().describe('The event that this one repeats.'),
    receivedAt: time,
    processedAt: time.nullable(),
  })
  .meta({
    id: 'WebhookEvent',
    examples: [
      {
        id: '0197a3c2-5b1e-7000-8c3d-1f2e3d4c5b6b',
        deliveryId: '72d3162e-cc78-11e3-81ab-4c9367dc0958',
        event: 'pull_request',
        action: 'opened',
        status: 'processed',
        error: null,
        pullRequestNumber: 7,
        replayOf: null,
        receivedAt: '2026-01-31T12:00:00.000Z',
        processedAt: '2026-01-31T12:00:00.120Z',
      },
    ],
  });

export const webhookEventPage = page(webhookEvent);

export const eventQuery = z.strictObject({
  ...listQuery,
  event: text(100).optional().describe('E.g. pull_request.'),
  status: z.enum(EVENT_STATUSES).optional(),
});

export const replayed = z
  .object({ eventId: id.describe('Of the new event.') })
  .meta({ examples: [{ eventId: '0197a3c2-5b1e-7000-8c3d-1f2e3d4c5b6e' }] });
