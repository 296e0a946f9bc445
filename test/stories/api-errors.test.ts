/* eslint-disable @typescript-eslint/no-unsafe-assignment, @typescript-eslint/no-unsafe-member-access --
   answers are checked against the OpenAPI document as they come */
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { request } from 'node:http';
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { RunCallbacks } from '../../src/agent/callback.js';
import { ProjectSetting, WebhookEvent } from '../../src/database/entities/index.js';
import { newId } from '../../src/domain/ids.js';
import { ApiClient, storyOn, type Answer } from '../support/api.js';
import { onEachDatabase } from '../support/databases.js';
import { FakeCodegen } from '../support/fake-codegen.js';
import type { FakePullRequest } from '../support/fake-github/index.js';
import { scripted, type Story } from '../support/story.js';

/** What each takes. */
const BODIES: Record<string, unknown> = {
  '/webhooks/{webhookId}': { action: 'x' },
  '/api/projects': { fullName: 'acme/late' },
  '/api/projects/{id}': {},
  '/api/projects/{id}/settings/{key}': { value: 'off' },
  '/api/projects/{id}/pipelines': { pullRequestNumber: 1 },
  '/api/projects/{id}/agent-runs': { prompt: 'x' },
  '/api/agent-runs/{id}/resume': { message: 'x' },
};

const SECRETS_KEY = Buffer.alloc(32, 7);
const callbacks = new RunCallbacks(SECRETS_KEY, '');
/** The path of a callback with its signature; others as they are. */
const signed = (path: string) =>
  path.replace(/^\/api\/agent-runs\/([\w-]+)\/callback$/, (_, id: string) => callbacks.urlOf(id)!);

onEachDatabase('every error of every row', (databases) => {
  let story: Story;
  let api: ApiClient;
  let codegen: FakeCodegen;
  let projectId: string;
  let other: string;
  let pr: FakePullRequest;
  let pipelineId: string;
  let eventId: string;
  let runId: string;
  const operations: [method: string, template: string, codes: string[]][] = [];
  beforeAll(async () => {
    codegen = await FakeCodegen.start({ apiKey: 'a key of the tests' });
    story = await storyOn(databases, {
      env: {
        SECRETS_KEY: SECRETS_KEY.toString('base64'),
        CODEGEN_API_KEY: codegen.apiKey,
        CODEGEN_ORG_ID: codegen.organization,
        CODEGEN_API_BASE_URL: codegen.url,
      },
    });
    api = await ApiClient.of(story);
    for (const [template, item] of Object.entries(api.document.paths))
      for (const [method, { responses }] of Object.entries(item))
        operations.push([method, template, Object.keys(responses)]);

    const repository = story.github.createRepository('acme/web', {
      files: scripted({ test_commands: 'true' }),
    });
    repository.commit('feature', { 'feature.txt': 'done' });
    pr = repository.openPullRequest({ head: 'feature' });
    await story.deliver(pr.opened);
    await story.completedCheck(repository, pr.headSha);
    await story.settled();
    projectId = (await api.get('/api/projects')).body.items[0].id;
    other = (await api.post('/api/projects', { fullName: 'acme/other' })).body.id;
    pipelineId = (await api.get(`/api/projects/${projectId}/pipelines`)).body.items[0].id;
    eventId = (await story.app.database.read.findOneByOrFail(WebhookEvent, { projectId })).id;
    runId = (await api.post(`/api/projects/${projectId}/agent-runs`, { prompt: 'Do it' })).body.id;
    await story.until(
      async () => (await api.get(`/api/agent-runs/${runId}`)).body.remoteId !== null,
      'a run that Codegen has accepted',
    );
  });
  afterAll(async () => {
    // Its database is closed already.
    await story.end().catch(() => undefined);
    await codegen.close();
  });

  /** A path that leads to something that is there, signed where that is asked for. */
  const at = (template: string) =>
    signed(
      template
        .replace(/\{(projectId|webhookId)\}/, projectId)
        .replace('{eventId}', eventId)
        .replace('/api/pipelines/{id}', `/api/pipelines/${pipelineId}`)
        .replace('/api/agent-runs/{id}', `/api/agent-runs/${runId}`)
        .replace('{id}', projectId)
        .replace('{key}', 'ai_review'),
    );
  const having = (code: number) => operations.filter(([, , codes]) => codes.includes(String(code)));
  const bodyOf = (method: string) => (method === 'post' || method === 'put' ? '{}' : undefined);
  /** Signed as GitHub does it. */
  const hook = (path: string, payload: unknown, headers: Record<string, string> = {}) => {
    const body = typeof payload === 'string' ? payload : JSON.stringify(payload);
    const signature = createHmac('sha256', story.github.webhookSecret).update(body).digest('hex');
    return api.call('post', path, {
      anonymous: true,
      body,
      headers: {
        'x-github-event': 'pull_request',
        'x-github-delivery': newId(),
        'x-hub-signature-256': `sha256=${signature}`,
        ...headers,
      },
    });
  };
  const hooks = () => ['/api/github/webhooks', `/webhooks/${projectId}`];
  const expectStatus = (code: number, where: string, { status, text }: Answer) =>
    expect([where, status, status === code ? '' : text]).toEqual([where, code, '']);

  it('404: what is not there', async () => {
    for (const id of ['%00', '__proto__', '..%2f..'])
      expectStatus(404, id, await hook(`/webhooks/${id}`, {}));
    for (const [method, template] of having(404)) {
      const path = template.includes('{')
        ? signed(template.replace(/\{\w+\}/, newId()).replace('{key}', 'ai_review'))
        : `${template}?projectId=${newId()}`;
      const body = method === 'get' || method === 'delete' ? undefined : BODIES[template];
      const answer = template.includes('webhookId')
        ? await hook(path, body)
        : await api.call(method, path, { body });
      expectStatus(404, `${method} ${path}`, answer);
    }
  });

  it('400: fields and parameters that are wrong or unknown', async () => {
    for (const [method, template] of having(400)) {
      if (template.includes('webhooks') && method === 'post' && !template.includes('replay')) continue;
      const call = method === 'get' ? {} : { body: { nobody: 'knows' } };
      const path = at(template);
      const query = path.includes('?') ? '&nobody=knows' : method === 'get' ? '?nobody=knows' : '';
      expectStatus(400, `${method} ${template}`, await api.call(method, path + query, call));
      if (path.includes('?')) expectStatus(400, template, await api.call(method, path, { body: '{' }));
    }
    for (const path of hooks()) {
      for (const payload of ['[]', '{', '', '"x"']) expectStatus(400, path, await hook(path, payload));
      expectStatus(400, path, await hook(path, {}, { 'x-github-event': '' }));
    }
  });

  it('401 and 403: without the token, from elsewhere, for another repository', async () => {
    for (const [method, template] of having(401)) {
      if (template === '/api/github/webhooks' || template === '/webhooks/{webhookId}') continue;
      const call = { anonymous: true, ...(bodyOf(method) ? { body: '{}' } : {}) };
      const [path] = at(template).split('?') as [string];
      expectStatus(401, `${method} ${template}`, await api.call(method, path, call));
    }
    const callback = '/api/agent-runs/{id}/callback';
    const ofAnother = at(callback).replace(runId, newId());
    for (const path of [at(callback).slice(0, -1), ofAnother, `/api/agent-runs/${runId}/callback?signature=`])
      expectStatus(401, path, await api.post(path));
    for (const path of hooks())
      for (const signature of ['', 'sha256=0', `sha256=${'0'.repeat(64)}`])
        expectStatus(401, path, await hook(path, {}, { 'x-hub-signature-256': signature }));

    for (const [method, template] of having(403)) {
      if (template === '/webhooks/{webhookId}') continue;
      // fetch says the host itself.
      const answer = await new Promise<{ status: number; text: string }>((resolve, reject) => {
        const headers = { host: 'evil.example.com', authorization: 'Bearer a token of the tests' };
        request({
          host: '127.0.0.1',
          port: story.port,
          path: at(template),
          method: method.toUpperCase(),
          headers,
        })
          .once('response', (response) => {
            let text = '';
            response.on('data', (chunk: Buffer) => (text += chunk.toString()));
            response.once('end', () => resolve({ status: response.statusCode!, text }));
          })
          .once('error', reject)
          .end();
      });
      expect([template, answer.status]).toEqual([template, 403]);
      api.expectSchema('Problem', JSON.parse(answer.text));
      api.seen.add(`${method} ${template} 403`);
      if (method !== 'get') {
        const headers = { origin: 'https://evil.example.com' };
        const crossed = await api.call(method, at(template), {
          headers,
          ...(bodyOf(method) ? { body: '{}' } : {}),
        });
        expectStatus(403, template, crossed);
      }
    }
    const foreign = { action: 'opened', repository: { id: 4711, full_name: 'another/repository' } };
    expectStatus(403, 'another repository', await hook(`/webhooks/${projectId}`, foreign));
  });

  it('413 and 415: bodies that are too large or not JSON', async () => {
    for (const [method, template] of having(413)) {
      const isHook = template === '/api/github/webhooks' || template === '/webhooks/{webhookId}';
      const body = JSON.stringify({ x: 'x'.repeat((isHook ? 25 : 1) * 1024 * 1024) });
      expectStatus(
        413,
        template,
        isHook ? await hook(at(template), body) : await api.call(method, at(template), { body }),
      );
    }
    for (const [method, template] of having(415)) {
      const call = { body: 'a=b', headers: { 'content-type': 'application/x-www-form-urlencoded' } };
      const isHook = template === '/api/github/webhooks' || template === '/webhooks/{webhookId}';
      const answer = isHook
        ? await hook(at(template), {}, { 'content-encoding': 'gzip' })
        : await api.call(method, at(template), call);
      expectStatus(415, `${method} ${template}`, answer);
    }
    for (const path of hooks()) {
      for (const encoding of ['br', 'deflate', 'gzip, identity'])
        expectStatus(415, path, await hook(path, {}, { 'content-encoding': encoding }));
      // In chunks, whose sum is not announced.
      const status = await new Promise<number>((resolve, reject) => {
        const sent = request(`${story.url}${path}`, { method: 'POST' })
          .once('response', (response) => resolve(response.resume().statusCode!))
          .on('error', reject);
        for (let n = 0; n < 26; n++) sent.write(Buffer.alloc(1024 * 1024, ' '));
        sent.end();
      });
      expect([path, status]).toEqual([path, 413]);

      // Whoever has announced too much may send it all, and is answered however late it looks.
      const socket = connect(story.port, '127.0.0.1');
      const announced = 26 * 1024 * 1024;
      socket.write(`POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-length: ${announced}\r\n\r\n`);
      const [head] = (await once(socket, 'data')) as [Buffer];
      socket.write(Buffer.alloc(announced, ' '));
      await once(socket.resume(), 'end');
      expect(head.toString()).toMatch(/^HTTP\/1\.1 413 .*\r\nConnection: close\r\n/is);
    }
  });

  it('409 and 416: what makes no sense', async () => {
    expectStatus(409, 'id', await api.post('/api/projects', { id: projectId, fullName: 'acme/new' }));
    expectStatus(409, 'name', await api.post('/api/projects', { fullName: 'ACME/web' }));
    expectStatus(409, 'name', await api.put(`/api/projects/${other}`, { fullName: 'acme/web' }));
    const start = `/api/projects/${projectId}/pipelines`;
    expectStatus(409, start, await api.post(start, { pullRequestNumber: 999 }));
    expectStatus(409, 'cancel', await api.post(`/api/pipelines/${pipelineId}/cancel`));
    const range = { headers: { range: 'bytes=999999999-' } };
    pr.close();
    expectStatus(409, 'retry', await api.post(`/api/pipelines/${pipelineId}/retry`));
    expectStatus(416, 'logs', await api.get(`/api/pipelines/${pipelineId}/logs`, range));

    codegen.fail({ on: 'create', times: 9, with: { status: 500 } });
    const run = await api.post(`/api/projects/${projectId}/agent-runs`, { prompt: 'Do it' });
    expectStatus(202, 'agent run', run);
    // Codegen is asked from the queue: whatever it answers, the run was stored.
    expectStatus(409, 'resume', await api.post(`/api/agent-runs/${run.body.id}/resume`, { message: 'x' }));
  });

  it('502 and 503: GitHub refuses, or is out of reach', async () => {
    const start = `/api/projects/${projectId}/pipelines`;
    const retry = `/api/pipelines/${pipelineId}/retry`;
    for (const [path, body] of [
      [start, { pullRequestNumber: 1 }],
      [retry, undefined],
    ] as const) {
      story.github.fault({ path: /\/pulls\/\d+$/, status: 451 });
      expectStatus(502, path, await api.post(path, body));
      story.github.fault({ path: /\/pulls\/\d+$/, cut: true });
      expectStatus(503, path, await api.post(path, body));
    }
  });

  it('502: Codegen refuses', async () => {
    codegen.fail({ on: 'logs', with: { status: 403 } });
    const path = `/api/agent-runs/${runId}/logs`;
    expectStatus(502, path, await api.get(path));
    expectStatus(200, path, await api.get(path));
  });

  it('503: secrets that can not be read any more', async () => {
    const row = { projectId: other, key: 'secrets', value: 'v1:not:ours', updatedAt: new Date() };
    await story.app.database.write((tx) => tx.insert(ProjectSetting, row));
    for (const path of [`/api/projects/${other}/settings`, `/webhooks/events/${other}`]) {
      const answer = await api.get(path);
      expectStatus(503, path, answer);
      expect(answer.body.detail).toContain('SECRETS_KEY');
    }
  });

  it('429: too many failed logins, and the right token goes on', async () => {
    const wrong = { anonymous: true, headers: { authorization: 'Bearer wrong' } };
    let limited: Answer;
    do limited = await api.get('/api/projects', wrong);
    while (limited.status === 401);
    for (const [method, template] of having(429)) {
      const call = { ...wrong, ...(bodyOf(method) ? { body: '{}' } : {}) };
      const path = template === '/login' ? '/login?token=wrong' : at(template);
      expectStatus(429, `${method} ${template}`, await api.call(method, path, call));
    }
    expectStatus(200, 'the right token', await api.get('/api/projects'));
  });

  it('503: the database is down', async () => {
    const { database } = story.app;
    // What stores deliveries has a connection of its own.
    await database.write((tx) => tx.query('ALTER TABLE webhook_events RENAME TO away'));
    await database.close();
    for (const [method, template] of having(503)) {
      const body = method === 'get' || method === 'delete' ? undefined : BODIES[template];
      const isHook = template === '/api/github/webhooks' || template === '/webhooks/{webhookId}';
      const answer = isHook ? await hook(at(template), {}) : await api.call(method, at(template), { body });
      expectStatus(503, `${method} ${template}`, answer);
    }
  });

  it('was provoked', () => {
    const declared = operations.flatMap(([method, template, codes]) =>
      codes.filter((code) => Number(code) >= 400).map((code) => `${method} ${template} ${code}`),
    );
    expect(declared.length).toBeGreaterThan(120);
    expect(declared.filter((each) => !api.seen.has(each))).toEqual([]);
  });
});
