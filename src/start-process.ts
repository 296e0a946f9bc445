import { buildApp } from './app.js';
import { ConfigError, loadEnvFile, readConfig, type Config } from './config.js';
import { OperationalError } from './domain/errors.js';
import { createLogger } from './logging.js';
import { SandboxError } from './sandbox/contract.js';
import { serveSetup } from './setup-mode.js';
import { VERSION } from './version.js';
import { forwardWebhooks } from './webhook-proxy.js';

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
    if (!(error instanceof OperationalError)) throw error;
    fail(`${error.message}${error.advice ? `\n${error.advice}` : ''}`);
  }
}

async function run(config: Config, { web, worker }: { web: boolean; worker: boolean }): Promise<void> {
  const app = await buildApp(config);
  let stopForwarding = () => {};
  onSignal(async (signal) => {
    stopForwarding();
    app.log.info({ signal }, `ending: running pipelines get ${config.shutdownGraceSeconds} s`);
    await app.stop(config.shutdownGraceSeconds * 1000);
  });
  const port = web ? await app.listen() : null;
  if (worker) await app.work();
  if (port !== null && config.webhookProxyUrl)
    stopForwarding = await forwardWebhooks(config.webhookProxyUrl, port, app.log);
}

async function setUp(config: Config): Promise<void> {
  const server = await serveSetup(config, await createLogger(config.log), VERSION);
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
