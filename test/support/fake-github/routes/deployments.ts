import { ApiError, notFound, validationFailed } from '../api-error.js';
import type { Deployment } from '../deployment.js';
import { deploymentJson, deploymentStatusJson } from '../json/deployment.js';
import { latestOf } from '../mergeability.js';
import {
  created,
  noContent,
  ok,
  onRepository,
  paginated,
  resolveRef,
  type RepositoryRequest,
  type Routes,
} from './route.js';

interface DeploymentBody {
  ref: string;
  task?: string;
  auto_merge?: boolean;
  required_contexts?: string[] | null;
  payload?: unknown;
  environment?: string;
  description?: string | null;
  transient_environment?: boolean;
  production_environment?: boolean;
}
interface DeploymentStatusBody {
  state: string;
  target_url?: string;
  log_url?: string;
  description?: string;
  environment?: string;
  environment_url?: string;
  auto_inactive?: boolean;
}

function deploymentWith({ repository, params }: RepositoryRequest): Deployment {
  const found = repository.deployments.find(({ id }) => id === Number(params['deployment_id']));
  if (!found) throw notFound();
  return found;
}

export const deploymentRoutes: Routes = {
  'repos/list-deployments': onRepository('deployments:read', (request) => {
    const { urls, repository, query } = request;
    const matches = (name: 'sha' | 'ref' | 'task' | 'environment', each: Deployment) =>
      (query.get(name) ?? each[name]) === each[name];
    const found = repository.deployments
      .filter((each) => (['sha', 'ref', 'task', 'environment'] as const).every((name) => matches(name, each)))
      .reverse();
    return paginated(request, found, (each) => deploymentJson(urls, repository, each));
  }),

  'repos/create-deployment': onRepository('deployments:write', (request) => {
    const { world, urls, repository, account } = request;
    const body = request.body as DeploymentBody;
    const sha = resolveRef(repository, body.ref);
    if (!sha) throw new ApiError(422, `No ref found for: ${body.ref}`);
    // Without a list every context that reported must be green.
    const { statuses } = latestOf(repository, sha);
    const contexts = body.required_contexts ?? statuses.map((status) => status.context);
    const red = contexts.filter(
      (name) => statuses.find((status) => status.context === name)?.state !== 'success',
    );
    if (red.length > 0) {
      throw new ApiError(409, 'Conflict: Commit status checks failed for ' + body.ref, [
        { contexts: red, resource: 'Deployment', field: 'required_contexts', code: 'invalid' },
      ]);
    }
    const environment = body.environment ?? 'production';
    const deployment: Deployment = {
      id: world.nextId('issue'),
      sha,
      ref: body.ref,
      task: body.task ?? 'deploy',
      environment,
      description: body.description ?? null,
      payload: body.payload ?? {},
      transient: body.transient_environment ?? false,
      production: body.production_environment ?? environment === 'production',
      creator: account,
      createdAt: new Date(),
      statuses: [],
    };
    repository.deployments.push(deployment);
    return created(deploymentJson(urls, repository, deployment));
  }),

  'repos/get-deployment': onRepository('deployments:read', (request) =>
    ok(deploymentJson(request.urls, request.repository, deploymentWith(request))),
  ),

  'repos/delete-deployment': onRepository('deployments:write', (request) => {
    const { repository } = request;
    const deployment = deploymentWith(request);
    if (repository.deployments.length > 1 && deployment.statuses.at(-1)?.state !== 'inactive') {
      throw new ApiError(
        422,
        'We cannot delete an active deployment unless it is the only deployment in a given environment.',
      );
    }
    repository.deployments.splice(repository.deployments.indexOf(deployment), 1);
    return noContent;
  }),

  'repos/list-deployment-statuses': onRepository('deployments:read', (request) => {
    const { urls, repository } = request;
    const deployment = deploymentWith(request);
    const newestFirst = [...deployment.statuses].reverse();
    return paginated(request, newestFirst, (each) =>
      deploymentStatusJson(urls, repository, deployment, each),
    );
  }),

  'repos/create-deployment-status': onRepository('deployments:write', (request) => {
    const { world, urls, repository, account } = request;
    const deployment = deploymentWith(request);
    const body = request.body as DeploymentStatusBody;
    if ((body.description?.length ?? 0) > 140) {
      throw validationFailed(
        'DeploymentStatus',
        'description',
        'description is too long (maximum is 140 characters)',
      );
    }
    const status = {
      id: world.nextId('issue'),
      state: body.state,
      description: body.description ?? '',
      environmentUrl: body.environment_url ?? '',
      logUrl: body.log_url ?? body.target_url ?? '',
      creator: account,
      createdAt: new Date(),
    };
    deployment.statuses.push(status);
    if (body.state === 'success' && body.auto_inactive !== false) {
      for (const other of repository.deployments) {
        const replaced =
          other !== deployment &&
          other.environment === deployment.environment &&
          !other.transient &&
          !other.production &&
          other.statuses.at(-1)?.state === 'success';
        if (replaced) other.statuses.push({ ...status, id: world.nextId('issue'), state: 'inactive' });
      }
    }
    return created(deploymentStatusJson(urls, repository, deployment, status));
  }),
};
