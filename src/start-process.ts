import { heapMayGrow } from './small-heap.js';
import type { App } from './app.js';
import { ConfigError, loadEnvFile, readConfig, type Config } from './config.js';
import { messageOf, OperationalError } from './domain/errors.js';
import { createLogger, type Logger } from './logging.js';
import { prepareDataDir } from './data-dir.js';
import { createRedactor } from './domain/redaction.js';
import { Front } from './front.js';
import { keptToken, secretsOf } from './secrets.js';
import { SandboxError } from './sandbox/contract.js';
import { VERSION } from './version.js';
import { ServerInbox } from './webhooks/server-inbox.js';

/** Runs the parts named until a signal ends them. Wrong configuration: all problems on stderr, exit code 1. */
export async function startProcess(parts: { web: boolean; worker: boolean }): Promise<void> {
  let config: Config;
  try {
    loadEnvFile();
    config = readConfig();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return fail(error.message);
  }
  try {
    if (config.github.app || config.github.token) await run(config, parts);
    else if (parts.web) await setUp(config);
    else fail('There are no credentials yet: set APP_ID and PRIVATE_KEY, or GITHUB_TOKEN.');
  } catch (error) {
    if (error instanceof SandboxError) return fail(error.message);
    const fault = error instanceof OperationalError ? error : await lostDatabase(error);
    if (!fault) throw error;
    fail(`${fault.message}${fault.advice ? `\n${fault.advice}` : ''}`);
  }
}

async function lostDatabase(error: unknown): Promise<OperationalError | null> {
  const database = await import('./database/unreachable.js');
  return database.lostDatabase(error, 'the start', 'start again');
}

async function run(config: Config, { web, worker }: { web: boolean; worker: boolean }): Promise<void> {
  await prepareDataDir(config.dataDir);
  const log = await serverLog(config);
  let built: (app: App) => void;
  const ready = new Promise<App>((resolve) => (built = resolve));
  let ending = false;
  let stopForwarding = () => {};
  onSignal(async (signal) => {
    ending = true;
    stopForwarding();
    log.info({ signal }, `ending: running pipelines get ${config.shutdownGraceSeconds} s`);
    await (await ready).stop(config.shutdownGraceSeconds * 1000);
  });
  const front = web ? await openFront(config, log, ready) : undefined;
  // Hundreds of modules, which hold up what else is to be done at first: taking webhooks.
  const { buildApp } = await import('./app.js');
  const app = await buildApp(config, { log, front }, { runsPipelines: worker });
  built!(app);
  if (ending) return;
  const port = web ? await app.listen() : null;
  if (worker) await app.work();
  if (ending) return;
  heapMayGrow();
  if (port !== null && config.webhookProxyUrl) {
    const { forwardWebhooks } = await import('./webhook-proxy.js');
    stopForwarding = forwardWebhooks(config.webhookProxyUrl, port, app.log);
  }
}

async function openFront(config: Config, log: Logger, migrated: Promise<unknown>): Promise<Front> {
  const inbox = await ServerInbox.of(config, migrated);
  const front = new Front({ inbox, webhookSecret: config.github.webhookSecret, log });
  await front.listen(config.port, config.host).catch((error: unknown) => {
    throw cannotListen(error, config);
  });
  return front;
}

function cannotListen(error: unknown, { host, port }: Config): OperationalError {
  const { code } = error as NodeJS.ErrnoException;
  const why = code === 'EADDRINUSE' ? 'another program listens there' : messageOf(error);
  return new OperationalError(`The server can't listen on port ${port} of ${host}: ${why}.`, {
    advice: 'Set PORT to a free port and HOST to an address of this machine, or end what listens there.',
    cause: error,
  });
}

async function serverLog(config: Config): Promise<Logger> {
  const apiToken = config.apiToken ?? (await keptToken(config.dataDir));
  const { redact } = createRedactor(secretsOf({ ...config, apiToken }));
  return createLogger(config.log, redact);
}

async function setUp(config: Config): Promise<void> {
  const { serveSetup } = await import('./setup-mode.js');
  const log = await createLogger(config.log);
  const server = await serveSetup(config, log, VERSION).catch((error: unknown) => {
    throw cannotListen(error, config);
  });
  onSignal(() => server.stop());
}

/** The first signal ends in order, a second one at once. */
function onSignal(end: (signal: string) => Promise<void>): void {
  let ending = false;
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.on(signal, () => {
      if (ending) process.exit(1);
      ending = true;
      end(signal).then(
        () => process.exit(0),
        (error: unknown) => fail(String(error)),
      );
    });
}

function fail(message: string): void {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}
