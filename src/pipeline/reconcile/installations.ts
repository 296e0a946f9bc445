/** Where the App is installed, and as what it is registered: changed while nobody listened. */
import { In, IsNull, LessThan, Not } from 'typeorm';
import { Project } from '../../database/entities/index.js';
import { missingFrom, wantedRegistration } from '../../github/registration.js';
import type { ReconcileDeps } from './deps.js';

/** Makes the projects of all installations, and takes those away that the App no longer reaches. */
export async function followInstallations(deps: ReconcileDeps, signal: AbortSignal): Promise<void> {
  const { github, projects, log } = deps;
  if (!github.app) return;
  // What webhooks change meanwhile is newer than what is listed.
  const began = new Date();
  const octokit = await github.app.auth();
  const installations = await octokit.paginate(octokit.rest.apps.listInstallations, {
    per_page: 100,
    request: { signal },
  });
  const active = installations.filter(({ suspended_at }) => suspended_at === null);
  for (const { id } of active) {
    if (signal.aborted) return;
    const reached: number[] = [];
    const own = await github.app.auth(id);
    const pages = own.paginate.iterator(own.rest.apps.listReposAccessibleToInstallation, {
      per_page: 100,
      request: { signal },
    });
    for await (const { data } of pages) {
      for (const repository of data) {
        await projects.follow(repository, id);
        reached.push(repository.id);
      }
    }
    await removeOthers(deps, { installationId: id, reached, began });
  }
  const ids = active.map(({ id }) => id);
  const gone = await deps.database.read.find(Project, {
    select: { id: true, installationId: true },
    where: { installationId: ids.length > 0 ? Not(In(ids)) : Not(IsNull()), updatedAt: LessThan(began) },
  });
  for (const installationId of new Set(gone.map((project) => project.installationId!))) {
    await projects.remove({ installationId });
    log.info({ installationId }, 'the App is no longer installed there');
  }
}

async function removeOthers(
  { database, projects, log }: ReconcileDeps,
  { installationId, reached, began }: { installationId: number; reached: number[]; began: Date },
): Promise<void> {
  const known = await database.read.find(Project, {
    select: { id: true, repositoryId: true, fullName: true },
    where: { installationId, removedAt: IsNull(), updatedAt: LessThan(began) },
  });
  const set = new Set(reached);
  const lost = known.filter(({ repositoryId }) => repositoryId !== null && !set.has(repositoryId));
  if (lost.length === 0) return;
  await projects.remove({ repositoryIds: lost.map(({ repositoryId }) => repositoryId!) });
  log.info(
    { projects: lost.map(({ fullName }) => fullName) },
    'the App no longer reaches these repositories',
  );
}

/** Warns of what the App's registration lacks: app.yml seeds new ones only. */
export async function checkRegistration({ github, log }: ReconcileDeps, signal: AbortSignal): Promise<void> {
  if (!github.app) return;
  const octokit = await github.app.auth();
  const { data } = await octokit.request('GET /app', { request: { signal } });
  if (!data) return;
  const missing = missingFrom(data, await wantedRegistration());
  if (missing.length > 0)
    log.warn(
      { missing },
      `The GitHub App lacks ${missing.join(', ')}. Add it in the App's settings, then accept it where the App is installed.`,
    );
}
