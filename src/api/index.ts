/** THE list of what the REST API answers. */
import type { Router } from 'express';
import { agentRunRoutes } from './agent-runs.js';
import type { ApiDeps } from './deps.js';
import { elsewhere } from './elsewhere.js';
import { eventRoutes } from './events.js';
import { openApiDocument } from './openapi.js';
import { pipelineRoutes } from './pipelines.js';
import { projectRoutes } from './projects.js';
import { route, routerOf, type Route } from './route.js';
import { settingsRoutes } from './settings.js';
import { document } from './schemas/index.js';

export function apiRouter(deps: ApiDeps): Router {
  let description: ReturnType<typeof openApiDocument> | undefined;
  const routes: Route[] = [
    ...projectRoutes(deps),
    ...settingsRoutes(deps),
    ...eventRoutes(deps),
    ...pipelineRoutes(deps),
    ...agentRunRoutes(deps),
    route(
      {
        method: 'get',
        path: '/api/openapi.json',
        operationId: 'readDocument',
        summary: 'This document',
        tag: 'Server',
        open: true,
        answer: { status: 200, description: 'OpenAPI 3.1.', schema: document },
        also: { 400: 'A parameter is unknown.', 403: 'A foreign host name.' },
      },
      // Made when it is first asked for: it takes longer than the rest of the start.
      () =>
        Promise.resolve((description ??= openApiDocument([...routes.map(({ spec }) => spec), ...elsewhere]))),
    ),
  ];
  return routerOf(routes);
}
