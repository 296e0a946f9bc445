import express, { type Request, type RequestHandler, type Router } from 'express';
import { asProblem } from '../api/route.js';
import { Problem } from '../api/problem.js';
import { goBack } from './notices.js';

const MAX_FORM = 1024 * 1024;

const urlencoded = express.urlencoded({ extended: false, limit: MAX_FORM, parameterLimit: 1_000 });

/** Forms as browsers send them. Who may send one was decided before: our own pages, by a reader who is logged in. */
export const parseForm: RequestHandler = (request, response, next) => {
  urlencoded(request, response, (error?: unknown) => {
    if (error) return next(error);
    if (request.body === undefined && Number(request.get('content-length') ?? 0) > 0)
      return next(new Problem(415, 'Not a form', 'Send a form, or use the API.'));
    request.body ??= {};
    next();
  });
};

type Url = string | Promise<string>;

/**
 * Adds forms to a router. Each does something, then leads to a page that says what came of it; what was refused or
 * failed is said there too.
 */
export const actionRoute =
  (router: Router) =>
  (
    path: string,
    back: (request: Request) => Url,
    act: (request: Request) => Promise<{ text: string; url?: string }>,
  ): void => {
    router.post(path, parseForm, async (request, response) => {
      try {
        const { text, url } = await act(request);
        goBack(response, url ?? (await back(request)), { kind: 'ok', text });
      } catch (error) {
        const problem = asProblem(error);
        // What is not there has no page to lead back to; what broke is for the log.
        if (!(problem instanceof Problem) || problem.status === 404) throw error;
        goBack(response, await back(request), { kind: 'bad', text: problem.detail });
      }
    });
  };
