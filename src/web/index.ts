/** The pages: complete as HTML, brought to life by the modules of client/; behind the same login as the API. */
import { Router } from 'express';
import { wantsPage } from '../api/access.js';
import type { ProblemPage } from '../api/problem-handler.js';
import type { Database } from '../database/database.js';
import { agentRunPages } from './agent-run-page.js';
import { assetRoutes } from './assets.js';
import { badgeRoutes } from './badge.js';
import type { PageDeps, WebDeps } from './deps.js';
import { eventPages } from './events-page.js';
import { html } from './html.js';
import { sendPage } from './layout.js';
import { pipelineRoutes } from './pipeline-routes.js';
import { projectRoutes } from './project-routes.js';
import { settingsPages } from './settings-page.js';
import { StageLogs } from './stage-logs.js';

export function pages(deps: WebDeps): Router {
  const all: PageDeps = { ...deps, logs: new StageLogs(deps.storage) };
  return Router().use(
    pipelineRoutes(all),
    projectRoutes(all),
    settingsPages(all),
    eventPages(all),
    agentRunPages(all),
  );
}

/** What is shown without a login: nothing of a project but a word on its badge. */
export function openPages(database: Database): Router {
  return Router().use(assetRoutes(), badgeRoutes(database));
}

/** Programs ask these; whatever they get wrong is told as JSON, also to a browser. */
const FOR_PROGRAMS = /^\/(?:api|webhooks|metrics|health|assets|artifacts)(?:\/|$)/;

/** A problem as a page, for people. */
export const problemPage: ProblemPage = (problem, request, response) => {
  const isForm = request.method === 'POST' && request.accepts(['json', 'html']) === 'html';
  if (FOR_PROGRAMS.test(request.path) || !(wantsPage(request) || isForm)) return false;
  const { status, title, detail } = problem;
  void sendPage(
    response,
    { title },
    html`<div class="first-steps">
      <p class="muted">${status}</p>
      <h1>${title}</h1>
      <p>${detail}</p>
      <p><a href="/">All projects</a></p>
    </div>`,
    status,
  );
  return true;
};
