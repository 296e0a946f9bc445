/** What the server answers beside webhooks: which router, in which order. */
import express, { type Express, type Router } from 'express';
import { notFound, problemHandler, type ProblemPage } from './api/problem-handler.js';
import { securityHeaders } from './api/security-headers.js';
import type { Logger } from './logging.js';

export interface HttpParts {
  health: Router;
  /** What else this process answers: the REST API, the pages. */
  routers?: Router[];
  /** Shows people what is wrong. */
  problemPage?: ProblemPage;
  log: Logger;
}

export function httpApp({ health, routers = [], problemPage, log }: HttpParts): Express {
  const app = express();
  app.disable('x-powered-by');
  app.use(securityHeaders, health, ...routers);
  app.use(notFound, problemHandler(log, problemPage));
  return app;
}
