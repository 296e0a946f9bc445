import { ApiError, badCredentials, notFound } from '../api-error.js';
import { ownProfileJson, profileJson } from '../json/account.js';
import { appJson, installationJson } from '../json/app.js';
import { iso } from '../json/common.js';
import { repositoryJson } from '../json/repository.js';
import type { FakeRepository } from '../repository.js';
import {
  asApp,
  asInstallation,
  created,
  grants,
  noContent,
  ok,
  onRepository,
  paginated,
  type ApiRequest,
  type Need,
  type Routes,
} from './route.js';

function installationWith({ world, params }: ApiRequest) {
  const found = world.installations.find(({ id }) => id === Number(params['installation_id']));
  if (!found) throw notFound();
  return found;
}

interface TokenBody {
  repositories?: string[];
  repository_ids?: number[];
  permissions?: Record<string, string>;
}

export const appRoutes: Routes = {
  'apps/get-authenticated': asApp(({ world, urls }) =>
    ok({ ...appJson(urls, world.app), installations_count: world.installations.length }),
  ),

  'apps/list-installations': asApp((request) =>
    paginated(request, request.world.installations, (each) =>
      installationJson(request.urls, request.world.app, each),
    ),
  ),

  'apps/get-installation': asApp((request) =>
    ok(installationJson(request.urls, request.world.app, installationWith(request))),
  ),

  'apps/get-repo-installation': asApp(({ world, urls, params }) => {
    const repository = world.repositoryNamed(`${params['owner']}/${params['repo']}`);
    const installation = repository && world.installationOf(repository);
    if (!installation) throw notFound();
    return ok(installationJson(urls, world.app, installation));
  }),

  /** The token may be narrowed to repositories and permissions, never widened. */
  'apps/create-installation-access-token': asApp((request) => {
    const { world, urls } = request;
    const installation = installationWith(request);
    if (installation.suspendedAt) throw new ApiError(403, 'This installation has been suspended');
    const body = (request.body ?? {}) as TokenBody;
    for (const [name, level] of Object.entries(body.permissions ?? {})) {
      if (!grants(installation.permissions, `${name}:${level}` as Need)) {
        throw new ApiError(422, 'The permissions requested are not granted to this installation.');
      }
    }
    const wanted = [...(body.repositories ?? []), ...(body.repository_ids ?? [])];
    const repositories = wanted.map((name): FakeRepository => {
      const repository = installation.repositories.find((each) => each.id === name || each.name === name);
      if (repository) return repository;
      const message =
        'There is at least one repository that does not exist or is not accessible to the parent installation.';
      throw new ApiError(422, message);
    });
    const permissions = body.permissions && { metadata: 'read', ...body.permissions };
    const narrowed = wanted.length > 0 ? repositories : undefined;
    const issued = world.tokens.issue(installation, permissions, narrowed);
    return created({
      token: issued.token,
      expires_at: iso(issued.expiresAt),
      permissions: issued.permissions,
      repository_selection: narrowed ? 'selected' : installation.selection,
      ...(narrowed && { repositories: narrowed.map((each) => repositoryJson(urls, each)) }),
    });
  }),

  'apps/list-repos-accessible-to-installation': asInstallation((request, installation) => {
    const { actor, urls } = request;
    const narrowed = actor.kind === 'installation' ? actor.token.repositories : undefined;
    const repositories = narrowed ?? installation.repositories;
    return paginated(request, repositories, (each) => repositoryJson(urls, each), 'repositories');
  }),

  'apps/revoke-installation-access-token': asInstallation(({ actor }) => {
    if (actor.kind === 'installation') actor.token.expiresAt = new Date(0);
    return noContent;
  }),

  'users/get-authenticated': ({ actor, urls }) => {
    if (actor.kind === 'anonymous') throw new ApiError(401, 'Requires authentication');
    if (actor.kind !== 'user') throw new ApiError(403, 'Resource not accessible by integration');
    return ok(ownProfileJson(urls, actor.user, iso(Date.UTC(2020, 0, 1))));
  },

  'users/get-by-username': ({ world, params, urls }) => {
    const account = world.accounts.find(params['username'] ?? '');
    if (!account) throw notFound();
    return ok(profileJson(urls, account, iso(Date.UTC(2020, 0, 1))));
  },

  'rate-limit/get': ({ actor }) => {
    if (actor.kind === 'app') throw badCredentials();
    const limit = { limit: 5000, used: 0, remaining: 5000, reset: Math.ceil(Date.now() / 1000) + 3600 };
    return ok({ resources: { core: limit, search: limit, graphql: limit }, rate: limit });
  },

  'repos/get-collaborator-permission-level': onRepository(
    'metadata:read',
    ({ world, urls, params, repository }) => {
      const account = world.accounts.find(params['username'] ?? '');
      if (!account) throw notFound();
      const role = repository.permissionOf(account);
      // The old field knows four levels only.
      const permission = role === 'maintain' ? 'write' : role === 'triage' ? 'read' : role;
      const can = (needed: Parameters<FakeRepository['allows']>[1]) => repository.allows(account, needed);
      const permissions = {
        pull: can('read'),
        triage: can('triage'),
        push: can('write'),
        maintain: can('maintain'),
        admin: can('admin'),
      };
      const user = { ...profileJson(urls, account, iso(0)), permissions, role_name: role };
      return ok({ permission, role_name: role, user });
    },
  ),
};
