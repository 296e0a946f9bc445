import type { IncomingMessage, ServerResponse } from 'node:http';
import { ApiError } from './api-error.js';
import type { ActiveFault } from './faults.js';
import { forwardGit } from './git/forward.js';
import { serveGit, wantedBy } from './git/http-backend.js';
import type { FakeRepository } from './repository.js';
import { NOTHING } from './repository-files.js';
import { authorize, maySee } from './routes/route.js';
import { actorName, type Actor } from './tokens.js';
import type { World } from './world.js';

const PATH = /^\/([^/]+\/[^/]+?)(?:\.git)?(\/info\/refs|\/git-upload-pack|\/git-receive-pack)$/;
/** Enough to begin a packfile, not enough to end one. */
const CUT_AFTER_BYTES = 512;

export const isGitPath = (path: string): boolean => PATH.test(path);

/** Answers a git client. Resolves with whom it saw, when the answer is complete. */
export async function answerGit(
  world: World,
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
  body: Buffer,
  fault: ActiveFault | undefined,
): Promise<string> {
  const [, fullName = '', path = ''] = PATH.exec(decodeURIComponent(url.pathname)) ?? [];
  const push = path === '/git-receive-pack' || url.searchParams.get('service') === 'git-receive-pack';
  let actor: Actor;
  let repository: FakeRepository;
  try {
    actor = world.tokens.authenticate(request.headers.authorization);
    const found = world.repositoryNamed(fullName);
    const moved = found ? undefined : world.repositoryOnceNamed(fullName);
    if (moved && maySee(actor, moved)) {
      response.writeHead(301, { location: `${moved.cloneUrl}${path}${url.search}` }).end();
      return actorName(actor);
    }
    if (!found || !maySee(actor, found) || (push && actor.kind === 'anonymous')) {
      throw new ApiError(actor.kind === 'anonymous' ? 401 : 404, 'Repository not found.');
    }
    if (push || found.private || actor.kind === 'installation') {
      authorize(actor, found, [push ? 'contents:write' : 'contents:read']);
    }
    repository = found;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const headers = error.status === 401 ? { 'www-authenticate': 'Basic realm="GitHub"' } : {};
    response.writeHead(error.status, { 'content-type': 'text/plain', ...headers }).end(error.message);
    return 'nobody';
  }
  const authenticatedAs = actorName(actor);
  const before = push ? heads(repository) : undefined;
  const wanted = path === '/git-upload-pack' ? wantedBy(request, body) : [];
  const asked = {
    directory: repository.git.directory,
    path,
    query: url.search.slice(1),
    body,
    remoteUser: authenticatedAs,
    ...(fault?.cut && { cutAfterBytes: CUT_AFTER_BYTES }),
  };
  // That server knows neither who pushes nor of faults.
  const bytes = await (world.gitServer && !push && !fault?.cut
    ? forwardGit(world.gitServer, request, response, asked)
    : serveGit(request, response, asked));
  if (wanted.length > 0) repository.fetches.push({ at: new Date(), bytes, authenticatedAs, wanted });
  if (before && path === '/git-receive-pack') {
    const pusher = actor.kind === 'user' ? actor.user.login : world.appAccount.login;
    const after = heads(repository);
    for (const branch of new Set([...before.keys(), ...after.keys()])) {
      if (before.get(branch) === after.get(branch)) continue;
      const change = repository.pushed(branch, before.get(branch) ?? NOTHING, pusher);
      for (const event of [change.event, ...change.synchronized]) world.emit(event);
    }
  }
  return authenticatedAs;
}

const heads = ({ git }: FakeRepository) =>
  new Map(git.refNames('refs/heads').map((name) => [name, git.ref(`refs/heads/${name}`)!]));
