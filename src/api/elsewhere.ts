/** What other routers answer, for the OpenAPI document. */
import { z } from 'zod';
import type { RouteSpec } from './route.js';
import { id, time } from './schemas/common.js';

const received = z
  .object({ eventId: id, deliveryId: z.string(), status: z.enum(['queued', 'duplicate', 'ignored']) })
  .meta({
    id: 'Received',
    examples: [
      {
        eventId: '0197a3c2-5b1e-7000-8c3d-1f2e3d4c5b6b',
        deliveryId: '72d3162e-cc78-11e3-81ab-4c9367dc0958',
        status: 'queued',
      },
    ],
  });

const count = z.int().min(0);

const health = z.object({
  status: z.enum(['ok', 'draining', 'down']),
  version: z.string(),
  database: z.string(),
  disk: z.string(),
  github: z.string(),
});
const HOST = { 403: 'A foreign host name.' };

const again = {
  eventId: '0197a3c2-5b1e-7000-8c3d-1f2e3d4c5b6b',
  deliveryId: '72d3162e-cc78-11e3-81ab-4c9367dc0958',
  status: 'duplicate' as const,
};

const webhook = {
  method: 'post',
  tag: 'Webhooks',
  open: true,
  answer: {
    status: 202,
    description: 'Stored: queued, or ignored where we have no use for it.',
    schema: received,
  },
  also: {
    200: {
      description: 'A delivery id already stored: `status` is `duplicate`.',
      schema: received,
      example: again,
    },
    400: 'Not JSON or not an object, or GitHub’s headers are missing.',
    401: 'X-Hub-Signature-256 is wrong or missing.',
    413: 'Over 25 MB.',
    415: 'The body is compressed.',
    503: 'Not stored: send it again later.',
  },
} as const;

export const elsewhere: RouteSpec[] = [
  {
    ...webhook,
    path: '/api/github/webhooks',
    operationId: 'receiveAppWebhook',
    summary: 'The App’s webhook, signed by GitHub',
  },
  {
    ...webhook,
    path: '/webhooks/{webhookId}',
    operationId: 'receiveWebhook',
    summary: 'A repository’s plain webhook, signed by GitHub',
    params: z.object({ webhookId: id }),
    also: { ...webhook.also, 403: 'A payload of another repository.' },
  },
  {
    method: 'get',
    path: '/webhooks/health',
    operationId: 'readQueueHealth',
    summary: 'What waits and what runs',
    tag: 'Server',
    open: true,
    answer: {
      status: 200,
      description: 'Counts of jobs.',
      schema: z
        .object({
          status: z.literal('ok'),
          queued: count,
          running: count,
          failed: count,
          lastEventAt: time.nullable(),
        })
        .meta({
          examples: [
            { status: 'ok', queued: 2, running: 1, failed: 0, lastEventAt: '2026-01-31T12:00:00.000Z' },
          ],
        }),
    },
    also: { 503: 'The database does not answer.' },
  },
  {
    method: 'get',
    path: '/health',
    operationId: 'readHealth',
    summary: 'Whether this process can work',
    tag: 'Server',
    open: true,
    answer: {
      status: 200,
      description: 'It can.',
      schema: health.meta({
        examples: [{ status: 'ok', version: '0.1.0', database: 'ok', disk: 'ok', github: 'app' }],
      }),
    },
    also: {
      503: {
        description: 'It can’t, and what is down.',
        schema: health.meta({
          examples: [
            {
              status: 'down',
              version: '0.1.0',
              database: 'down: connection refused',
              disk: 'ok',
              github: 'app',
            },
          ],
        }),
      },
    },
  },
  {
    method: 'get',
    path: '/metrics',
    operationId: 'readMetrics',
    summary: 'Metrics for Prometheus',
    tag: 'Server',
    answer: { status: 200, description: 'Prometheus text.', type: 'text/plain' },
  },
  {
    method: 'get',
    path: '/login',
    operationId: 'logIn',
    summary: 'The login link: sets the cookie and leads to the pages',
    tag: 'Server',
    open: true,
    query: z.object({ token: z.string().describe('API_TOKEN') }),
    answer: {
      status: 303,
      description: 'Logged in.',
      headers: { Location: '/', 'Set-Cookie': 'The session.' },
    },
    also: { ...HOST, 401: 'A wrong token.', 429: 'Too many failed logins.' },
  },
];
