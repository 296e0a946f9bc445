/** Everything that is asked over HTTP, but the webhooks. */
import type { RequestListener } from 'node:http';
import { createAgentActions } from '../agent/actions.js';
import { accessRouter } from '../api/access.js';
import { artifactRoutes } from '../api/artifacts.js';
import type { ApiDeps } from '../api/deps.js';
import { healthRoutes } from '../api/health.js';
import { apiRouter } from '../api/index.js';
import type { Database } from '../database/database.js';
import { WebhookEvent } from '../database/entities/index.js';
import { ProjectEditor } from '../database/project-editor.js';
import { diskState } from '../disk.js';
import { httpApp } from '../http.js';
import { metricsRoutes } from '../metrics.js';
import type { PipelineActions } from '../pipeline/actions.js';
import type { ProjectLinker } from '../pipeline/link-projects.js';
import { VERSION } from '../version.js';
import { openPages, pages, problemPage } from '../web/index.js';
import type { Inbox } from '../webhooks/inbox.js';
import type { Common } from './common.js';
import type { Outcome } from './outcome.js';

export interface WebParts {
  actions: PipelineActions;
  linker: ProjectLinker;
  inbox: Inbox;
  outcome: Outcome;
  /** What logs a person in. */
  token: string;
  isDraining: () => boolean;
}

export function createWeb(common: Common, parts: WebParts): RequestListener {
  const { config, stores, github, metrics, log, publicUrl, redactorOf } = common;
  const { database, queue, projects, settings, pipelines, runs, history, storage } = stores;
  const { actions, linker, inbox, token, isDraining } = parts;
  const { client, callbacks, loop } = parts.outcome;
  const { webUrl } = config.github;
  const resources: ApiDeps = {
    database,
    projects,
    editor: new ProjectEditor({ database, queue, settings, pipelines, webUrl }),
    settings,
    pipelines,
    actions,
    linker,
    agent: client && createAgentActions({ database, runs, pipelines, client }),
    callbacks,
    inbox,
    storage,
    publicUrl,
    redactorOf,
    log,
  };
  return httpApp({
    log,
    // Screenshots before the login: GitHub fetches them, by names that nobody can guess.
    routers: [
      artifactRoutes(storage),
      openPages(database),
      accessRouter({ token, host: config.host, publicUrl }),
      metricsRoutes(metrics),
      apiRouter(resources),
      pages({ ...resources, runs, loop, github, history, webUrl }),
    ],
    problemPage,
    health: healthRoutes({
      version: VERSION,
      askDatabase: async () => void (await database.read.query('SELECT 1')),
      counts: () => queue.counts(),
      lastEventAt: () => lastEventAt(database),
      isDraining,
      disk: async () => {
        const { says, isFull } = await diskState(config.dataDir);
        return { says, isFull: isFull && config.databaseUrl === null };
      },
      github: () => (github.app ? 'app' : 'token'),
    }),
  });
}

async function lastEventAt(database: Database): Promise<Date | null> {
  const row = await database.read.findOne(WebhookEvent, {
    select: { id: true, receivedAt: true },
    where: {},
    order: { id: 'DESC' },
  });
  return row?.receivedAt ?? null;
}
