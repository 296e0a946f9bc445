import { fork, type ChildProcess } from 'node:child_process';
import { createHmac, randomBytes, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { decompress } from '../../src/database/compression.js';
import { appKeys } from '../support/fake-github/app-registration.js';
import { migratedDatabase } from '../support/databases.js';
import { postgresBinaries, startPostgres, type TestPostgres } from '../support/postgres.js';

const SECRET = 'a-webhook-secret-of-32-characters';
const TOKEN = 'an API token of the tests';

interface Result {
  statusCode: number;
  headers: Record<string, string>;
  body: string;
  isBase64Encoded: boolean;
}

/** A container of the function. */
class Container {
  private readonly child: ChildProcess;
  private count = 0;

  constructor(env: Record<string, string>) {
    this.child = fork(join(process.cwd(), 'test/support/lambda-host.mjs'), {
      env: { PATH: process.env['PATH'], LOG_LEVEL: 'silent', ...env },
      execArgv: ['--no-warnings'],
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
  }

  invoke(event: object): Promise<Result> {
    const id = ++this.count;
    return new Promise((resolve, reject) => {
      const ended = (code: number | null) => reject(new Error(`the container ended with ${code}`));
      this.child.once('exit', ended);
      this.child.on('message', (message: { id: number; result?: Result; error?: string }) => {
        if (message.id !== id) return;
        this.child.off('exit', ended);
        if (message.result) resolve(message.result);
        else reject(new Error(message.error));
      });
      this.child.send({ id, event });
    });
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.kill();
    await ended;
  }
}

interface Request {
  method: string;
  path: string;
  query?: [string, string][];
  headers?: Record<string, string>;
  body?: string;
  base64?: boolean;
}

const bodyOf = ({ body, base64 = false }: Request) => ({
  body: body === undefined ? null : base64 ? Buffer.from(body).toString('base64') : body,
  isBase64Encoded: base64,
});

/** As AWS documents them; fields that nobody reads are shortened. */
const EVENTS: Record<string, (request: Request) => object> = {
  'a REST API': (request) => ({
    resource: '/{proxy+}',
    path: request.path,
    httpMethod: request.method,
    headers: { Host: 'codegenapp.example.com', ...request.headers },
    multiValueHeaders: Object.fromEntries(
      Object.entries({ Host: 'codegenapp.example.com', ...request.headers }).map(([name, value]) => [
        name,
        [value],
      ]),
    ),
    queryStringParameters: request.query ? Object.fromEntries(request.query) : null,
    multiValueQueryStringParameters: request.query
      ? Object.fromEntries(request.query.map(([name, value]) => [name, [value]]))
      : null,
    pathParameters: { proxy: request.path.slice(1) },
    stageVariables: null,
    requestContext: {
      accountId: '123456789012',
      apiId: 'abc',
      httpMethod: request.method,
      path: `/prod${request.path}`,
      protocol: 'HTTP/1.1',
      requestId: randomUUID(),
      stage: 'prod',
    },
    ...bodyOf(request),
  }),
  'an HTTP API with a stage': (request) => v2(request, 'prod', `/prod${request.path}`),
  'a Function URL': (request) => v2(request, '$default', request.path),
};

function v2(request: Request, stage: string, rawPath: string): object {
  return {
    version: '2.0',
    routeKey: '$default',
    rawPath,
    rawQueryString: new URLSearchParams(request.query ?? []).toString(),
    cookies: [],
    headers: Object.fromEntries(
      Object.entries({ Host: 'codegenapp.example.com', ...request.headers }).map(([name, value]) => [
        name.toLowerCase(),
        value,
      ]),
    ),
    requestContext: {
      accountId: 'anonymous',
      apiId: 'abc',
      domainName: 'abc.lambda-url.eu-central-1.on.aws',
      http: {
        method: request.method,
        path: rawPath,
        protocol: 'HTTP/1.1',
        sourceIp: '192.0.2.1',
        userAgent: 'x',
      },
      requestId: randomUUID(),
      routeKey: '$default',
      stage,
      time: '12/Mar/2020:19:03:58 +0000',
      timeEpoch: 1583348638390,
    },
    ...bodyOf(request),
  };
}

const PAYLOAD = JSON.stringify({
  action: 'opened',
  installation: { id: 5 },
  repository: { id: 7, name: 'web', full_name: 'acme/web' },
  pull_request: { number: 1, title: 'Prüfung: naïve – ✓' },
});

function delivery(options: Partial<Request> & { secret?: string; guid?: string } = {}): Request {
  const body = options.body ?? PAYLOAD;
  const { secret = SECRET, guid = randomUUID() } = options;
  return {
    method: 'POST',
    path: '/api/github/webhooks',
    headers: {
      'Content-Type': 'application/json',
      'User-Agent': 'GitHub-Hookshot/fa4e9b8',
      'X-GitHub-Delivery': guid,
      'X-GitHub-Event': 'pull_request',
      'X-Hub-Signature-256': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
    },
    body,
    ...(options.base64 ? { base64: true } : {}),
  };
}

if (postgresBinaries()) {
  describe('the Lambda function', () => {
    let server: TestPostgres;
    let databaseUrl: string;
    let container: Container;
    let client: pg.Client;
    const env = () => ({
      APP_ID: '420042',
      PRIVATE_KEY: appKeys().privateKey,
      WEBHOOK_SECRET: SECRET,
      // Nothing may be asked there.
      GHE_HOST: '127.0.0.1:9',
      GHE_PROTOCOL: 'http',
      API_TOKEN: TOKEN,
      PUBLIC_URL: 'https://codegenapp.example.com',
      SECRETS_KEY: randomBytes(32).toString('base64'),
      DATABASE_URL: databaseUrl,
    });

    beforeAll(async () => {
      server = await startPostgres();
      databaseUrl = await migratedDatabase(server);
      client = new pg.Client({ connectionString: databaseUrl });
      await client.connect();
      container = new Container(env());
    });
    afterAll(async () => {
      await container.stop();
      await client.end();
      await server.stop();
    });

    describe.each(Object.entries(EVENTS))('behind %s', (_name, event) => {
      it.each([
        ['as text', false],
        ['in base64', true],
      ])('stores and enqueues a delivery whose body comes %s, once', async (_how, base64) => {
        const guid = randomUUID();
        const first = await container.invoke(event(delivery({ guid, base64 })));
        expect(first).toMatchObject({ statusCode: 202, isBase64Encoded: false });
        const { eventId, ...answer } = JSON.parse(first.body) as { eventId: string };
        expect(answer).toEqual({ status: 'queued', deliveryId: guid });
        const again = await container.invoke(event(delivery({ guid, base64 })));
        expect(again.statusCode).toBe(200);
        expect(JSON.parse(again.body)).toEqual({ eventId, status: 'duplicate', deliveryId: guid });

        const { rows } = await client.query<{ payload: string }>(
          'SELECT payload FROM webhook_events WHERE delivery_id = $1',
          [guid],
        );
        expect(rows.map(({ payload }) => decompress(payload))).toEqual([PAYLOAD]);
        const jobs = await client.query('SELECT 1 FROM jobs WHERE subject = $1', [eventId]);
        expect(jobs.rowCount).toBe(1);
      });

      it('refuses what is not signed with the secret, and what is no JSON', async () => {
        const forged = await container.invoke(
          event(delivery({ secret: 'another-secret-of-32-characters!' })),
        );
        expect(forged.statusCode).toBe(401);
        expect(forged.headers['content-type']).toContain('application/problem+json');
        expect((await container.invoke(event(delivery({ body: 'no JSON' })))).statusCode).toBe(400);
        const unsigned = delivery();
        delete unsigned.headers!['X-Hub-Signature-256'];
        expect((await container.invoke(event(unsigned))).statusCode).toBe(401);
      });

      it('answers the other routes with their queries and headers', async () => {
        const health = await container.invoke(event({ method: 'GET', path: '/health' }));
        expect(health.statusCode).toBe(200);
        expect(JSON.parse(health.body)).toMatchObject({ status: 'ok', database: 'ok', github: 'app' });
        const missing = await container.invoke(
          event({
            method: 'GET',
            path: '/api/nothing',
            query: [['search', 'a b&c']],
            headers: { Authorization: `Bearer ${TOKEN}` },
          }),
        );
        expect(missing.statusCode).toBe(404);
      });
    });

    it('refuses a scheduled event', async () => {
      await expect(container.invoke({ source: 'aws.events', detail: {} })).rejects.toThrow(/no HTTP request/);
    });

    it('refuses to start on SQLite or with secrets of its own making, naming all that is missing', async () => {
      const bare = new Container({ ...env(), DATABASE_URL: '', SECRETS_KEY: '', API_TOKEN: '' });
      const health = EVENTS['a Function URL']!({ method: 'GET', path: '/health' });
      await expect(bare.invoke(health)).rejects.toThrow(
        /DATABASE_URL[^]*PostgreSQL[^]*SECRETS_KEY[^]*API_TOKEN/,
      );
      await bare.stop();
    });

    it('says that the database can not be reached, and tries again with the next event', async () => {
      const lost = new Container({ ...env(), DATABASE_URL: await server.createDatabase() });
      const health = EVENTS['a Function URL']!({ method: 'GET', path: '/health' });
      const answer = await lost.invoke(health);
      expect(answer.statusCode).toBe(503);
      expect(answer.body).toContain('not migrated');
      expect((await lost.invoke(health)).statusCode).toBe(503);
      await lost.stop();
    });
  });
} else {
  it.skip('the Lambda function, because PostgreSQL was not found (apt-get install postgresql)', () => {});
}
