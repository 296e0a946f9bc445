/** The HTTP side of the server: which router answers what, in which order. */
import express, { type Express, type RequestHandler, type Router } from 'express';
import { securityHeaders } from './api/access.js';
import { notFound, problemHandler } from './api/problem.js';
import type { Logger } from './logging.js';

export interface HttpParts {
  /** What sees every request first: request ids, times. */
  before?: RequestHandler[];
  /** Before every parser: they read the raw body. */
  webhooks: Router;
  health: Router;
  /** What else this process answers: the REST API, the pages. */
  routers?: Router[];
  log: Logger;
}

export function httpApp({ webhooks, health, before = [], routers = [], log }: HttpParts): Express {
  const app = express();
  app.disable('x-powered-by');
  app.use(...before, securityHeaders, health, webhooks, ...routers);
  app.use(notFound, problemHandler(log));
  return app;
}
