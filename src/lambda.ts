/**
 * The web part on AWS Lambda: receives webhooks and answers the REST API and the pages. It only stores and enqueues
 * to PostgreSQL; workers elsewhere do the work.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import adapter from '@probot/adapter-aws-lambda-serverless';
import type { APIGatewayProxyEvent, Context } from 'aws-lambda';
import { Probot } from 'probot';
import { buildApp } from './app.js';
import { ConfigError, readConfig, type Config } from './config.js';
import { messageOf } from './domain/errors.js';
import {
  requestOf,
  resultFor,
  type HttpRequest,
  type HttpResponse,
  type LambdaEvent,
  type LambdaResult,
} from './lambda-event.js';
import { serveInProcess } from './lambda-serve.js';
import type { Logger } from './logging.js';

const WEBHOOK_PATH = '/api/github/webhooks';

type Serve = (request: HttpRequest, context: Context) => Promise<HttpResponse>;

/** Made by the first event of a container; one that failed is made anew by the next event. */
let cold: Promise<Serve> | null = null;

/** The handler for REST APIs, HTTP APIs (payload 1.0 and 2.0) and Function URLs. */
export async function handler(event: LambdaEvent, context: Context): Promise<LambdaResult> {
  const request = requestOf(event);
  let serve: Serve;
  try {
    serve = await (cold ??= start());
  } catch (error) {
    cold = null;
    // What is configured wrongly stays wrong: the function's own log and error metric are the place for it.
    if (error instanceof ConfigError) throw error;
    process.stderr.write(`${messageOf(error)}\n`);
    return resultFor(event, unavailable(messageOf(error)));
  }
  return resultFor(event, await serve(request, context));
}

async function start(): Promise<Serve> {
  // Only /tmp can be written, and it goes with the container.
  const config = readConfig({ DATA_DIR: '/tmp/codegenapp', LOG_FILE: '', ...process.env });
  refuseWhatDoesNotLast(config);
  const app = await buildApp(config, {}, { runsPipelines: false });
  const serve = await serveInProcess(app.http);
  const receive = await adaptedReceiver(config, app.log, serve);
  return async (request, context) =>
    request.method === 'POST' && request.url.split('?')[0] === WEBHOOK_PATH
      ? receive(request, context)
      : serve(request);
}

/** What is made on first start elsewhere would differ from container to container here. */
function refuseWhatDoesNotLast({ databaseUrl, secretsKey, apiToken, github }: Config): void {
  const problems: string[] = [];
  if (!databaseUrl)
    problems.push(
      'DATABASE_URL is missing: on Lambda SQLite would be gone with its container, so PostgreSQL is needed.',
    );
  if (!secretsKey)
    problems.push('SECRETS_KEY is missing: all processes need the same (`openssl rand -base64 32`).');
  if (!apiToken)
    problems.push('API_TOKEN is missing: all processes need the same (`openssl rand -base64 32`).');
  if (!github.app && !github.token)
    problems.push('There are no credentials: set APP_ID and PRIVATE_KEY, or GITHUB_TOKEN.');
  if (problems.length > 0) throw new ConfigError(problems);
}

/**
 * Probot's adapter verifies the delivery; what it hands on is stored by the same route as everywhere. The adapter
 * knows no other answer than 200 and throws whatever is wrong, and the route says that with the right status.
 */
async function adaptedReceiver(
  { github }: Config,
  log: Logger,
  serve: (request: HttpRequest) => Promise<HttpResponse>,
): Promise<Serve> {
  if (github.webhookSecret === null) return serve;
  const underWay = new AsyncLocalStorage<{ request: HttpRequest; response: HttpResponse | null }>();
  const probot = new Probot({
    ...(github.app
      ? { appId: github.app.id, privateKey: github.app.privateKey }
      : { githubToken: github.token! }),
    secret: github.webhookSecret,
    log: log.child({}, { level: 'silent' }),
  });
  await probot.ready();
  const verify = await new Promise<ReturnType<typeof adapter.createLambdaFunction>>((resolve) => {
    const lambda = adapter.createLambdaFunction(
      (bot: Probot) => {
        bot.webhooks.onAny(async () => {
          const delivery = underWay.getStore()!;
          delivery.response = await serve(delivery.request);
        });
        queueMicrotask(() => resolve(lambda));
      },
      { probot },
    );
  });

  return async (request, context) => {
    const delivery = { request, response: null as HttpResponse | null };
    // The one form of event that the adapter reads, its body as it was signed.
    const event = {
      httpMethod: 'POST',
      path: WEBHOOK_PATH,
      headers: request.headers,
      body: request.body.toString(),
    };
    await underWay
      .run(delivery, () => verify(event as unknown as APIGatewayProxyEvent, context))
      .catch((error: unknown) => log.debug({ err: error }, 'the delivery was not taken by Probot’s adapter'));
    return delivery.response ?? serve(request);
  };
}

const unavailable = (detail: string): HttpResponse => ({
  status: 503,
  headers: { 'content-type': 'application/problem+json' },
  body: Buffer.from(JSON.stringify({ title: 'Not available', status: 503, detail })),
});
