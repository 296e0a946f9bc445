/** Merges what passed, at exactly the sha that passed, from what GitHub says at this moment. */
import type { Database } from '../database/database.js';
import type { ValidationPipeline } from '../database/entities/index.js';
import type { PipelineStore } from '../database/pipeline-store.js';
import type { ProjectStore } from '../database/project-store.js';
import { messageOf } from '../domain/errors.js';
import { defaultSettings } from '../domain/settings.js';
import type { GitHubAccess } from '../github/access.js';
import { decideMerge, type MergeFacts } from '../github/merge-decision.js';
import { statusOf, type GitHubRepository, type MergeMethod } from '../github/repository.js';
import type { MergeView } from '../github/view.js';
import type { Logger } from '../logging.js';
import type { Queue } from '../queue/contract.js';

type PullRequest = Awaited<ReturnType<GitHubRepository['pullRequest']>>;
type AskedBy = MergeFacts['askedBy'];

interface MergeAttempt {
  pipeline: ValidationPipeline;
  repository: GitHubRepository;
  askedBy: AskedBy;
  look: number;
  method: MergeMethod;
}

/** GitHub works out in the background whether a pull request can be merged: asked this often, ever more slowly. */
const MAX_LOOKS = 6;
const LOOK_MS = 2_000;

export class Merger {
  constructor(
    private readonly deps: {
      database: Database;
      queue: Queue;
      projects: ProjectStore;
      pipelines: PipelineStore;
      github: GitHubAccess;
      log: Logger;
    },
  ) {}

  /**
   * Merges the pull request of a pipeline, or notes on it why not. Safe to repeat: it looks first.
   * @param look the nth, from 1
   * @returns null where there is nothing to be said
   */
  async merge(pipelineId: string, askedBy: AskedBy, look = 1): Promise<MergeView | null> {
    const { pipelines, projects, github } = this.deps;
    const pipeline = await pipelines.find(pipelineId);
    const project = pipeline && (await projects.find(pipeline.projectId));
    if (!pipeline || !project || pipeline.pullRequestNumber === null) return null;
    const settings = { ...defaultSettings(), ...pipeline.settings };
    if (askedBy === 'pipeline' && !settings.auto_merge_enabled) return null;
    if (pipeline.merge?.state === 'merged') return pipeline.merge;

    const repository = await github.repository(project);
    const pull = await repository.pullRequest(pipeline.pullRequestNumber);
    if (pull.merged && pull.head.sha === pipeline.headSha)
      return this.note(pipeline, { state: 'merged', reason: '' });
    const decision = decideMerge({
      askedBy,
      conclusion: pipeline.status === 'completed' ? pipeline.conclusion : null,
      validatedSha: pipeline.headSha,
      autoMergeEnabled: settings.auto_merge_enabled,
      pullRequest: factsOf(pull),
      autoMergeAllowed: pull.base.repo.allow_auto_merge ?? null,
    });
    if (decision.askAgain) return this.lookAgain(pipeline, askedBy, look, decision.reason);
    if (decision.decision === 'no') return this.note(pipeline, { state: 'refused', reason: decision.reason });

    if (decision.decision === 'enable_auto_merge') {
      const refusal = await refusalOf(
        repository.enableAutoMerge(pull.node_id, pipeline.headSha, settings.merge_method),
      );
      if (refusal === null) return this.note(pipeline, { state: 'scheduled', reason: decision.reason });
      // What waited is there by now: GitHub wants it merged directly.
      if (!/\b(clean|unstable) status/i.test(refusal))
        return this.note(pipeline, { state: 'refused', reason: refusal });
    }
    try {
      await repository.merge(pull.number, pipeline.headSha, settings.merge_method);
    } catch (error) {
      return this.failed(error, { pipeline, repository, askedBy, look, method: settings.merge_method });
    }
    return this.note(pipeline, {
      state: 'merged',
      reason: `At ${pipeline.headSha.slice(0, 7)}, as validated.`,
    });
  }

  /**
   * Keeps GitHub from merging what it was asked to merge once its rules allow. Safe to repeat.
   * @param pipeline whose pull request is to be validated anew
   * @throws RequestError where GitHub was not reached: it may still merge
   */
  async withdraw(pipeline: ValidationPipeline, repository: GitHubRepository): Promise<void> {
    if (pipeline.merge?.state !== 'scheduled') return;
    const { node_id: nodeId, auto_merge: autoMerge } = await repository.pullRequest(
      pipeline.pullRequestNumber!,
    );
    const refusal = autoMerge ? await refusalOf(repository.disableAutoMerge(nodeId)) : null;
    // Another try would be refused too; that must not keep the new head from being validated.
    if (refusal !== null)
      this.deps.log.warn({ refusal, pipelineId: pipeline.id }, 'auto-merge could not be switched off');
    await this.deps.pipelines.note(pipeline.id, { merge: null });
  }

  private async failed(
    error: unknown,
    { pipeline, repository, askedBy, look, method }: MergeAttempt,
  ): Promise<MergeView> {
    // Whatever the answer was, or if there was none: it may have been merged all the same.
    const now = await repository.pullRequest(pipeline.pullRequestNumber!);
    if (now.merged && now.head.sha === pipeline.headSha)
      return this.note(pipeline, {
        state: 'merged',
        reason: `At ${pipeline.headSha.slice(0, 7)}, as validated.`,
      });
    const status = statusOf(error);
    if (status === 409 || now.head.sha !== pipeline.headSha)
      return this.note(pipeline, {
        state: 'refused',
        reason: `There is a newer commit, ${now.head.sha.slice(0, 7)}, which has to be validated first.`,
      });
    if (status !== 405 && status !== 403 && status !== 422) throw error;
    const said = saidBy(error);
    if (/base branch was modified/i.test(said)) return this.lookAgain(pipeline, askedBy, look, said);
    // A rule that `mergeable_state` does not tell of, as a merge queue that everything has to go through.
    if (status === 405 && now.state === 'open' && now.mergeable !== false) {
      const refusal = await refusalOf(repository.enableAutoMerge(now.node_id, pipeline.headSha, method));
      if (refusal === null) return this.note(pipeline, { state: 'scheduled', reason: `It says: ${said}` });
    }
    return this.note(pipeline, { state: 'refused', reason: `GitHub does not merge it: ${said}` });
  }

  private async lookAgain(
    pipeline: ValidationPipeline,
    askedBy: AskedBy,
    look: number,
    reason: string,
  ): Promise<MergeView> {
    if (look >= MAX_LOOKS) return this.note(pipeline, { state: 'refused', reason });
    const { database, queue } = this.deps;
    await database.write((tx) =>
      queue.enqueue(tx, {
        kind: 'agent',
        subject: `merge:${pipeline.id}:${askedBy}:${look + 1}`,
        lane: `merge:${pipeline.id}`,
        runAt: new Date(Date.now() + LOOK_MS * look),
      }),
    );
    return { state: 'scheduled', reason };
  }

  private async note(pipeline: ValidationPipeline, merge: MergeView): Promise<MergeView> {
    const same = pipeline.merge?.state === merge.state && pipeline.merge.reason === merge.reason;
    if (!same) await this.deps.pipelines.note(pipeline.id, { merge });
    return merge;
  }
}

const factsOf = (pull: PullRequest): MergeFacts['pullRequest'] => ({
  state: pull.state === 'open' ? 'open' : 'closed',
  merged: pull.merged,
  draft: pull.draft ?? false,
  headSha: pull.head.sha,
  labels: pull.labels.map(({ name }) => name),
  mergeable: pull.mergeable,
  mergeableState: pull.mergeable_state,
});

/** @returns GitHub's refusal of a mutation, or null where it did it */
async function refusalOf(mutation: Promise<void>): Promise<string | null> {
  try {
    await mutation;
    return null;
  } catch (error) {
    // Without a status it is an answer of GraphQL, which tells errors with 200.
    if (statusOf(error) !== null) throw error;
    return messageOf(error).replace(/^Request failed due to following response errors:\s*-?\s*/i, '');
  }
}

/** GitHub's own words in an error of Octokit. */
function saidBy(error: unknown): string {
  const data = (error as { response?: { data?: { message?: unknown } } }).response?.data;
  const message = typeof data?.message === 'string' ? data.message : messageOf(error);
  return message.replace(/\s+/g, ' ').trim();
}
