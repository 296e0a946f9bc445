import { ApiError } from './api-error.js';
import { answerGraphql } from './routes/graphql.js';
import { routes } from './routes/index.js';
import { maySee, type Answer } from './routes/route.js';
import { actorName, type Actor } from './tokens.js';
import type { World } from './world.js';

/** A request to the API as it came, its body read. */
export interface IncomingApiRequest {
  method: string;
  url: URL;
  headers: Record<string, string | string[] | undefined>;
  body: Buffer;
}

export interface ApiAnswer extends Answer {
  authenticatedAs: string;
  /** The body as JSON, for the log. */
  requestBody: unknown;
}

/** Answers a request to the REST or GraphQL API as GitHub would. What GitHub would not understand becomes a problem. */
export function answerApi(world: World, request: IncomingApiRequest): ApiAnswer {
  let actor: Actor = { kind: 'anonymous' };
  let authenticatedAs = 'nobody';
  let requestBody: unknown;
  try {
    requestBody = parseBody(request.body);
    actor = world.tokens.authenticate(request.headers['authorization'] as string | undefined);
    authenticatedAs = actorName(actor);
    const answer =
      request.url.pathname === '/api/graphql'
        ? graphql(world, actor, requestBody)
        : rest(world, actor, request, requestBody);
    return { ...answer, authenticatedAs, requestBody };
  } catch (error) {
    if (error instanceof ApiError) {
      return { status: error.status, body: error.body, authenticatedAs, requestBody };
    }
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    world.problem(`the fake itself failed at ${request.method} ${request.url.pathname}: ${text}`);
    return { status: 500, body: { message: 'Server Error' }, authenticatedAs, requestBody };
  }
}

function parseBody(body: Buffer): unknown {
  if (body.length === 0) return undefined;
  try {
    return JSON.parse(body.toString()) as unknown;
  } catch {
    throw new ApiError(400, 'Problems parsing JSON');
  }
}

function graphql(world: World, actor: Actor, body: unknown): Answer {
  if (actor.kind === 'anonymous') throw new ApiError(401, 'This endpoint requires you to be authenticated.');
  const answer = answerGraphql(world, actor, body);
  if (answer) return answer;
  world.problem(`GraphQL that the fake does not model: ${JSON.stringify(body)}`);
  throw new ApiError(404, 'Not Found');
}

function rest(world: World, actor: Actor, request: IncomingApiRequest, body: unknown): Answer {
  const { method, url } = request;
  const path = byId(world, actor, url.pathname.replace(/^\/api\/v3/, ''));
  const match = world.openApi.match(method, path);
  const handle = match && routes[match.operation.id];
  if (!handle) {
    world.problem(`no route for ${method} ${path}: the fake does not model it`);
    throw new ApiError(404, 'Not Found');
  }
  const problems = world.openApi.requestProblems(match, url.searchParams, body);
  for (const problem of problems) world.problem(`${match.operation.id} (${method} ${path}): ${problem}`);
  if (problems.length > 0) throw new ApiError(422, `Invalid request.\n\n${problems.join('\n')}`);
  const accept = String(request.headers['accept'] ?? '');
  const answer = handle({
    world,
    urls: world.urls,
    actor,
    params: match.params,
    query: url.searchParams,
    body,
    accept,
    url,
  });
  // Text and bytes are the other media types that a client may ask for.
  if (answer.status < 300 && typeof answer.body !== 'string' && !Buffer.isBuffer(answer.body)) {
    for (const problem of world.openApi.answerProblems(match.operation, answer.status, answer.body)) {
      world.problem(`the fake's answer to ${match.operation.id} is not like GitHub's: ${problem}`);
    }
  }
  return answer;
}

/** /repositories/{id}/… is where GitHub redirects requests for a repository that was renamed. */
function byId(world: World, actor: Actor, path: string): string {
  const [, id, rest = ''] = /^\/repositories\/(\d+)(\/.*)?$/.exec(path) ?? [];
  const repository = id && world.repositories.find((each) => each.id === Number(id));
  return repository && maySee(actor, repository) ? `/repos/${repository.fullName}${rest}` : path;
}
