import { ApiError, notForIntegrations, notFound } from '../api-error.js';
import { readCommit } from '../git/commits.js';
import type { Account } from '../accounts.js';
import type { Installation } from '../installation.js';
import type { Json, Urls } from '../json/common.js';
import type { FakeRepository } from '../repository.js';
import type { Actor } from '../tokens.js';
import type { World } from '../world.js';

export interface Answer {
  status: number;
  /** An object is sent as JSON, text and bytes as they are. */
  body?: unknown;
  headers?: Record<string, string>;
}

/** One request that passed authentication; its parameters and body are as the description wants them. */
export interface ApiRequest {
  world: World;
  urls: Urls;
  actor: Actor;
  params: Record<string, string>;
  query: URLSearchParams;
  body: unknown;
  /** The Accept header. */
  accept: string;
  /** Path and query, for Link headers. */
  url: URL;
}

/** A request about a repository that the actor may see. */
export interface RepositoryRequest extends ApiRequest {
  repository: FakeRepository;
  /** Whose doing it is. */
  account: Account;
}

/** A permission of an App: what, and how much of it; several: any of them will do. */
export type Need = `${string}:${'read' | 'write'}`;

export type Handler = (request: ApiRequest) => Answer;
/** By the operation's id in GitHub's description. */
export type Routes = Record<string, Handler>;

export const ok = (body: unknown): Answer => ({ status: 200, body });
export const created = (body: unknown): Answer => ({ status: 201, body });
export const noContent: Answer = { status: 204 };

/** For the App itself, by its JSON web token. */
export function asApp(handle: Handler): Handler {
  return (request) => {
    if (request.actor.kind !== 'app') throw new ApiError(401, 'A JSON web token could not be decoded');
    return handle(request);
  };
}

export function asInstallation(handle: (request: ApiRequest, installation: Installation) => Answer): Handler {
  return (request) => {
    if (request.actor.kind !== 'installation') {
      throw new ApiError(
        403,
        'You must authenticate with an installation access token in order to list repositories for an installation.',
      );
    }
    return handle(request, request.actor.token.installation);
  };
}

/** About a repository, for whoever may see it and has one of the permissions there. */
export function onRepository(needs: Need | Need[], handle: (request: RepositoryRequest) => Answer): Handler {
  return (request) => {
    const { actor, params, world, url } = request;
    const fullName = `${params['owner']}/${params['repo']}`;
    const repository = world.repositoryNamed(fullName);
    if (!repository) {
      const moved = world.repositoryOnceNamed(fullName.toLowerCase());
      if (!moved || !maySee(actor, moved)) throw notFound();
      const rest = url.pathname.split('/').slice(6).join('/');
      const location = `${request.urls.api}/repositories/${moved.id}${rest && `/${rest}`}${url.search}`;
      return { status: 301, headers: { location }, body: { message: 'Moved Permanently', url: location } };
    }
    const account = authorize(actor, repository, [needs].flat());
    return handle({ ...request, repository, account });
  };
}

/** Whether the actor can read the repository at all. */
export function maySee(actor: Actor, repository: FakeRepository): boolean {
  if (!repository.private) return true;
  if (actor.kind === 'installation') return covers(actor, repository);
  return actor.kind === 'user' && repository.allows(actor.user, 'read');
}

const covers = ({ token }: Actor & { kind: 'installation' }, repository: FakeRepository) =>
  token.installation.has(repository) && (token.repositories?.includes(repository) ?? true);

/** Throws what GitHub answers to somebody who may not; otherwise says in whose name it is done. */
export function authorize(actor: Actor, repository: FakeRepository, needs: Need[]): Account {
  if (!maySee(actor, repository)) throw notFound();
  const writes = needs.every((need) => need.endsWith(':write'));
  if (writes && repository.archived) throw new ApiError(403, 'Repository was archived so is read-only.');
  if (actor.kind === 'installation') {
    const open = !writes && !repository.private && !covers(actor, repository);
    const granted = needs.some((need) => grants(actor.token.permissions, need));
    if (!open && !(covers(actor, repository) && granted)) throw notForIntegrations();
    return repository.world.appAccount;
  }
  if (actor.kind === 'app') throw notForIntegrations();
  if (actor.kind === 'anonymous') {
    if (writes) throw new ApiError(401, 'Requires authentication');
    return repository.world.user('ghost');
  }
  if (writes) {
    if (needs.includes('checks:write')) throw new ApiError(403, 'You must authenticate via a GitHub App.');
    // Anyone who can read may comment; the rest needs push access.
    const needed = needs.includes('issues:write') ? 'read' : 'write';
    if (!repository.allows(actor.user, needed)) throw notFound();
  }
  return actor.user;
}

/** Whether permissions such as { checks: 'write' } include one. Reading metadata is always included. */
export function grants(permissions: Record<string, string>, need: Need): boolean {
  const [name = '', level] = need.split(':');
  const granted = permissions[name] ?? (name === 'metadata' ? 'read' : undefined);
  return granted !== undefined && (level === 'read' || granted !== 'read');
}

/** One page of a list, with the Link header to the others. `wrap` names the list in an object with total_count. */
export function paginated<T>(
  request: ApiRequest,
  items: readonly T[],
  show: (item: T) => Json,
  wrap?: string,
): Answer {
  const size = Math.min(Math.max(Number(request.query.get('per_page') ?? 30), 1), 100);
  const page = Math.max(Number(request.query.get('page') ?? 1), 1);
  const last = Math.max(Math.ceil(items.length / size), 1);
  const list = items.slice((page - 1) * size, page * size).map(show);
  const link = (number: number, rel: string) => {
    const url = new URL(request.url);
    url.searchParams.set('page', String(number));
    return `<${url.href}>; rel="${rel}"`;
  };
  const links = [
    ...(page > 1 ? [link(page - 1, 'prev')] : []),
    ...(page < last ? [link(page + 1, 'next'), link(last, 'last')] : []),
    ...(page > 1 ? [link(1, 'first')] : []),
  ];
  return {
    status: 200,
    body: wrap === undefined ? list : { total_count: items.length, [wrap]: list },
    headers: links.length > 0 ? { link: links.join(', ') } : {},
  };
}

/** The commit sha that a ref means: a sha, a branch, heads/…, or HEAD. */
export function resolveRef(repository: FakeRepository, ref: string): string | undefined {
  if (/^[0-9a-f]{40}$/.test(ref)) return readCommit(repository.git, ref)?.sha;
  if (ref === 'HEAD') return repository.branch(repository.defaultBranch);
  for (const name of [`refs/heads/${ref}`, `refs/${ref}`, `refs/tags/${ref}`, ref]) {
    const sha = name.startsWith('refs/') ? repository.git.ref(name) : undefined;
    if (sha) return sha;
  }
  return undefined;
}

/** The same, or GitHub's 422. */
export function commitAt(repository: FakeRepository, ref: string): string {
  const sha = resolveRef(repository, ref);
  if (!sha) throw new ApiError(422, `No commit found for SHA: ${ref}`);
  return sha;
}
