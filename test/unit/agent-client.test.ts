import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { inspect } from 'node:util';
import { createCodegenClient } from '../../src/agent/client.js';
import type { CodegenClient, RunMetadata } from '../../src/agent/client.js';
import { CodegenError } from '../../src/agent/errors.js';
import { readStatus } from '../../src/agent/answers.js';
import { readRetryAfter } from '../../src/agent/http.js';
import type { HttpOptions } from '../../src/agent/http.js';
import { nextLookMs, RUN_DEADLINE_MS } from '../../src/agent/poll.js';
import { FakeCodegen } from '../support/fake-codegen.js';

const metadata: RunMetadata = {
  project_id: 'p1',
  pull_request_number: 12,
  pipeline_id: 'pipe-1',
  attempt: 1,
  repository: 'acme/shop',
  head_sha: 'a'.repeat(40),
  request_id: 'run-1',
};

let fake: FakeCodegen;
let slept: number[];
let client: CodegenClient;

const clientWith = (options: Partial<HttpOptions> = {}): CodegenClient =>
  createCodegenClient({
    baseUrl: `${fake.url}/`,
    apiKey: fake.apiKey,
    organization: fake.organization,
    sleep: (ms) => {
      slept.push(ms);
      return Promise.resolve();
    },
    ...options,
  });

/** The error that a call rejects with. */
async function errorOf(call: Promise<unknown>): Promise<CodegenError> {
  const error: unknown = await call.then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(CodegenError);
  return error as CodegenError;
}

beforeEach(async () => {
  fake = await FakeCodegen.start();
  slept = [];
  client = clientWith();
});
afterEach(() => fake.close());

describe('creating a run', () => {
  it('sends prompt, metadata, repository and pictures, and reads the run', async () => {
    const run = await client.createRun({
      prompt: 'Fix it',
      metadata,
      repositoryId: 5,
      images: ['data:image/png;base64,AAAA'],
    });
    expect(fake.requests).toEqual([
      {
        operation: 'create',
        method: 'POST',
        path: '/v1/organizations/7/agent/run',
        authorization: `Bearer ${fake.apiKey}`,
        body: { prompt: 'Fix it', metadata, repo_id: 5, images: ['data:image/png;base64,AAAA'] },
      },
    ]);
    expect(run).toMatchObject({
      id: '1000',
      status: { state: 'running', raw: 'ACTIVE' },
      webUrl: 'https://codegen.example/agent/trace/1000',
      result: null,
      pullRequests: [],
      metadata,
    });
    expect(run.createdAt?.toISOString()).toBe(fake.runs[0]?.createdAt);
  });

  it.each([
    { name: 'the connection is cut', fault: 'cut' as const },
    { name: 'the server answers 502', fault: { status: 502 } },
    { name: 'the answer is no JSON', fault: { text: '<html>proxy</html>' } },
  ])('finds the run again when $name after it was created', async ({ fault }) => {
    fake.fail({ on: 'create', with: fault, afterEffect: true });
    const run = await client.createRun({ prompt: 'Fix it', metadata });
    expect(run.id).toBe('1000');
    expect(fake.runs).toHaveLength(1);
    expect(fake.requests.map((request) => request.operation)).toEqual(['create', 'list']);
  });

  it('finds the run again when the answer never comes', async () => {
    const limits: AbortController[] = [];
    client = clientWith({
      timeLimit: () => {
        const controller = new AbortController();
        limits.push(controller);
        return controller.signal;
      },
    });
    fake.fail({ on: 'create', with: 'hang', afterEffect: true });
    const creating = client.createRun({ prompt: 'Fix it', metadata });
    await fake.requestHangs();
    limits[0]?.abort();
    expect((await creating).id).toBe('1000');
    expect(fake.runs).toHaveLength(1);
  });

  it('repeats a create that had no effect, after looking', async () => {
    fake.fail({ on: 'create', with: 'cut' });
    await client.createRun({ prompt: 'Fix it', metadata });
    expect(fake.runs).toHaveLength(1);
    expect(fake.requests.map((request) => request.operation)).toEqual(['create', 'list', 'create']);
    expect(slept).toEqual([5000]);
  });

  it('does not repeat a create while it cannot look, and says that the outcome is not known', async () => {
    fake.fail({ on: 'create', with: { status: 503 }, afterEffect: true });
    fake.fail({ on: 'list', with: { status: 503 }, times: 100 });
    const error = await errorOf(client.createRun({ prompt: 'Fix it', metadata }));
    expect(error).toMatchObject({ kind: 'unavailable', status: 503, retryable: true, effectUnknown: true });
    expect(fake.requestsOf('create')).toHaveLength(1);
  });

  it('looks once more after the last try', async () => {
    client = clientWith({ maxTries: 1 });
    fake.fail({ on: 'create', with: { status: 500 }, afterEffect: true });
    expect((await client.createRun({ prompt: 'Fix it', metadata })).id).toBe('1000');
    expect(fake.requestsOf('create')).toHaveLength(1);
  });

  it('looks first where the run may exist from before a restart', async () => {
    const first = await client.createRun({ prompt: 'Fix it', metadata });
    const again = await clientWith().createRun(
      { prompt: 'Fix it', metadata },
      { mayExist: { since: new Date() } },
    );
    expect(again.id).toBe(first.id);
    expect(fake.runs).toHaveLength(1);
  });

  it('does not take a run of another request for its own', async () => {
    await client.createRun({ prompt: 'Fix it', metadata });
    await client.createRun(
      { prompt: 'Fix it', metadata: { ...metadata, request_id: 'run-2' } },
      { mayExist: { since: new Date() } },
    );
    expect(fake.runs).toHaveLength(2);
  });

  it.each([
    { status: 401, kind: 'unauthorized', message: 'Codegen does not accept the API key of this server.' },
    { status: 402, kind: 'out_of_runs', message: 'The Codegen organization has used up its agent runs.' },
    {
      status: 403,
      kind: 'forbidden',
      message: 'Codegen does not let this server work in the organization 7.',
    },
    {
      status: 404,
      kind: 'not_found',
      message: 'Codegen does not find what was asked for. It says: fault 404',
    },
    {
      status: 422,
      kind: 'refused',
      message: 'Codegen did not accept the request (HTTP 422). It says: fault 422',
    },
    {
      status: 307,
      kind: 'refused',
      message: 'Codegen did not accept the request (HTTP 307). It says: fault 307',
    },
  ])('explains $status and does not repeat it', async ({ status, kind, message }) => {
    fake.fail({ on: 'create', with: { status } });
    const error = await errorOf(client.createRun({ prompt: 'Fix it', metadata }));
    expect(error).toMatchObject({ kind, status, message, retryable: false, effectUnknown: false });
    expect(error.advice).not.toBe('');
    expect(fake.requests).toHaveLength(1);
    expect(slept).toEqual([]);
  });

  it('names the field that the API does not accept', async () => {
    const body = { detail: [{ loc: ['body', 'prompt'], msg: 'Field required', type: 'missing' }] };
    fake.fail({ on: 'create', with: { status: 422, body } });
    const error = await errorOf(client.createRun({ prompt: '', metadata }));
    expect(error.message).toContain('body.prompt: Field required');
  });

  it('waits as long as a 429 says, and then repeats without looking', async () => {
    fake.fail({ on: 'create', with: { status: 429, retryAfter: 7 } });
    await client.createRun({ prompt: 'Fix it', metadata });
    expect(slept).toEqual([7000]);
    expect(fake.requests.map((request) => request.operation)).toEqual(['create', 'create']);
  });

  it('leaves a wait over the bound to its caller', async () => {
    fake.fail({ on: 'create', with: { status: 429, retryAfter: 3600 } });
    const error = await errorOf(client.createRun({ prompt: 'Fix it', metadata }));
    expect(error).toMatchObject({ kind: 'rate_limited', retryable: true, retryAfterMs: 3_600_000 });
    expect(slept).toEqual([]);
  });
});

describe('looking at runs', () => {
  it('follows a run to its end', async () => {
    const { id } = await client.createRun({ prompt: 'Fix it', metadata });
    fake.next(
      { status: 'ACTIVE' },
      {
        status: 'COMPLETE',
        result: 'Done.',
        summary: 'Fixed add()',
        pullRequests: [{ url: 'https://github.com/acme/shop/pull/13', title: 'Fix', headBranch: 'fix' }],
      },
    );
    expect((await client.getRun(id)).status.state).toBe('running');
    expect(await client.getRun(id)).toMatchObject({
      status: { state: 'complete', raw: 'COMPLETE' },
      result: 'Done.',
      summary: 'Fixed add()',
      pullRequests: [{ url: 'https://github.com/acme/shop/pull/13', title: 'Fix', headBranch: 'fix' }],
    });
  });

  it('doubles its waits through 5xx answers and gives up after the last try', async () => {
    fake.fail({ on: 'get', with: { status: 500 }, times: 4 });
    const error = await errorOf(client.getRun('1'));
    expect(error).toMatchObject({ kind: 'unavailable', status: 500, retryable: true, effectUnknown: false });
    expect(slept).toEqual([1000, 2000, 4000]);
    expect(fake.requests).toHaveLength(4);
  });

  it('reads answers with missing, extra and wrong fields', async () => {
    const body = {
      id: 'abc',
      new_field: 1,
      status: 12,
      web_url: 'javascript:alert(1)',
      result: { no: 'text' },
      github_pull_requests: [null, { url: null }, { url: 'https://h/a/b/pull/1' }, 'x'],
      metadata: [],
      created_at: 'yesterday',
    };
    fake.fail({ on: 'get', with: { text: JSON.stringify(body) } });
    expect(await client.getRun('1')).toEqual({
      id: 'abc',
      status: { state: 'running', raw: '' },
      webUrl: null,
      result: null,
      summary: null,
      pullRequests: [{ url: 'https://h/a/b/pull/1', title: null, headBranch: null }],
      metadata: null,
      createdAt: null,
    });
    fake.fail({ on: 'get', with: { text: '{"id": 1}' } });
    expect((await client.getRun('1')).id).toBe('1');
  });

  it('does not accept an answer without an id', async () => {
    fake.fail({ on: 'get', with: { text: '{"status":"COMPLETE"}' }, times: 4 });
    expect((await errorOf(client.getRun('1'))).kind).toBe('bad_answer');
  });

  it('finds a run among several pages, and stops at runs that are too old', async () => {
    const run = await client.createRun({ prompt: 'Fix it', metadata });
    for (let n = 0; n < 120; n++) {
      await client.createRun({ prompt: 'other', metadata: { ...metadata, request_id: `other-${n}` } });
    }
    expect((await client.findRun(metadata))?.id).toBe(run.id);
    expect(fake.requestsOf('list').map(({ path }) => path.split('?')[1])).toEqual([
      'skip=0&limit=100',
      'skip=100&limit=100',
    ]);
    const later = new Date(Date.now() + 60 * 60_000);
    expect(await client.findRun(metadata, { since: later })).toBeNull();
    expect(fake.requestsOf('list')).toHaveLength(3);
  });

  it('reads the log page by page, and answers null where the API has none', async () => {
    const { id } = await client.createRun({ prompt: 'Fix it', metadata });
    fake.update({
      logs: [
        { agent_run_id: 1000, created_at: '2025-01-02T03:04:05', message_type: 'ACTION', thought: 'Hm' },
        { agent_run_id: 1000, tool_name: 'bash', observation: { out: 'ok' } },
        { agent_run_id: 1000, tool_output: { code: 0 } },
      ],
    });
    expect(await client.getLogs(id, { limit: 2 })).toEqual({
      entries: [
        { createdAt: new Date('2025-01-02T03:04:05Z'), kind: 'ACTION', tool: null, text: 'Hm' },
        { createdAt: null, kind: null, tool: 'bash', text: '{"out":"ok"}' },
      ],
      total: 3,
    });
    expect((await client.getLogs(id, { skip: 2 }))?.entries.map(({ text }) => text)).toEqual(['{"code":0}']);
    fake.hasLogs = false;
    expect(await client.getLogs(id)).toBeNull();
  });

  it('finds the repository’s id whatever its case', async () => {
    fake.repositories = [
      { id: 3, full_name: 'acme/other' },
      { id: 4, full_name: 'Acme/Shop' },
    ];
    expect(await client.findRepositoryId('acme/shop')).toBe(4);
    expect(await client.findRepositoryId('acme/none')).toBeNull();
  });
});

describe('resuming a run', () => {
  beforeEach(async () => {
    await client.createRun({ prompt: 'Plan it', metadata });
    fake.update({ status: 'COMPLETE', result: '## Plan' });
  });

  it('uses the published form', async () => {
    expect((await client.resumeRun('1000', 'Go')).status.state).toBe('running');
    expect(fake.requestsOf('resume').map(({ path, body }) => ({ path, body }))).toEqual([
      { path: '/v1/organizations/7/agent/run/resume', body: { agent_run_id: 1000, prompt: 'Go' } },
    ]);
  });

  it('falls back to the older form where the server does not know the other, and remembers that', async () => {
    fake.resume = 'older';
    await client.resumeRun('1000', 'Go');
    await client.resumeRun('1000', 'Go on');
    expect(fake.runs[0]?.messages).toEqual(['Go', 'Go on']);
    expect(fake.requests.slice(1).map(({ path, body }) => ({ path, body }))).toEqual([
      { path: '/v1/organizations/7/agent/run/resume', body: { agent_run_id: 1000, prompt: 'Go' } },
      { path: '/v1/organizations/7/agent/run/1000/resume', body: { message: 'Go' } },
      { path: '/v1/organizations/7/agent/run/1000/resume', body: { message: 'Go on' } },
    ]);
  });

  it('returns to the published form when the server has been upgraded', async () => {
    fake.resume = 'older';
    await client.resumeRun('1000', 'Go');
    fake.resume = 'new';
    await client.resumeRun('1000', 'Go on');
    expect(fake.runs[0]?.messages).toEqual(['Go', 'Go on']);
  });

  it('falls back on 405 as well', async () => {
    fake.resume = 'both';
    fake.fail({ on: 'resume', with: { status: 405 } });
    await client.resumeRun('1000', 'Go');
    expect(fake.requests.at(-1)?.path).toBe('/v1/organizations/7/agent/run/1000/resume');
  });

  it('says that the run is not there when neither form finds it', async () => {
    expect((await errorOf(client.resumeRun('55', 'Go'))).kind).toBe('not_found');
  });

  it('does not send a message twice: it sees that the run goes on', async () => {
    const before = await client.getRun('1000');
    fake.fail({ on: 'resume', with: 'cut', afterEffect: true });
    expect((await client.resumeRun('1000', 'Go', { before })).status.state).toBe('running');
    expect(fake.runs[0]?.messages).toEqual(['Go']);
  });

  it('sees that the run has gone on and ended already', async () => {
    const before = await client.getRun('1000');
    fake.onWork = () => setImmediate(() => fake.update({ status: 'COMPLETE', result: 'All done' }));
    fake.fail({ on: 'resume', with: 'cut', afterEffect: true });
    expect((await client.resumeRun('1000', 'Go', { before })).result).toBe('All done');
    expect(fake.runs[0]?.messages).toEqual(['Go']);
  });

  it('leaves it to a person where nothing tells whether the message arrived', async () => {
    const before = await client.getRun('1000');
    fake.fail({ on: 'resume', with: 'cut' });
    const error = await errorOf(client.resumeRun('1000', 'Go', { before }));
    expect(error).toMatchObject({ effectUnknown: true, retryable: false });
    expect(fake.requestsOf('resume')).toHaveLength(1);
  });
});

describe('keeping the key and the time', () => {
  it('shows the key in no error, and nowhere in the client', async () => {
    const body = { message: `the key ${fake.apiKey} is bad` };
    fake.fail({ on: 'get', with: { status: 401, body } });
    const refused = await errorOf(client.getRun('1'));
    expect(refused.advice).toContain('the key *** is bad');
    const broken = clientWith({ apiKey: 'line\nbreak-secret', maxTries: 1 });
    const gone = await FakeCodegen.start();
    const goneUrl = gone.url;
    await gone.close();
    const unreachable = clientWith({ baseUrl: goneUrl, maxTries: 1 });
    const errors = [refused, await errorOf(broken.getRun('1')), await errorOf(unreachable.getRun('1'))];
    for (const error of errors) {
      expect(inspect(error, { depth: 10 })).not.toContain(fake.apiKey);
      expect(inspect(error, { depth: 10 })).not.toContain('break-secret');
    }
    expect(errors[2]?.message).toBe('Codegen cannot be reached (ECONNREFUSED).');
    expect(inspect(client, { depth: 10, showHidden: true })).not.toContain(fake.apiKey);
  });

  it('stops waiting when it is told to', async () => {
    const stop = new AbortController();
    fake.fail({ on: 'get', with: 'hang' });
    const looking = client.getRun('1', { signal: stop.signal });
    await fake.requestHangs();
    stop.abort(new Error('shutting down'));
    await expect(looking).rejects.toThrow('shutting down');
    expect(slept).toEqual([]);
  });

  it('probes with one request', async () => {
    expect(await client.probe()).toEqual({
      ok: true,
      detail: 'Codegen accepts the API key for organization 7.',
    });
    fake.fail({ with: { status: 403 } });
    expect(await client.probe()).toMatchObject({
      ok: false,
      problem: 'Codegen does not let this server work in the organization 7.',
    });
    fake.fail({ with: { status: 500 } });
    expect((await client.probe()).ok).toBe(false);
    expect(fake.requests).toHaveLength(3);
  });
});

describe('readStatus', () => {
  it.each([
    ['COMPLETE', 'complete'],
    ['completed', 'complete'],
    ['Failed', 'failed'],
    ['ERROR', 'failed'],
    ['CANCELLED', 'cancelled'],
    ['canceled', 'cancelled'],
    [' stopped ', 'cancelled'],
    ['ACTIVE', 'running'],
    ['PAUSED', 'running'],
    ['something new', 'running'],
    [null, 'running'],
  ])('%s is %s', (raw, state) => expect(readStatus(raw).state).toBe(state));
});

describe('readRetryAfter', () => {
  const now = Date.parse('2025-01-01T00:00:00Z');
  it.each([
    ['5', 5000],
    ['0.5', 500],
    ['-3', 0],
    ['Wed, 01 Jan 2025 00:00:30 GMT', 30_000],
    ['Tue, 31 Dec 2024 00:00:00 GMT', 0],
    ['soon', null],
    ['', null],
    [null, null],
  ])('%s', (header, expected) => expect(readRetryAfter(header, now)).toBe(expected));
});

describe('nextLookMs', () => {
  it('keeps its pace at first, slows down, and ends at the deadline', () => {
    const minutes = (n: number) => n * 60_000;
    expect(nextLookMs(0, 15)).toBe(15_000);
    expect(nextLookMs(minutes(10), 15)).toBe(15_000);
    expect(nextLookMs(minutes(60), 15)).toBe(90_000);
    expect(nextLookMs(minutes(300), 15)).toBe(300_000);
    expect(nextLookMs(RUN_DEADLINE_MS - 1000, 15)).toBe(1000);
    expect(nextLookMs(RUN_DEADLINE_MS, 15)).toBeNull();
  });
});
