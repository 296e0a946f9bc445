import type { Deployment, DeploymentStatus } from '../deployment.js';
import type { FakeRepository } from '../repository.js';
import { accountJson } from './account.js';
import { appJson } from './app.js';
import { type Json, type Urls, iso, nodeId } from './common.js';

const appOf = (urls: Urls, { world }: FakeRepository, creator: Deployment['creator']) =>
  creator === world.appAccount ? appJson(urls, world.app) : null;

export function deploymentJson(urls: Urls, repository: FakeRepository, each: Deployment): Json {
  const root = `${urls.api}/repos/${repository.fullName}`;
  const url = `${root}/deployments/${each.id}`;
  const changedAt = each.statuses.at(-1)?.createdAt ?? each.createdAt;
  return {
    url,
    id: each.id,
    node_id: nodeId('DE', each.id),
    task: each.task,
    original_environment: each.environment,
    environment: each.environment,
    description: each.description,
    created_at: iso(each.createdAt),
    updated_at: iso(changedAt),
    statuses_url: `${url}/statuses`,
    repository_url: root,
    creator: accountJson(urls, each.creator),
    sha: each.sha,
    ref: each.ref,
    payload: each.payload,
    transient_environment: each.transient,
    production_environment: each.production,
    performed_via_github_app: appOf(urls, repository, each.creator),
  };
}

export function deploymentStatusJson(
  urls: Urls,
  repository: FakeRepository,
  deployment: Deployment,
  status: DeploymentStatus,
): Json {
  const root = `${urls.api}/repos/${repository.fullName}`;
  const url = `${root}/deployments/${deployment.id}`;
  return {
    url: `${url}/statuses/${status.id}`,
    id: status.id,
    node_id: nodeId('DES', status.id),
    state: status.state,
    description: status.description,
    environment: deployment.environment,
    target_url: status.logUrl,
    created_at: iso(status.createdAt),
    updated_at: iso(status.createdAt),
    deployment_url: url,
    repository_url: root,
    creator: accountJson(urls, status.creator),
    environment_url: status.environmentUrl,
    log_url: status.logUrl,
    performed_via_github_app: appOf(urls, repository, status.creator),
  };
}
