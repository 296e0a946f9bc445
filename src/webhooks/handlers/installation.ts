/** Projects follow where the App is installed and what becomes of the repositories; their history always stays. */
import type { Payload } from '../events.js';
import type { HandlerDeps } from './deps.js';

export async function onInstallation(payload: Payload<'installation'>, deps: HandlerDeps): Promise<void> {
  const { action, installation, repositories } = payload;
  if (action === 'deleted' || action === 'suspend')
    return deps.projects.remove({ installationId: installation.id });
  for (const repository of repositories ?? []) await deps.projects.follow(repository, installation.id);
}

export async function onInstallationRepositories(
  payload: Payload<'installation_repositories'>,
  deps: HandlerDeps,
): Promise<void> {
  for (const repository of payload.repositories_added)
    await deps.projects.follow(repository, payload.installation.id);
  await deps.projects.remove({ repositoryIds: payload.repositories_removed.map(({ id }) => id) });
}

export async function onRepository(payload: Payload<'repository'>, deps: HandlerDeps): Promise<void> {
  const { action, repository, installation } = payload;
  if (action === 'deleted') await deps.projects.remove({ repositoryIds: [repository.id] });
  else await deps.projects.follow(repository, installation?.id);
}
