/**
 * Without credentials the server is Probot's set-up page, which registers the GitHub App from app.yml and writes
 * `.env`. Probot reaches that page only through `run()`, which knows no further route and does not end on SIGTERM,
 * so its own parts are put together here.
 */
import { ProbotOctokit, Probot, Server } from 'probot';
import type { Config } from './config.js';
import type { Logger } from './logging.js';

interface SetupModule {
  setupAppFactory: (options: {
    host: string;
    port: number;
    log: Logger;
  }) => Parameters<Server['loadHandlerFactory']>[0];
}

/** Resolves once the page is served. */
export async function serveSetup(config: Config, log: Logger, version: string): Promise<Server> {
  const server = new Server({
    host: config.host,
    port: config.port,
    log,
    // Never used: no webhook is accepted before there are credentials.
    Probot: Probot.defaults({ appId: 1, privateKey: 'none yet', Octokit: ProbotOctokit, log }),
  });
  server.addHandler((request, response) => {
    if (request.method !== 'GET' || request.url?.split('?')[0] !== '/health') return false;
    response
      .writeHead(200, { 'content-type': 'application/json' })
      .end(JSON.stringify({ status: 'ok', version, database: 'not used', github: 'not configured' }));
    return true;
  });
  // Probot puts this into the App's manifest as the webhook's URL; otherwise it would take the page's own, without path.
  if (config.publicUrl) process.env['WEBHOOK_PROXY_URL'] ||= `${config.publicUrl}/api/github/webhooks`;
  const { setupAppFactory } = (await import(
    new URL('apps/setup.js', import.meta.resolve('probot')).href
  )) as SetupModule;
  await server.loadHandlerFactory(setupAppFactory({ host: config.host, port: config.port, log }));
  await server.start();
  return server;
}
