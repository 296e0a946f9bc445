/** The two webhook routes: verify the raw body, store, answer. Everything else happens later, from the queue. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import express, { Router, type Request, type RequestHandler } from 'express';
import type { Project } from '../database/entities/index.js';
import { Problem } from '../api/problem.js';
import { addToLogContext, type Logger } from '../logging.js';
import { summarise, type EventSummary } from './events.js';
import type { Inbox } from './inbox.js';

/** GitHub's own limit on payloads. */
const MAX_BODY = '25mb';

const WORD = /^[\w-]{1,100}$/;

export interface ReceiveDeps {
  inbox: Inbox;
  /** Null: nothing can be verified, so nothing is accepted. */
  secret: string | null;
  findProject(id: string): Promise<Project | null>;
  log: Logger;
  /** Told of every outcome, for the metrics. */
  onDelivery?: (event: string, outcome: string) => void;
}

export function webhookRoutes(deps: ReceiveDeps): Router {
  const router = Router();
  // Signed is the raw body: no parser may touch it first, whatever its type says.
  const raw = express.raw({ type: () => true, limit: MAX_BODY, inflate: false });
  router.post(
    '/api/github/webhooks',
    raw,
    receive(deps, () => Promise.resolve(null)),
  );
  router.post(
    '/webhooks/:webhookId',
    raw,
    receive(deps, async (request) => {
      const project = await deps.findProject(String(request.params['webhookId']));
      if (!project) throw new Problem(404, 'Unknown webhook', 'No project has this webhook.');
      return project;
    }),
  );
  return router;
}

function receive(
  deps: ReceiveDeps,
  projectOf: (request: Request) => Promise<Project | null>,
): RequestHandler {
  return async (request, response) => {
    const event = request.get('x-github-event') ?? '';
    const deliveryId = request.get('x-github-delivery') ?? '';
    if (WORD.test(deliveryId)) addToLogContext({ deliveryId });
    try {
      const project = await projectOf(request);
      const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
      verify(body, request.get('x-hub-signature-256'), deps.secret);
      if (!WORD.test(event) || !WORD.test(deliveryId))
        throw new Problem(
          400,
          'Not a webhook',
          'X-GitHub-Event or X-GitHub-Delivery is missing or malformed.',
        );

      const payload = body.toString('utf8');
      const summary = summarise(event, parse(payload));
      if (project && !isOf(project, summary))
        throw new Problem(403, 'Another repository', `This webhook is for ${project.fullName} only.`);

      const stored = await deps.inbox.store({
        deliveryId,
        event,
        payload,
        summary,
        ...(project ? { projectId: project.id } : {}),
      });
      deps.onDelivery?.(event, stored.status);
      deps.log.debug({ event, eventId: stored.eventId, status: stored.status }, 'delivery received');
      response.status(stored.status === 'duplicate' ? 200 : 202).json({ ...stored, deliveryId });
    } catch (error) {
      deps.onDelivery?.(event, 'refused');
      if (error instanceof Problem) throw error;
      deps.log.error({ err: error, event }, 'a delivery could not be stored');
      throw new Problem(503, 'Not stored', 'The delivery could not be stored; send it again later.');
    }
  };
}

function verify(body: Buffer, signature: string | undefined, secret: string | null): void {
  if (secret === null)
    throw new Problem(401, 'Not verified', 'This server has no WEBHOOK_SECRET, so it accepts no webhooks.');
  const expected = Buffer.from(`sha256=${createHmac('sha256', secret).update(body).digest('hex')}`);
  const given = Buffer.from(signature ?? '');
  if (given.length !== expected.length || !timingSafeEqual(given, expected))
    throw new Problem(401, 'Not verified', 'X-Hub-Signature-256 does not match the body.');
}

function parse(text: string): object {
  let payload: unknown;
  try {
    payload = JSON.parse(text);
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

function isOf(project: Project, { repositoryId, fullName }: EventSummary): boolean {
  if (repositoryId === null && fullName === null) return true;
  if (project.repositoryId !== null) return project.repositoryId === repositoryId;
  return fullName?.toLowerCase() === project.fullNameKey;
}
