import { buildApp } from './app.js';
import { ConfigError, readConfig, type Config } from './config.js';
import { OperationalError } from './domain/errors.js';
import { createLogger } from './logging.js';
import { serveSetup } from './setup-mode.js';
import { VERSION } from './version.js';

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
    if (!(error instanceof OperationalError)) throw error;
    fail(`${error.message}${error.advice ? `\n${error.advice}` : ''}`);
  }
}

async function run(config: Config, { web, worker }: { web: boolean; worker: boolean }): Promise<void> {
  const app = await buildApp(config);
  onSignal(async (signal) => {
    app.log.info({ signal }, `ending: running pipelines get ${config.shutdownGraceSeconds} s`);
    await app.stop(config.shutdownGraceSeconds * 1000);
  });
  if (web) await app.listen();
  if (worker) await app.work();
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

/** `.env` in the working directory; what the environment says already wins. */
function loadEnvFile(): void {
  try {
    process.loadEnvFile();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

function fail(message: string): void {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}
