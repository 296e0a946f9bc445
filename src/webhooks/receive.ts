/**
 * The two webhook routes: verify the raw body, have it stored, answer. Everything else happens later, from the
 * queue. No framework and no parser stands before them: this is what a burst of deliveries pays for.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { finished } from 'node:stream/promises';
import { Problem } from '../api/problem.js';
import { SECURITY_HEADERS } from '../api/security-headers.js';
import { addToLogContext, type Logger } from '../logging.js';
import { notStored, type Inbox, type WebhookProject } from './inbox.js';

/** GitHub's own limit on payloads. */
const MAX_BODY = 25 * 1024 * 1024;

/** How long the rest of a body that is refused for its size is read away. */
const LINGER_MS = 5_000;

const WORD = /^[\w-]{1,100}$/;
/** What an id of a project can be; nothing else is asked of a database. */
const PROJECT_ID = /^[\w-]{1,36}$/;
const ROUTE = /^\/(?:api\/github\/webhooks|webhooks\/([^/?#]+))\/?(?:\?|$)/;

export interface ReceiveDeps {
  inbox: Inbox;
  /** Null: nothing can be verified, so nothing is accepted. */
  secret: string | null;
  findProject(id: string): Promise<WebhookProject | null>;
  log: Logger;
  /** Told of every outcome, for the metrics. */
  onDelivery(event: string, outcome: string): void;
}

/** Answers a delivery and is true, or leaves the request to others and is false. */
export function webhookListener(
  deps: ReceiveDeps,
): (request: IncomingMessage, response: ServerResponse) => boolean {
  return (request, response) => {
    const route = request.method === 'POST' && ROUTE.exec(request.url ?? '');
    if (!route) return false;
    const [, webhookId] = route;
    // As Express marks it, for the access log.
    Object.assign(request, { route: { path: webhookId ? '/webhooks/:webhookId' : '/api/github/webhooks' } });
    void receive(deps, webhookId, request, response);
    return true;
  };
}

async function receive(
  deps: ReceiveDeps,
  webhookId: string | undefined,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const event = header(request, 'x-github-event');
  const deliveryId = header(request, 'x-github-delivery');
  if (WORD.test(deliveryId)) addToLogContext({ deliveryId });
  try {
    const project = webhookId === undefined ? null : await projectOf(deps, webhookId);
    const body = await readBody(request);
    verify(body, header(request, 'x-hub-signature-256'), deps.secret);
    if (!WORD.test(event) || !WORD.test(deliveryId))
      throw new Problem(400, 'Not a webhook', 'X-GitHub-Event or X-GitHub-Delivery is missing or malformed.');
    const stored = await deps.inbox.store({ deliveryId, event, body, ...(project ? { project } : {}) });
    deps.onDelivery(event, stored.status);
    deps.log.debug({ event, eventId: stored.eventId, status: stored.status }, 'delivery received');
    send(response, stored.status === 'duplicate' ? 200 : 202, 'application/json', { ...stored, deliveryId });
  } catch (error) {
    if (request.destroyed && !request.complete) return;
    deps.onDelivery(event, 'refused');
    const problem = error instanceof Problem ? error : notStored();
    if (problem !== error) deps.log.error({ err: error, event }, 'a delivery could not be stored');
    const { status, title, detail } = problem;
    const rest = status === 413 ? request : null;
    send(response, status, 'application/problem+json', { title, status, detail }, rest);
  }
}

async function projectOf(deps: ReceiveDeps, webhookId: string): Promise<WebhookProject> {
  const project = PROJECT_ID.test(webhookId) ? await deps.findProject(webhookId) : null;
  if (!project) throw new Problem(404, 'Unknown webhook', 'No project has this webhook.');
  const { id, fullName, fullNameKey, repositoryId } = project;
  return { id, fullName, fullNameKey, repositoryId };
}

const header = (request: IncomingMessage, name: string): string => String(request.headers[name] ?? '');

const tooLarge = (): Problem => new Problem(413, 'Too large', 'The body is too large.');

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const encoding = header(request, 'content-encoding');
  if (encoding !== '' && encoding !== 'identity')
    throw new Problem(
      415,
      'Unsupported encoding',
      `The body is encoded as ${encoding.slice(0, 50)}; send it plain.`,
    );
  if (Number(request.headers['content-length'] ?? 0) > MAX_BODY) throw tooLarge();
  const chunks: Buffer[] = [];
  let length = 0;
  await new Promise<void>((resolve, reject) => {
    request.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length > MAX_BODY) {
        request.removeAllListeners('data').pause();
        reject(tooLarge());
      } else chunks.push(chunk);
    });
    request.once('end', resolve).once('error', reject);
  });
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, length);
}

function verify(body: Buffer, signature: string, secret: string | null): void {
  if (secret === null)
    throw new Problem(401, 'Not verified', 'This server has no WEBHOOK_SECRET, so it accepts no webhooks.');
  const expected = Buffer.from(`sha256=${createHmac('sha256', secret).update(body).digest('hex')}`);
  const given = Buffer.from(signature);
  if (given.length !== expected.length || !timingSafeEqual(given, expected))
    throw new Problem(401, 'Not verified', 'X-Hub-Signature-256 does not match the body.');
}

/**
 * @param rest the request where its body is still coming: it is read away, as ending before its sender would reset
 * the connection, and lose the answer
 */
function send(
  response: ServerResponse,
  status: number,
  type: string,
  body: object,
  rest: IncomingMessage | null = null,
): void {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    ...SECURITY_HEADERS,
    'cache-control': 'no-store',
    'content-type': `${type}; charset=utf-8`,
    'content-length': Buffer.byteLength(text),
    // What is not read to its end must not be taken for the next request.
    ...(rest ? { connection: 'close' } : {}),
  });
  if (!rest) return void response.end(text);
  response.write(text);
  finished(rest.resume(), { signal: AbortSignal.timeout(LINGER_MS) })
    .catch(() => undefined)
    .finally(() => response.end());
}
