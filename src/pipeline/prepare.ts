import { createHash } from 'node:crypto';
import type { Project, ValidationPipeline } from '../database/entities/index.js';
import type { ProjectStore } from '../database/project-store.js';
import type { SettingsStore } from '../database/settings-store.js';
import type { TokenStore } from '../database/token-store.js';
import { OperationalError } from '../domain/errors.js';
import { createRedactor } from '../domain/redaction.js';
import { defaultSettings } from '../domain/settings.js';
import type { GitHubAccess } from '../github/access.js';
import type { Baseline } from './baseline.js';
import type { SetupScope } from './setup-cache/setup-cache.js';
import type { PipelineTools } from './stage.js';
import type { PreparedPipeline } from './worker.js';

export interface PrepareDeps {
  projects: ProjectStore;
  settings: SettingsStore;
  github: GitHubAccess;
  tokens: TokenStore;
  baseline: Baseline;
  tools: Omit<PipelineTools, 'gitToken' | 'redactor'>;
  /** The server's own. */
  secrets: string[];
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
  // The sandbox may be another than when this pipeline was admitted.
  if (pipeline.isFork && !deps.tools.sandbox.isolated)
    throw new OperationalError('This server has no sandbox, and without one it runs no code from forks.', {
      advice: 'Install bubblewrap, and run `codegenapp doctor` to see whether it works.',
    });
  const own = await deps.settings.of(project.id);
  // Also for a fork: its output goes through the project's redactor wherever it is read.
  const secrets = [...deps.secrets, ...Object.values(own.secrets ?? {})];
  let redactor = createRedactor(secrets);
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
      setup: setupScopeOf(pipeline),
    },
    tools: {
      ...deps.tools,
      redactor: {
        redact: (text) => redactor.redact(text),
        redactBytes: (bytes) => redactor.redactBytes(bytes),
        stream: () => redactor.stream(),
        get context() {
          return redactor.context;
        },
      },
      gitToken: async () => {
        const token = await deps.github.gitToken(project);
        // Known in every encoding from now on, so also as git sends it: base64 of `x-access-token:TOKEN`.
        if (token !== null) redactor = createRedactor(secrets, [token.token]);
        return token;
      },
      changes: async () => {
        if (pipeline.pullRequestNumber === null) return null;
        return (await deps.github.repository(project)).changes(pipeline.pullRequestNumber);
      },
      comparison: () => deps.baseline.comparisonFor(pipeline),
      tokens: {
        spentToday: () => deps.tokens.spentToday(project.id),
        spend: (tokens) => deps.tokens.spend(project.id, pipeline.id, tokens),
      },
    },
  };
}

/**
 * What a pull request installs may be anything, so only the base branch's own pipelines keep something for others. A
 * merge group's code is not on the base branch yet.
 */
export function setupScopeOf(
  pipeline: Pick<ValidationPipeline, 'projectId' | 'trigger' | 'baseRef' | 'isFork' | 'rebuildSetup'> & {
    pullRequestNumber: number | null;
  },
): SetupScope {
  const {
    projectId: project,
    trigger,
    baseRef,
    isFork,
    rebuildSetup: rebuild,
    pullRequestNumber: number,
  } = pipeline;
  const base = `base-${createHash('sha256').update(baseRef).digest('hex').slice(0, 16)}` as const;
  if (trigger === 'base') return { project, reads: [base], writes: base, by: 'the base branch', rebuild };
  if (number === null || isFork) return { project, reads: [base], writes: null, by: '', rebuild };
  const own = `pull-${number}` as const;
  return { project, reads: [own, base], writes: own, by: `#${number}`, rebuild };
}

/** Built from what we know, never taken from a payload. */
const sourceOf = ({ fullName }: Project, git: PrepareDeps['git']) => ({
  host: git.host,
  fullName,
  url: `${git.webUrl}/${fullName}.git`,
});
