import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { ActiveFault, Faults } from './faults.js';
import { wantedBy } from './git/http-backend.js';
import { answerGit, isGitPath } from './git-route.js';
import { answerApi } from './rest.js';
import type { Answer } from './routes/route.js';
import type { World } from './world.js';

/** One request that arrived. */
export interface LoggedRequest {
  at: Date;
  method: string;
  /** As in GitHub's description, such as /repos/acme/web, or /acme/web.git/info/refs; percent-encoded as it came. */
  path: string;
  query: string;
  body: unknown;
  /** app, installation and its account, user and name, anonymous, or nobody where the credentials were bad. */
  authenticatedAs: string;
  /** 0 while there is no answer, and where the connection was broken before one. */
  status: number;
}

const LIMIT_PER_HOUR = 5000;

/** How much may be written; more is answered with GitHub's secondary rate limit. */
export interface WriteLimit {
  /** GitHub's is 80 content-generating requests in a minute. */
  requests: number;
  windowMs: number;
  /** What is answered in `retry-after`, for as long as everything written is refused. */
  retryAfterSeconds: number;
}

/** GitHub's side of HTTP: the API and git on one port of 127.0.0.1. */
export class FakeServer {
  readonly requests: LoggedRequest[] = [];
  private readonly server: Server;
  private used = 0;
  writeLimit: WriteLimit | null = null;
  private readonly writes: number[] = [];
  private shutUntil = 0;

  constructor(
    private readonly world: World,
    private readonly faults: Faults,
  ) {
    this.server = createServer((request, response) => {
      this.handle(request, response).catch((error: unknown) => {
        world.problem(`the fake itself failed at ${request.method} ${request.url}: ${String(error)}`);
        response.destroy();
      });
    });
  }

  /** Resolves with HOST:PORT. */
  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Ends requests that hang, too. */
  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    this.server.closeAllConnections();
    await closed;
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.world.urls.html);
    const method = request.method ?? 'GET';
    const path = url.pathname.replace(/^\/api\/v3/, '');
    const logged: LoggedRequest = {
      at: new Date(),
      method,
      path,
      query: url.search,
      body: undefined,
      authenticatedAs: 'nobody',
      status: 0,
    };
    this.requests.push(logged);
    response.setHeader('date', new Date(this.world.now()).toUTCString());
    response.on('close', () => {
      if (response.headersSent) logged.status = response.statusCode;
      this.world.changed();
    });
    const body = await readBody(request);
    // A clone asks git-upload-pack for refs first; what is to fail is the request for objects after it.
    const listsRefs = path.endsWith('/git-upload-pack') && wantedBy(request, body).length === 0;
    const fault = listsRefs ? undefined : this.faults.take(method, path);
    this.world.changed();
    if (fault?.delayMs) await delay(fault.delayMs);
    if (isGitPath(path)) {
      if (fault?.hang) return;
      if (fault?.status !== undefined) return send(response, faultAnswer(fault, fault.status));
      logged.authenticatedAs = await answerGit(this.world, request, response, url, body, fault);
      return;
    }
    if (fault && !fault.onlyAfterEffect) {
      if (fault.hang) return;
      if (fault.cut) return void response.destroy();
      if (fault.status !== undefined) {
        logged.body = body.toString();
        return send(response, faultAnswer(fault, fault.status));
      }
    }
    if (this.writesTooMuch(method, path)) {
      logged.body = body.toString();
      return send(response, this.secondaryLimit());
    }
    const answer = answerApi(this.world, { method, url, headers: request.headers, body });
    logged.body = answer.requestBody;
    logged.authenticatedAs = answer.authenticatedAs;
    // What was done counts even where nobody hears of it.
    this.world.changed();
    if (fault?.hang) return;
    if (fault?.cut) return cutShort(response, answer);
    send(
      response,
      fault?.status === undefined ? answer : faultAnswer(fault, fault.status),
      this.limitHeaders(),
    );
  }

  private writesTooMuch(method: string, path: string): boolean {
    if (!this.writeLimit || method === 'GET' || path.endsWith('/access_tokens')) return false;
    const { requests, windowMs, retryAfterSeconds } = this.writeLimit;
    const now = Date.now();
    this.writes.push(now);
    while (this.writes[0]! <= now - windowMs) this.writes.shift();
    if (now >= this.shutUntil && this.writes.length <= requests) return false;
    this.shutUntil = now + retryAfterSeconds * 1000;
    return true;
  }

  /** As GitHub words it. */
  private secondaryLimit(): Answer {
    return {
      status: 403,
      headers: { 'retry-after': String(this.writeLimit!.retryAfterSeconds) },
      body: {
        message: 'You have exceeded a secondary rate limit. Please wait a few minutes before you try again.',
        documentation_url:
          'https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits',
      },
    };
  }

  private limitHeaders(): Record<string, string> {
    this.used += 1;
    return {
      'x-ratelimit-limit': String(LIMIT_PER_HOUR),
      'x-ratelimit-remaining': String(Math.max(LIMIT_PER_HOUR - this.used, 0)),
      'x-ratelimit-used': String(this.used),
      'x-ratelimit-reset': String(Math.ceil(Date.now() / 1000) + 3600),
      'x-ratelimit-resource': 'core',
      'x-github-media-type': 'github.v3; format=json',
      'x-github-request-id': randomUUID(),
    };
  }
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

const faultAnswer = (fault: ActiveFault, status: number): Answer => ({
  status,
  body: fault.body ?? { message: `A fault that the test asked for (${status})`, documentation_url: '' },
  headers: fault.headers ?? {},
});

function encode(answer: Answer): { type: string; bytes: Buffer } {
  const { body } = answer;
  if (Buffer.isBuffer(body)) return { type: 'application/octet-stream', bytes: body };
  if (typeof body === 'string') return { type: 'text/plain; charset=utf-8', bytes: Buffer.from(body) };
  const text = body === undefined ? '' : JSON.stringify(body);
  return { type: 'application/json; charset=utf-8', bytes: Buffer.from(text) };
}

function send(response: ServerResponse, answer: Answer, headers: Record<string, string> = {}): void {
  const { type, bytes } = encode(answer);
  const content = answer.status === 204 ? {} : { 'content-type': type, 'content-length': bytes.length };
  response.writeHead(answer.status, { ...content, ...headers, ...answer.headers });
  response.end(answer.status === 204 ? undefined : bytes);
}

/** Sends half of an answer and breaks the connection. */
function cutShort(response: ServerResponse, answer: Answer): void {
  const { type, bytes } = encode(answer);
  response.writeHead(answer.status, { 'content-type': type, 'content-length': bytes.length + 1 });
  response.write(bytes.subarray(0, bytes.length / 2), () => response.destroy());
}
