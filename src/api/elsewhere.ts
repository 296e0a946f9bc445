/** What other routers answer, for the OpenAPI document. */
import { z } from 'zod';
import type { RouteSpec } from './route.js';
import { id, time } from './schemas/common.js';

const received = z
  .object({ eventId: id, deliveryId: z.string(), status: z.enum(['queued', 'duplicate', 'ignored']) })
  .meta({ id: 'Received' });

const count = z.int().min(0);

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
    200: 'A delivery id already stored: `status` is `duplicate`.',
    400: 'Not JSON or not an object, or GitHub’s headers are missing.',
    401: 'X-Hub-Signature-256 is wrong or missing.',
    413: 'Over 25 MB.',
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
      schema: z.object({
        status: z.literal('ok'),
        queued: count,
        running: count,
        failed: count,
        lastEventAt: time.nullable(),
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
      schema: z.object({
        status: z.string(),
        version: z.string(),
        database: z.string(),
        github: z.string(),
      }),
    },
    also: { 503: 'It can’t, and what is down.' },
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
    also: { 401: 'A wrong token.', 429: 'Too many failed logins.' },
  },
];
