/**
 * A Codegen API in memory, served over real HTTP on 127.0.0.1. It keeps runs as the real one does, answers in the
 * published shapes, follows a script of progress, and misbehaves when told to.
 */
import { EventEmitter, once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface FakeRun {
  id: number;
  status: string | null;
  prompt: string;
  result: string | null;
  summary: string | null;
  pullRequests: { url: string; title?: string; headBranch?: string }[];
  metadata: Record<string, unknown> | null;
  repositoryId: number | null;
  images: string[];
  /** Messages that the run was resumed with, in order. */
  messages: string[];
  logs: Record<string, unknown>[];
  createdAt: string;
}

export type RunChange = Partial<Pick<FakeRun, 'status' | 'result' | 'summary' | 'pullRequests' | 'logs'>>;

export type Operation = 'create' | 'get' | 'list' | 'resume' | 'logs' | 'repositories';

/** What goes wrong, once per `times`. With `afterEffect` the request still does what it asks for. */
export interface Fault {
  on?: Operation;
  times?: number;
  afterEffect?: boolean;
  /** An answer with this status; or no answer at all; or the connection closed. */
  with: { status: number; retryAfter?: string | number; body?: unknown } | 'hang' | 'cut' | { text: string };
}

export interface RecordedRequest {
  operation: Operation | null;
  method: string;
  /** With the query. */
  path: string;
  authorization: string | undefined;
  body: unknown;
}

export interface FakeCodegenOptions {
  apiKey?: string;
  organization?: string;
  /** Which forms of resuming the server has. */
  resume?: 'new' | 'older' | 'both';
  /** False: the alpha path of the logs answers 404. */
  hasLogs?: boolean;
  repositories?: { id: number; full_name: string }[];
}

export class FakeCodegen {
  readonly requests: RecordedRequest[] = [];
  readonly runs: FakeRun[] = [];
  readonly apiKey: string;
  readonly organization: string;
  resume: 'new' | 'older' | 'both';
  hasLogs: boolean;
  repositories: { id: number; full_name: string }[];
  /** Called when a run has been created or resumed, e.g. to push the commit that the agent makes. */
  onWork: (run: FakeRun, message: string) => void = () => undefined;

  private readonly faults: Fault[] = [];
  private readonly script: RunChange[] = [];
  private readonly events = new EventEmitter();
  private hanging = 0;

  private constructor(
    private readonly server: Server,
    options: FakeCodegenOptions,
  ) {
    this.apiKey = options.apiKey ?? 'fake-codegen-key';
    this.organization = options.organization ?? '7';
    this.resume = options.resume ?? 'new';
    this.hasLogs = options.hasLogs ?? true;
    this.repositories = options.repositories ?? [];
  }

  static async start(options: FakeCodegenOptions = {}): Promise<FakeCodegen> {
    const server = createServer();
    const fake = new FakeCodegen(server, options);
    server.on('request', (request, response) => {
      fake.handle(request, response).catch((error: unknown) => response.destroy(error as Error));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return fake;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }

  /** Adds steps to the script: each look at a run (GET) that has not ended takes one and shows its effect. */
  next(...steps: RunChange[]): void {
    this.script.push(...steps);
  }

  /** Changes a run at once; by default the newest. */
  update(change: RunChange, id?: number): void {
    const run = id === undefined ? this.runs.at(-1) : this.runs.find((one) => one.id === id);
    if (!run) throw new Error(`The fake agent has no run ${id ?? 'at all'}`);
    Object.assign(run, change);
  }

  fail(fault: Fault): void {
    this.faults.push({ ...fault });
  }

  /** Nothing goes wrong any more. */
  forgive(): void {
    this.faults.length = 0;
  }

  /** Resolves when there are `count` runs. */
  async runsCreated(count: number): Promise<FakeRun[]> {
    while (this.runs.length < count) await once(this.events, 'work');
    return this.runs;
  }

  /** Resolves when a request hangs by a fault. */
  async requestHangs(): Promise<void> {
    while (this.hanging === 0) await once(this.events, 'hang');
  }

  requestsOf(operation: Operation): RecordedRequest[] {
    return this.requests.filter((request) => request.operation === operation);
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const raw = Buffer.concat(chunks).toString('utf8');
    const url = new URL(request.url ?? '/', this.url);
    const route = this.route(request.method ?? 'GET', url.pathname);
    const { authorization } = request.headers;
    const body = raw === '' ? null : (JSON.parse(raw) as unknown);
    this.requests.push({
      operation: route?.operation ?? null,
      method: request.method ?? 'GET',
      path: request.url ?? '/',
      authorization,
      body,
    });
    const fault = this.takeFault(route?.operation);
    if (fault && !fault.afterEffect) return this.misbehave(fault, response);
    const [status, answer] = this.answer(route, authorization, body as Record<string, unknown> | null, url);
    if (fault) return this.misbehave(fault, response);
    send(response, status, answer);
  }

  private takeFault(operation: Operation | undefined): Fault | undefined {
    const index = this.faults.findIndex((fault) => fault.on === undefined || fault.on === operation);
    const fault = this.faults[index];
    if (!fault) return undefined;
    fault.times = (fault.times ?? 1) - 1;
    if (fault.times <= 0) this.faults.splice(index, 1);
    return fault;
  }

  private misbehave(fault: Fault, response: ServerResponse): void {
    if (fault.with === 'cut') response.destroy();
    else if (fault.with === 'hang') {
      this.hanging++;
      response.on('close', () => this.hanging--);
      this.events.emit('hang');
    } else if ('text' in fault.with) response.writeHead(200).end(fault.with.text);
    else {
      const { status, retryAfter, body } = fault.with;
      if (retryAfter !== undefined) response.setHeader('retry-after', String(retryAfter));
      send(response, status, body ?? { message: `fault ${status}`, status_code: status });
    }
  }

  private route(method: string, path: string): { operation: Operation; id?: number } | null {
    const match = /^\/v1\/(?:alpha\/)?organizations\/([^/]+)\/(.+)$/.exec(path);
    if (!match || decodeURIComponent(match[1] ?? '') !== this.organization) return null;
    const rest = `${method} ${match[2]}`;
    const id = Number(/\/run\/(\d+)/.exec(rest)?.[1]);
    if (rest === 'POST agent/run') return { operation: 'create' };
    if (rest === 'GET agent/runs') return { operation: 'list' };
    if (rest === 'GET repos') return { operation: 'repositories' };
    if (rest === 'POST agent/run/resume' && this.resume !== 'older') return { operation: 'resume' };
    if (/^POST agent\/run\/\d+\/resume$/.test(rest) && this.resume !== 'new') {
      return { operation: 'resume', id };
    }
    if (/^GET agent\/run\/\d+$/.test(rest)) return { operation: 'get', id };
    if (/^GET agent\/run\/\d+\/logs$/.test(rest) && path.startsWith('/v1/alpha/') && this.hasLogs) {
      return { operation: 'logs', id };
    }
    return null;
  }

  private answer(
    route: { operation: Operation; id?: number } | null,
    authorization: string | undefined,
    body: Record<string, unknown> | null,
    url: URL,
  ): [status: number, answer: unknown] {
    if (authorization !== `Bearer ${this.apiKey}`) return [401, { detail: 'Invalid authentication token' }];
    if (!route) return [404, { detail: 'Not Found' }];
    if (route.operation === 'create') return this.create(body);
    if (route.operation === 'list') return [200, page(url, [...this.runs].reverse().map(this.shown))];
    if (route.operation === 'repositories') return [200, page(url, this.repositories)];
    const run = this.runs.find((one) => one.id === (route.id ?? body?.['agent_run_id']));
    if (!run) return [404, { message: 'Agent run not found.', status_code: 404 }];
    if (route.operation === 'resume') return this.continue(run, route.id === undefined, body);
    if (route.operation === 'logs') {
      const { items, total } = page(url, run.logs);
      return [200, { ...this.shown(run), logs: items, total_logs: total }];
    }
    if (!ENDED.test(run.status ?? '')) Object.assign(run, this.script.shift());
    return [200, this.shown(run)];
  }

  private create(body: Record<string, unknown> | null): [number, unknown] {
    const { prompt, metadata, repo_id, images } = body ?? {};
    if (typeof prompt !== 'string') return invalid('prompt');
    if (repo_id !== undefined && !Number.isInteger(repo_id)) return invalid('repo_id');
    const run: FakeRun = {
      id: 1000 + this.runs.length,
      status: 'ACTIVE',
      prompt,
      result: null,
      summary: null,
      pullRequests: [],
      metadata: (metadata ?? null) as FakeRun['metadata'],
      repositoryId: (repo_id ?? null) as number | null,
      images: (images ?? []) as string[],
      messages: [],
      logs: [],
      createdAt: new Date().toISOString(),
    };
    this.runs.push(run);
    this.work(run, prompt);
    return [200, this.shown(run)];
  }

  private continue(run: FakeRun, newForm: boolean, body: Record<string, unknown> | null): [number, unknown] {
    const message = body?.[newForm ? 'prompt' : 'message'];
    if (typeof message !== 'string') return invalid(newForm ? 'prompt' : 'message');
    run.messages.push(message);
    run.status = 'ACTIVE';
    this.work(run, message);
    return [200, this.shown(run)];
  }

  private work(run: FakeRun, message: string): void {
    this.onWork(run, message);
    this.events.emit('work');
  }

  /** As in the published description; times without a zone, as Python writes them. */
  private readonly shown = (run: FakeRun): Record<string, unknown> => ({
    id: run.id,
    organization_id: Number(this.organization),
    status: run.status,
    created_at: run.createdAt.replace('Z', ''),
    web_url: `https://codegen.example/agent/trace/${run.id}`,
    result: run.result,
    summary: run.summary,
    source_type: 'API',
    github_pull_requests: run.pullRequests.map(({ url, title, headBranch }, index) => ({
      id: index + 1,
      title: title ?? null,
      url,
      created_at: run.createdAt,
      head_branch_name: headBranch ?? null,
    })),
    metadata: run.metadata,
  });
}

const ENDED = /^(?:completed?|failed|error|cancell?ed|stopped)$/i;

function page<T>(
  url: URL,
  all: T[],
): { items: T[]; total: number; page: number; size: number; pages: number } {
  const skip = Number(url.searchParams.get('skip') ?? 0);
  const size = Number(url.searchParams.get('limit') ?? 100);
  return {
    items: all.slice(skip, skip + size),
    total: all.length,
    page: Math.floor(skip / size) + 1,
    size,
    pages: Math.ceil(all.length / size),
  };
}

const invalid = (field: string): [number, unknown] => [
  422,
  { detail: [{ loc: ['body', field], msg: 'Field required', type: 'missing' }] },
];

function send(response: ServerResponse, status: number, answer: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
}
