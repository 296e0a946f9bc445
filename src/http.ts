/** The HTTP side of the server: which router answers what, in which order. */
import express, { type Express, type Router } from 'express';
import { securityHeaders } from './api/access.js';
import { notFound, problemHandler } from './api/problem.js';
import type { Logger } from './logging.js';

export interface HttpParts {
  /** Before everything else: they read the raw body. */
  webhooks: Router;
  health: Router;
  /** What else this process answers: the REST API, the pages. */
  routers?: Router[];
  log: Logger;
}

export function httpApp({ webhooks, health, routers = [], log }: HttpParts): Express {
  const app = express();
  app.disable('x-powered-by');
  app.use(securityHeaders);
  app.use(health, webhooks, ...routers);
  app.use(notFound, problemHandler(log));
  return app;
}
