/** What the commands bring about, for comments and buttons alike. */
import type { FixLoop } from '../agent/fix-loop.js';
import type { Project, ValidationPipeline } from '../database/entities/index.js';
import type { PipelineStore } from '../database/pipeline-store.js';
import type { ProjectStore } from '../database/project-store.js';
import { ActionRefused } from '../domain/errors.js';
import type { PipelineActions } from '../pipeline/actions.js';
import type { Merger } from '../pipeline/merge.js';
import type { CommandActions, CommandResult, CommandTarget } from './contract.js';

export interface CommandActionsDeps {
  projects: ProjectStore;
  pipelines: PipelineStore;
  actions: PipelineActions;
  loop: FixLoop;
  merger: Merger;
}

export interface Said {
  /** The pipeline that a button belongs to: it must still be the newest one of its pull request. */
  pipelineId?: string;
  /** When a comment was written: what came later it did not mean. */
  at?: Date;
}

export function commandActions(deps: CommandActionsDeps, said: Said = {}): CommandActions {
  const { pipelines, actions, loop, merger } = deps;

  const find = async ({ repository, pullRequestNumber }: CommandTarget) => {
    const project = await deps.projects.findByFullName(repository);
    if (!project) throw new ActionRefused('This repository is not known here.');
    const pipeline = await pipelines.latestOf(project.id, pullRequestNumber);
    if (pipeline && said.pipelineId !== undefined && pipeline.id !== said.pipelineId)
      throw new ActionRefused('There is a newer validation of this pull request; its check has the buttons.');
    return { project, pipeline };
  };
  const act = async (
    request: CommandTarget,
    work: (pipeline: ValidationPipeline, project: Project) => Promise<CommandResult | void>,
  ): Promise<CommandResult> => {
    try {
      const { project, pipeline } = await find(request);
      if (!pipeline) throw new ActionRefused('This pull request has not been validated yet.');
      return (await work(pipeline, project)) ?? { done: true };
    } catch (error) {
      if (error instanceof ActionRefused) return { done: false, why: error.message };
      throw error;
    }
  };

  return {
    fix: (request) =>
      act(request, async (pipeline, project) => {
        await loop.ask(pipeline, project, { login: request.actor, instruction: request.instruction });
      }),

    async retry(request) {
      if (await pipelines.ofCause(request.cause)) return { done: true };
      const asked = { cause: request.cause, noCache: request.noCache };
      try {
        const { project } = await find(request);
        await actions.start(project, request.pullRequestNumber, 'retry', asked);
        return { done: true };
      } catch (error) {
        if (error instanceof ActionRefused) return { done: false, why: error.message };
        throw error;
      }
    },

    cancel: (request) =>
      act(request, async (pipeline) => {
        if (pipeline.cancelReason === `Cancelled by ${request.actor}.`) return;
        if (await loop.refusePlan(pipeline, request.actor)) return;
        await actions.cancel(pipeline, request.actor);
      }),

    status: (request) =>
      act(request, (pipeline) => Promise.resolve({ done: true, message: stands(pipeline) })),

    approve: (request) =>
      act(request, async (pipeline) => {
        // Whoever approves has seen what was there: a commit that came after the comment needs another look.
        if (said.at && pipeline.createdAt.getTime() > said.at.getTime() + 1_000)
          throw new ActionRefused(
            `There is a newer commit, \`${pipeline.headSha.slice(0, 7)}\`, than when that was written; look at it, then approve it.`,
          );
        if (pipeline.approvedBy === request.actor && pipeline.conclusion !== 'action_required') return;
        await actions.approve(pipeline, request.actor);
      }),

    confirm: (request) =>
      act(request, async (pipeline, project) => {
        await loop.confirm(pipeline, project, { changes: request.changes, cause: request.cause });
      }),

    merge: (request) =>
      act(request, async (pipeline) => {
        const merge = await merger.merge(pipeline.id, 'person');
        if (merge?.state === 'refused') throw new ActionRefused(merge.reason);
      }),
  };
}

/** One line of markdown. */
function stands(pipeline: ValidationPipeline): string {
  const sha = `\`${pipeline.headSha.slice(0, 7)}\``;
  if (pipeline.status === 'queued') return `The validation of ${sha} is queued.`;
  if (pipeline.status === 'in_progress')
    return `${sha} is being validated${pipeline.currentStep ? `: ${pipeline.currentStep}` : ''} (${pipeline.progressPercentage} %).`;
  const ended = pipeline.completedAt?.toISOString().slice(0, 16).replace('T', ' ');
  return `The validation of ${sha} ended with \`${pipeline.conclusion}\`${ended ? ` at ${ended} UTC` : ''}; the check has the details.`;
}
