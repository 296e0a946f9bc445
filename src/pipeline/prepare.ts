import type { Project, ValidationPipeline } from '../database/entities/index.js';
import type { ProjectStore } from '../database/project-store.js';
import type { SettingsStore } from '../database/settings-store.js';
import { OperationalError } from '../domain/errors.js';
import { defaultSettings } from '../domain/settings.js';
import type { GitHubAccess } from '../github/access.js';
import type { PipelineTools } from './stage.js';
import type { PreparedPipeline } from './worker.js';

export interface PrepareDeps {
  projects: ProjectStore;
  settings: SettingsStore;
  github: GitHubAccess;
  tools: Omit<PipelineTools, 'gitToken'>;
  /** Where repositories are cloned from: host with port, and URL without a slash at the end. */
  git: { host: string; webUrl: string };
}

/** Gathers what one stored pipeline needs to run. @throws OperationalError where the project can't be reached */
export async function preparePipeline(
  pipeline: ValidationPipeline,
  deps: PrepareDeps,
): Promise<PreparedPipeline> {
  const project = await deps.projects.find(pipeline.projectId);
  if (!project) throw new OperationalError('The project of this pipeline was deleted.');
  const own = await deps.settings.of(project.id);
  return {
    spec: {
      id: pipeline.id,
      source: sourceOf(project, deps.git),
      fetchRef: pipeline.fetchRef,
      headSha: pipeline.headSha,
      headRef: pipeline.headRef,
      baseRef: pipeline.baseRef,
      pullRequestNumber: pipeline.pullRequestNumber,
      settings: { ...defaultSettings(), ...pipeline.settings, secrets: {} },
      heedSkipMarkers: pipeline.trigger === 'event',
      secrets: pipeline.isFork ? {} : (own.secrets ?? {}),
    },
    tools: { ...deps.tools, gitToken: () => deps.github.gitToken(project) },
  };
}

/** Built from what we know, never taken from a payload. */
const sourceOf = ({ fullName }: Project, git: PrepareDeps['git']) => ({
  host: git.host,
  fullName,
  url: `${git.webUrl}/${fullName}.git`,
});
