/** What a person can do to a pipeline, by command, button, page or API. */
import type { Database } from '../database/database.js';
import type { Project, ValidationPipeline } from '../database/entities/index.js';
import type { PipelineStore } from '../database/pipeline-store.js';
import type { ProjectStore } from '../database/project-store.js';
import { ActionRefused } from '../domain/errors.js';
import type { GitHubAccess } from '../github/access.js';
import { statusOf } from '../github/repository.js';
import type { Trigger } from '../database/entities/validation-pipeline.js';
import type { PipelineStarter, StartOptions } from './start.js';

export { ActionRefused };

export class PipelineActions {
  constructor(
    private readonly deps: {
      database: Database;
      projects: ProjectStore;
      pipelines: PipelineStore;
      starter: PipelineStarter;
      github: GitHubAccess;
    },
  ) {}

  /** Validates the head that a pull request has now. @throws ActionRefused where there is none to validate */
  async start(
    project: Project,
    pullRequestNumber: number,
    trigger: Trigger,
    asked: Pick<StartOptions, 'cause' | 'noCache'> = {},
  ): Promise<ValidationPipeline> {
    const pullRequest = await this.pullRequest(project, pullRequestNumber);
    if (pullRequest.state !== 'open')
      throw new ActionRefused(`Pull request #${pullRequestNumber} is closed.`);
    const latest = await this.deps.pipelines.latestOf(project.id, pullRequestNumber);
    const sameHead = latest?.headSha === pullRequest.head.sha ? latest : null;
    const pipeline = await this.deps.starter.startPullRequest(project, pullRequest, {
      ...asked,
      trigger,
      retryCount: latest?.retryCount ?? 0,
      agentRunId: sameHead?.agentRunId ?? null,
      // Trying again what was approved needs no second approval; another sha does.
      approvedBy: sameHead?.approvedBy ?? null,
    });
    if (!pipeline) throw new ActionRefused('Pull requests from forks are not validated here.');
    return pipeline;
  }

  /** Validates the same pull request again, as a new pipeline. @throws ActionRefused */
  async retry(
    pipeline: ValidationPipeline,
    trigger: Trigger = 'retry',
    asked: Pick<StartOptions, 'cause' | 'noCache'> = {},
  ): Promise<ValidationPipeline> {
    if (pipeline.pullRequestNumber === null)
      throw new ActionRefused('A merge group is validated again by queueing the pull request again.');
    return this.start(await this.projectOf(pipeline), pipeline.pullRequestNumber, trigger, asked);
  }

  /** @param by who asked, for the reason on the check. @throws ActionRefused where it is over */
  async cancel(pipeline: ValidationPipeline, by: string): Promise<void> {
    const { database, pipelines } = this.deps;
    const cancelled = await database.write((tx) =>
      pipelines.cancel(tx, { id: pipeline.id }, `Cancelled by ${by}.`),
    );
    if (cancelled.length === 0) throw new ActionRefused('This validation is over already.');
  }

  /**
   * Lets a waiting pipeline run: for its sha only.
   * @param by a user whose write permission was just asked for
   * @throws ActionRefused where it does not wait
   */
  async approve(pipeline: ValidationPipeline, by: string): Promise<void> {
    const { database, pipelines, starter } = this.deps;
    if (pipeline.isFork && starter.trustedOnly)
      throw new ActionRefused('This server has no sandbox for code from forks, so it does not run it.');
    if (!(await database.write((tx) => pipelines.approve(tx, pipeline.id, by))))
      throw new ActionRefused('Nothing waits for approval here.');
  }

  private async projectOf({ projectId }: ValidationPipeline): Promise<Project> {
    const project = await this.deps.projects.find(projectId);
    if (!project) throw new ActionRefused('The project was deleted.');
    return project;
  }

  private async pullRequest(project: Project, number: number) {
    const repository = await this.deps.github.repository(project);
    try {
      return await repository.pullRequest(number);
    } catch (error) {
      if (statusOf(error) === 404)
        throw new ActionRefused(`${project.fullName} has no pull request #${number}.`);
      throw error;
    }
  }
}
