/* eslint-disable @typescript-eslint/no-unsafe-member-access --
   answers are checked against the OpenAPI document as they come */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Validator } from '@seriousme/openapi-schema-validator';
import { newId } from '../../src/domain/ids.js';
import { ApiClient, storyOn } from '../support/api.js';
import { onEachDatabase } from '../support/databases.js';
import type { Story } from '../support/story.js';

type Json = Record<string, unknown>;

const NASTY: unknown[] = [
  null,
  true,
  0,
  -1,
  2 ** 31,
  2 ** 53,
  1e308,
  -1e308,
  0.1,
  '',
  ' ',
  '\0',
  '\ud800',
  '‮𝕌🏳️‍🌈',
  '../../etc/passwd',
  '%2e%2e%2f',
  "' OR 1=1 --",
  '${7*7}',
  'x'.repeat(100_000),
  [],
  [[]],
  {},
  { value: {} },
  [null],
  'constructor',
  NaN,
];
const NASTY_PATHS = [
  '..',
  '%2e%2e',
  '..%2f..%2fetc%2fpasswd',
  '%00',
  '%',
  '%ff',
  '__proto__',
  'constructor',
  'stats',
  "'",
  'null',
  '-1',
  '1e99',
  '%F0%9F%8F%B3',
  'x'.repeat(2000),
  ';',
  '*',
  ':id',
  '%0d%0aX:1',
];
const NASTY_QUERIES = [
  'limit=-1',
  'limit=1e9',
  'limit=',
  'limit[]=1',
  'limit[a]=1',
  '__proto__[x]=1',
  'cursor=%00',
  'cursor=AAAA',
  'cursor=' + 'A'.repeat(5000),
  'status=%00',
  'status=x',
  'event=%00',
  'event=%F0%9F%8F%B3',
  'search=%00',
  'search=%25%5F!',
  'fullName=%ED%A0%80',
  'days=99999999999',
  'projectId=__proto__',
  'stage=__proto__',
  'pullRequestNumber=99999999999',
  'headSha=x',
  '%',
  '&&&===',
  'constructor=1',
];

/** What an operation's body may hold. */
function fieldsOf(document: ApiClient['document'], operation: unknown): string[] {
  const { requestBody } = operation as {
    requestBody?: { content: Record<string, { schema: { $ref?: string; properties?: object } }> };
  };
  const schema = requestBody?.content['application/json']?.schema;
  const name = schema?.$ref?.replace('#/components/schemas/', '');
  const properties = name
    ? (document.components.schemas[name] as { properties?: object }).properties
    : schema?.properties;
  return Object.keys(properties ?? {});
}

onEachDatabase('the OpenAPI document', (databases) => {
  let story: Story;
  let api: ApiClient;
  beforeAll(async () => {
    story = await storyOn(databases);
    api = await ApiClient.of(story);
  });
  afterAll(() => story.end());

  it('is sound: its references lead somewhere, its operations are complete, its examples fit', () => {
    const { document } = api;
    expect(document.openapi).toMatch(/^3\.1\.\d+$/);
    const operations = new Set<string>();
    for (const [path, item] of Object.entries(document.paths))
      for (const operation of Object.values(item) as unknown as {
        operationId: string;
        summary: string;
        parameters: { name: string; in: string; required: boolean; schema: Json }[];
        responses: Record<string, { description: string; content?: Json }>;
      }[]) {
        expect(operations.has(operation.operationId)).toBe(false);
        operations.add(operation.operationId);
        expect(operation.summary).not.toBe('');
        const inPath = operation.parameters.filter((parameter) => parameter.in === 'path');
        expect(inPath.every(({ required }) => required)).toBe(true);
        expect(inPath.map(({ name }) => `{${name}}`).sort()).toEqual((path.match(/\{\w+\}/g) ?? []).sort());
        for (const [status, { description }] of Object.entries(operation.responses)) {
          expect(status).toMatch(/^([2-5]\d\d|default)$/);
          expect(description).not.toBe('');
        }
        expect(Object.keys(operation.responses)).toContain('default');
      }
    const text = JSON.stringify(document);
    expect(text).not.toContain('$defs');
    for (const [, name] of text.matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g))
      expect(Object.keys(document.components.schemas)).toContain(name);
  });

  it('is valid by the schema of OpenAPI 3.1', async () => {
    const validate = (document: object) => new Validator().validate(document as Json);
    const { valid, errors } = await validate(structuredClone(api.document));
    expect(errors).toBeUndefined();
    expect(valid).toBe(true);
    expect((await validate({ ...structuredClone(api.document), paths: [] })).valid).toBe(false);
  });

  it('has an example of every request, answer and error, and each is as its schema says', () => {
    const { document } = api;
    for (const [name, schema] of Object.entries(document.components.schemas)) {
      expect([name, (schema['examples'] as unknown[] | undefined)?.length]).toEqual([
        name,
        expect.any(Number),
      ]);
      for (const example of schema['examples'] as unknown[]) api.expectSchema(name, example);
    }
    interface Media {
      schema: Json & { $ref?: string; examples?: unknown[] };
      example?: unknown;
    }
    let count = 0;
    for (const [path, item] of Object.entries(document.paths))
      for (const [method, operation] of Object.entries(item) as [
        string,
        { requestBody?: { content: Record<string, Media> } } & typeof item.get,
      ][]) {
        const contents = [
          ['request', operation.requestBody?.content] as const,
          ...Object.entries(operation.responses).map(([code, { content }]) => [code, content] as const),
        ];
        for (const [code, content] of contents)
          for (const [type, media] of Object.entries((content ?? {}) as Record<string, Media>)) {
            const where = `${method} ${path} ${code} ${type}`;
            const { $ref, examples = [] } = media.schema;
            const own = media.example === undefined ? examples : [media.example];
            // A named schema has its own, which were looked at above.
            expect([where, own.length > 0 || $ref !== undefined]).toEqual([where, true]);
            for (const example of own) api.validate(where, media.schema, example);
            count++;
          }
      }
    expect(count).toBeGreaterThan(150);
  });

  it('has every row of the REST API', () => {
    const rows = Object.entries(api.document.paths).flatMap(([path, item]) =>
      Object.keys(item).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(rows.sort()).toEqual(
      [
        'POST /api/github/webhooks',
        'POST /webhooks/{webhookId}',
        'GET /webhooks/health',
        'GET /webhooks/events/{projectId}',
        'POST /webhooks/replay/{eventId}',
        'GET /health',
        'GET /metrics',
        'GET /login',
        'GET /api/projects',
        'POST /api/projects',
        'GET /api/projects/{id}',
        'PUT /api/projects/{id}',
        'DELETE /api/projects/{id}',
        'GET /api/projects/stats',
        'GET /api/projects/{id}/settings',
        'PUT /api/projects/{id}/settings/{key}',
        'DELETE /api/projects/{id}/settings/{key}',
        'GET /api/projects/{id}/pipelines',
        'POST /api/projects/{id}/pipelines',
        'GET /api/pipelines/{id}',
        'GET /api/pipelines/{id}/logs',
        'GET /api/pipelines/{id}/events',
        'POST /api/pipelines/{id}/cancel',
        'POST /api/pipelines/{id}/retry',
        'GET /api/projects/{id}/agent-runs',
        'POST /api/projects/{id}/agent-runs',
        'GET /api/agent-runs/{id}',
        'GET /api/agent-runs/{id}/logs',
        'POST /api/agent-runs/{id}/callback',
        'POST /api/agent-runs/{id}/resume',
        'GET /api/openapi.json',
      ].sort(),
    );
  });

  it('holds for strange input of every kind: no answer is a 500, none is undocumented', async () => {
    const project = (await api.post('/api/projects', { fullName: 'acme/fuzz' })).body.id as string;
    const send = async (method: string, path: string, body?: unknown, headers?: Record<string, string>) => {
      const response = await fetch(`${story.url}${path}`, {
        method: method.toUpperCase(),
        headers: {
          authorization: 'Bearer a token of the tests',
          'content-type': 'application/json',
          ...headers,
        },
        ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      });
      const text = await response.text();
      if (response.status >= 500 && response.status !== 503)
        throw new Error(
          `${method} ${path} ${JSON.stringify(body)?.slice(0, 200)}: ${response.status} ${text}`,
        );
      if (response.status >= 400)
        expect(response.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    };
    const deep = '['.repeat(200_000) + ']'.repeat(200_000);
    for (const [template, item] of Object.entries(api.document.paths)) {
      if (template === '/login') continue;
      for (const method of Object.keys(item)) {
        const at = (id: string) =>
          template.replace(/\{(id|projectId|eventId|webhookId)\}/, id).replace('{key}', 'environment');
        for (const path of NASTY_PATHS) await send(method, template.replace(/\{\w+\}/g, path));
        if (method === 'get')
          for (const id of [project, newId()])
            for (const query of NASTY_QUERIES) await send(method, `${at(id)}?${query}`);
        if (method !== 'post' && method !== 'put') continue;
        // One that is there: what is not is refused for that alone.
        for (const id of [project]) {
          for (const value of NASTY) {
            await send(method, at(id), value);
            for (const field of [...new Set([...fieldsOf(api.document, item[method]), 'id', 'unknown'])])
              await send(method, at(id), {
                ...(template === '/api/projects' ? { fullName: `a/${newId()}` } : {}),
                [field]: value,
              });
          }
          for (const text of [
            '{',
            '',
            'null',
            '"x"',
            deep,
            '{"__proto__":{"x":1}}',
            '{"value":' + deep + '}',
            '\0',
            '{"a":1,"a":2}',
            '1e999',
          ])
            await send(method, at(id), text);
          await send(method, at(id), '{}', { 'content-encoding': 'gzip' });
          await send(method, at(id), '{}', { 'content-encoding': 'x' });
          await send(method, at(id), '{}', { 'content-type': 'application/json; charset=utf-7' });
        }
      }
    }
    for (const { value } of NASTY.map((value) => ({ value })))
      for (const key of Object.keys((await api.get(`/api/projects/${project}/settings`)).body as Json))
        await send('put', `/api/projects/${project}/settings/${key}`, { value });
    expect((await api.get(`/api/projects/${project}/settings`)).status).toBe(200);
    expect((await api.get('/api/projects?limit=200')).status).toBe(200);
    expect(({} as Json)['x']).toBeUndefined();
  }, 240_000);
});
