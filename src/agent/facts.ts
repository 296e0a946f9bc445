import type { AgentRunStore } from '../database/agent-run-store.js';
import { isOpen } from '../database/agent-run-store.js';
import type { AgentRun, ValidationPipeline } from '../database/entities/index.js';
import type { PipelineStore } from '../database/pipeline-store.js';
import { emptyResults } from '../domain/pipeline.js';
import { defaultSettings, type Settings } from '../domain/settings.js';
import type { GitHubRepository } from '../github/repository.js';
import { actorKind, type EarlierFix, type FixFacts } from './decide.js';
import { failsWithin, failureSignature } from './signature.js';

/** The accounts that Codegen pushes with. */
export const AGENT_LOGINS = ['codegen-sh[bot]', 'codegen-sh'];

export interface FactsDeps {
  pipelines: PipelineStore;
  runs: AgentRunStore;
  agentConfigured: boolean;
}

/** The settings that a pipeline was made with. */
export const settingsOf = (pipeline: ValidationPipeline): Settings => ({
  ...defaultSettings(),
  ...pipeline.settings,
  secrets: {},
});

/** A fix that Codegen accepted, or that may still be. */
export const counts = (run: AgentRun): boolean => run.remoteId !== null || isOpen(run);

/** Gathers what `decideFix` asks for, from the database and from GitHub at this moment. */
export async function gatherFacts(
  pipeline: ValidationPipeline,
  repository: GitHubRepository,
  askedBy: FixFacts['askedBy'],
  { pipelines, runs, agentConfigured }: FactsDeps,
): Promise<FixFacts> {
  const number = pipeline.pullRequestNumber!;
  const pull = await repository.pullRequest(number);
  const settings = settingsOf(pipeline);
  const earlier = (await runs.fixesOf(pipeline.projectId, number)).filter(counts);
  return {
    askedBy,
    pullRequest: {
      state: pull.state === 'open' ? 'open' : 'closed',
      fromFork: pipeline.isFork,
      labels: pull.labels.map(({ name }) => name),
      author: pull.user ? actorKind(pull.user, AGENT_LOGINS) : 'person',
      headSha: pull.head.sha,
      headAuthor: await headAuthor(pipeline, repository),
    },
    pipeline: {
      headSha: pipeline.headSha,
      conclusion: pipeline.status === 'completed' ? pipeline.conclusion : null,
      ourFault: pipeline.errorMessage !== null,
      signature: await signatureOf(pipeline, pipelines),
    },
    baseFailsToo: await baseFailsToo(pipeline, { pipelines, runs }),
    earlier: earlier.map((run): EarlierFix => ({
      headSha: run.headSha!,
      signature: run.signature,
      open: isOpen(run),
    })),
    agentConfigured,
    // A person who asks may know better: trying tells.
    outOfRuns: askedBy === 'pipeline' && (await runs.outOfRuns()),
    settings: { autoFixEnabled: settings.auto_fix_enabled, maxFixAttempts: settings.max_fix_attempts },
  };
}

async function headAuthor(pipeline: ValidationPipeline, repository: GitHubRepository) {
  if (pipeline.agentRunId !== null) return 'agent' as const;
  const author = await repository.commitAuthor(pipeline.headSha);
  return author ? actorKind(author, AGENT_LOGINS) : 'person';
}

/** Whether the base branch's validation, where it is known, fails with all that failed in a pipeline. */
export async function baseFailsToo(
  pipeline: ValidationPipeline,
  { pipelines, runs }: Pick<FactsDeps, 'pipelines' | 'runs'>,
): Promise<boolean> {
  const base = await runs.validationOfBase(pipeline);
  if (!base) return false;
  const signature = await signatureOf(pipeline, pipelines);
  if (signature !== null && signature === (await signatureOf(base, pipelines))) return true;
  return failsWithin(await failureOf(pipeline, pipelines), await failureOf(base, pipelines));
}

const failureOf = async ({ id, validationResults }: ValidationPipeline, pipelines: PipelineStore) => ({
  results: validationResults ?? emptyResults(),
  stages: await pipelines.stagesOf(id),
});

async function signatureOf(pipeline: ValidationPipeline, pipelines: PipelineStore): Promise<string | null> {
  const results = pipeline.validationResults ?? emptyResults();
  return failureSignature(results, await pipelines.stagesOf(pipeline.id), results.logTail?.text);
}
