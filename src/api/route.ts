/**
 * One route: its method, path, schemas and handler belong together, so that the checks, the types and the OpenAPI
 * document come from the same words and can't drift apart.
 */
import express, { Router, type Request, type RequestHandler, type Response } from 'express';
import { z } from 'zod';
import { OperationalError } from '../domain/errors.js';
import { ActionRefused } from '../pipeline/actions.js';
import { Problem, type FieldError } from './problem.js';

/** One that has a body of its own. */
export interface OtherAnswer {
  description: string;
  schema: z.ZodType;
  /** Where it differs from the schema’s own. */
  example?: unknown;
}

export interface RouteSpec<
  Params extends z.ZodType = z.ZodType,
  Query extends z.ZodType = z.ZodType,
  Body extends z.ZodType = z.ZodType,
  Answer extends z.ZodType = z.ZodType,
> {
  method: 'get' | 'post' | 'put' | 'delete';
  /** As OpenAPI writes it: /api/projects/{id} */
  path: string;
  operationId: string;
  summary: string;
  tag: string;
  /** Needs no token. */
  open?: true;
  /** What does not fit is nothing that exists: 404. */
  params?: Params;
  query?: Query;
  body?: Body;
  answer: {
    status: number;
    description: string;
    /** Of JSON; absent where there is no body or it is of another type. */
    schema?: Answer;
    /** Of another body than JSON. */
    type?: string;
    headers?: Record<string, string>;
  };
  /** Further answers: status to what it means. Those that follow from the rest need not be named. */
  also?: Record<number, string | OtherAnswer>;
}

export interface Input<Params extends z.ZodType, Query extends z.ZodType, Body extends z.ZodType> {
  params: z.output<Params>;
  query: z.output<Query>;
  body: z.output<Body>;
}

export interface Route {
  spec: RouteSpec;
  handler: RequestHandler;
}

const nothing = z.strictObject({});

/**
 * @param handle answers the body, which is sent as JSON with the status of the spec; nothing where it answered
 * itself or there is no body
 */
export function route<
  Params extends z.ZodType = typeof nothing,
  Query extends z.ZodType = typeof nothing,
  Body extends z.ZodType = typeof nothing,
  Answer extends z.ZodType = z.ZodUndefined,
>(
  spec: RouteSpec<Params, Query, Body, Answer>,
  handle: (
    input: Input<Params, Query, Body>,
    request: Request,
    response: Response,
  ) => Promise<z.input<Answer> | void>,
): Route {
  const handler: RequestHandler = async (request, response) => {
    const params = (spec.params ?? z.object({})).safeParse(request.params);
    if (!params.success) throw missing();
    const input = {
      params: params.data,
      query: check(spec.query ?? nothing, request.query, 'query'),
      body: check(spec.body ?? nothing, hasBody(request) || spec.body ? request.body : {}, 'body'),
    } as Input<Params, Query, Body>;
    let answer: unknown;
    try {
      answer = await handle(input, request, response);
    } catch (error) {
      throw asProblem(error);
    }
    if (response.headersSent) return;
    response.status(spec.answer.status).set('Cache-Control', 'no-store');
    if (spec.answer.schema) response.json(answer);
    else response.end();
  };
  return { spec: spec, handler };
}

export const missing = (what = 'thing') =>
  new Problem(404, 'Not found', `There is no such ${what}, or not any more.`);

/** All routes as Express serves them. */
export function routerOf(routes: readonly Route[]): Router {
  const router = Router();
  const methods = new Map<string, Set<string>>();
  for (const { spec, handler } of routes) {
    const path = spec.path.replace(/\{(\w+)\}/g, ':$1');
    router[spec.method](path, parseBody, handler);
    methods.set(path, (methods.get(path) ?? new Set()).add(spec.method.toUpperCase()));
  }
  for (const [path, allowed] of methods)
    router.all(path, (request, response) => {
      const list = [...allowed].join(', ');
      response.set('Allow', list);
      throw new Problem(405, 'Method not allowed', `${request.path} takes ${list}.`);
    });
  return router;
}

const MAX_BODY = 1024 * 1024;
const json = express.json({ limit: MAX_BODY, strict: false, type: () => true });

/** Bodies are JSON, and only that: what a form of another site could send never counts as one. */
const parseBody: RequestHandler = (request, response, next) => {
  if (!hasBody(request)) return next();
  if (Number(request.get('content-length') ?? 0) > MAX_BODY)
    throw new Problem(413, 'Too large', 'A body may have 1 MB.');
  if (!request.is(['application/json', 'application/*+json']))
    throw new Problem(415, 'Not JSON', 'Send the body as application/json.');
  json(request, response, next);
};

const hasBody = (request: Request): boolean =>
  request.get('transfer-encoding') !== undefined || Number(request.get('content-length') ?? 0) > 0;

const MAX_ERRORS = 50;

function check<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  what: 'query' | 'body',
): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const errors = result.error.issues.flatMap(fieldErrors).slice(0, MAX_ERRORS);
  throw badInput(errors, what);
}

export function badInput(errors: FieldError[], what = 'body'): Problem {
  const [first] = errors;
  const where = first?.path ? `${first.path.slice(0, 100)}: ` : '';
  return new Problem(
    400,
    'Bad request',
    `The ${what} has ${errors.length === 1 ? 'a mistake' : 'mistakes'}: ${where}${first?.message ?? ''}`,
    errors,
  );
}

function fieldErrors(issue: z.core.$ZodIssue): FieldError[] {
  if (issue.code === 'unrecognized_keys')
    return issue.keys
      .slice(0, MAX_ERRORS)
      .map((key) => ({ path: pathOf([...issue.path, key]), message: 'is not a known field' }));
  return [{ path: pathOf(issue.path), message: issue.message }];
}

const pathOf = (path: PropertyKey[]): string => path.map(String).join('.').slice(0, 300);

/** What an action throws as what is answered; what is a fault of ours stays as it is. */
export function asProblem(error: unknown): unknown {
  if (error instanceof Problem) return error;
  if (error instanceof ActionRefused) return new Problem(409, 'Makes no sense now', error.message);
  if (error instanceof OperationalError)
    return new Problem(503, 'Not possible now', [error.message, error.advice].filter(Boolean).join(' '));
  // Octokit's: its status is GitHub's answer to us, not ours.
  if (error instanceof Error && error.name === 'HttpError')
    return 'response' in error && error.response
      ? new Problem(502, 'GitHub refused', `GitHub answered: ${error.message.slice(0, 300)}`)
      : new Problem(503, 'GitHub is out of reach', `GitHub did not answer: ${error.message.slice(0, 300)}`);
  return error;
}
