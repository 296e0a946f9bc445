import { STATUS_CODES } from 'node:http';
import type { ErrorRequestHandler, Request, RequestHandler, Response } from 'express';
import { isUnreachable } from '../database/unreachable.js';
import type { Logger } from '../logging.js';
import { Problem } from './problem.js';

export const notFound: RequestHandler = (request) => {
  throw new Problem(404, 'Not found', `There is nothing at ${request.method} ${request.path}.`);
};

/** Sends a problem in another form than JSON to who wants that; false where JSON is right. */
export type ProblemPage = (problem: Problem, request: Request, response: Response) => boolean;

/** The last handler: every error becomes problem+json or a page, never a stack. */
export function problemHandler(log: Logger, asPage: ProblemPage = () => false): ErrorRequestHandler {
  return (error: unknown, request, response, next) => {
    if (response.headersSent) return next(error);
    const problem = asProblem(error);
    if (problem.status >= 500)
      log.error({ err: error, method: request.method, path: request.path }, 'request failed');
    if (asPage(problem, request, response)) return;
    const { status, title, detail, errors } = problem;
    response
      .status(status)
      .type('application/problem+json')
      .send(JSON.stringify({ title, status, detail, ...(errors ? { errors } : {}) }));
  };
}

function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  // Express and its parsers name a status for what the client did wrong.
  const status = (error as { status?: unknown }).status;
  if (typeof status === 'number' && status >= 400 && status < 500)
    return new Problem(status, STATUS_CODES[status] ?? 'Refused', clientError(status, error as Error));
  if (isUnreachable(error)) return new Problem(503, 'Database down', 'The database does not answer.');
  return new Problem(500, 'Internal error', 'Something broke on our side; the server’s log says what.');
}

function clientError(status: number, error: Error): string {
  if (status === 413) return 'The body is too large.';
  if (status === 400) return 'The request is malformed.';
  return error.message.slice(0, 200);
}
