/**
 * Makes GitHub show what a pipeline's row says. Called as often as one likes: the check run is found by its
 * `external_id`, the comment by its marker and author.
 */
import type { Project, ValidationPipeline } from '../database/entities/index.js';
import type { PipelineStore } from '../database/pipeline-store.js';
import type { ProjectStore } from '../database/project-store.js';
import type { PipelineResults } from '../domain/pipeline.js';
import type { GitHubAccess } from '../github/access.js';
import { ANNOTATIONS_PER_REQUEST, renderCheck, type CheckRun } from '../github/check.js';
import { COMMENT_MARKER, renderComment } from '../github/comment.js';
import { isPublicUrl } from '../github/text.js';
import type { CheckRunBody, GitHubRepository } from '../github/repository.js';
import { renderStatus } from '../github/status.js';
import { redactView, type PipelineView } from '../github/view.js';
import type { Logger } from '../logging.js';
import { screenshotsIn } from './artifacts.js';
import { viewOf } from './view.js';

export interface PublisherDeps {
  projects: ProjectStore;
  pipelines: PipelineStore;
  github: GitHubAccess;
  /** Where people reach this server, without a slash at the end. */
  publicUrl: () => string;
  /** Hides the project's and the server's secrets. */
  redactorOf: (project: Project) => Promise<(text: string) => string>;
  /** What became of having the agent fix it. */
  agentView: (row: ValidationPipeline) => Promise<PipelineView['agent']>;
  log: Logger;
}

export class Publisher {
  constructor(private readonly deps: PublisherDeps) {}

  /** Brings check or status, and the comment of a completed pipeline, up to date; makes them where missing. */
  async publish(pipelineId: string): Promise<void> {
    const found = await this.find(pipelineId);
    if (!found) return;
    const { row, view, repository } = found;
    if (repository.canWriteChecks) await this.writeCheck(row, renderCheck(view), repository);
    else await repository.createStatus(row.headSha, renderStatus(view));
    if (row.status === 'completed') await this.writeComment(row, view, repository);
  }

  /** Shows progress on a check that exists; never makes one, and leaves a completed one alone. */
  async publishProgress(pipelineId: string): Promise<void> {
    const found = await this.find(pipelineId);
    if (!found || found.row.status === 'completed') return;
    const { row, view, repository } = found;
    if (!repository.canWriteChecks) return repository.createStatus(row.headSha, renderStatus(view));
    if (row.checkRunId === null) return;
    await repository.updateCheckRun(row.checkRunId, renderCheck(view).body);
  }

  /** Shows results that changed after completion, on what exists. Annotations append, so they stay as they were. */
  async republish(pipelineId: string): Promise<void> {
    const found = await this.find(pipelineId);
    if (!found || found.row.status !== 'completed') return;
    const { row, view, repository } = found;
    if (repository.canWriteChecks && row.checkRunId !== null)
      await repository.updateCheckRun(row.checkRunId, renderCheck(view).body);
    await this.writeComment(row, view, repository);
  }

  private async find(pipelineId: string) {
    const { pipelines, projects, github, log } = this.deps;
    const row = await pipelines.find(pipelineId);
    const project = row && (await projects.find(row.projectId));
    // A validation of the base branch is for comparing only.
    if (!row || !project || row.trigger === 'base') return null;
    // The App was removed or the repository deleted: there is nothing left to write to.
    if (project.removedAt !== null) {
      log.info({ pipelineId }, 'not published: the repository is out of reach');
      return null;
    }
    const view = redactView(await this.viewOf(row, project), await this.deps.redactorOf(project));
    return { row, view, repository: await github.repository(project) };
  }

  private async viewOf(row: ValidationPipeline, project: Project): Promise<PipelineView> {
    const { pipelines, agentView } = this.deps;
    const publicUrl = this.deps.publicUrl();
    const stages = await pipelines.stagesOf(row.id);
    const agent = await agentView(row);
    const view = viewOf(row, { repository: project.fullName, stages, publicUrl, agent });
    return { ...view, images: imagesOf(view.results, publicUrl) };
  }

  private async writeCheck(
    row: ValidationPipeline,
    check: CheckRun,
    repository: GitHubRepository,
  ): Promise<void> {
    const { body } = check;
    const annotations = row.annotated ? [] : check.annotations;
    const withAnnotations = (from: number): CheckRunBody => {
      const batch = annotations.slice(from, from + ANNOTATIONS_PER_REQUEST);
      return batch.length > 0 ? { ...body, output: { ...body.output, annotations: batch } } : body;
    };
    // Annotations append, so the first go with the verdict and only the rest come after it.
    const id = await this.checkRunOf(row, repository, withAnnotations(0));
    for (let n = ANNOTATIONS_PER_REQUEST; n < annotations.length; n += ANNOTATIONS_PER_REQUEST)
      await repository.updateCheckRun(id, withAnnotations(n));
    if (annotations.length > 0) await this.deps.pipelines.saveCheck(row.id, { annotated: true });
  }

  /** Writes the body to the pipeline's check run, which is made where there is none. */
  private async checkRunOf(
    row: ValidationPipeline,
    repository: GitHubRepository,
    body: CheckRunBody,
  ): Promise<number> {
    const { pipelines } = this.deps;
    let id = row.checkRunId;
    // Once a creation was begun nobody knows how it ended, unless the number was stored: GitHub does.
    if (id === null && row.checkRequested) id = await repository.findCheckRun(row.headSha, body.name, row.id);
    if (id !== null) {
      await repository.updateCheckRun(id, body);
    } else {
      if (!row.checkRequested) await pipelines.saveCheck(row.id, { checkRequested: true });
      id = await repository.createCheckRun(body);
    }
    if (id !== row.checkRunId) await pipelines.saveCheck(row.id, { checkRunId: id });
    return id;
  }

  private async writeComment(
    row: ValidationPipeline,
    view: PipelineView,
    repository: GitHubRepository,
  ): Promise<void> {
    if (row.pullRequestNumber === null) return;
    const { pipelines } = this.deps;
    const known = row.commentId ?? (await pipelines.commentOf(row));
    const body = renderComment(view, known !== null);
    if (body === null) return;
    const latest = await pipelines.latestOf(row.projectId, row.pullRequestNumber);
    // The comment speaks of the newest head only.
    if (latest && latest.id !== row.id) return;

    if (known !== null && (await repository.updateComment(known, body))) {
      if (row.commentId !== known) await pipelines.saveCheck(row.id, { commentId: known });
      return;
    }
    const id =
      (await repository.findComment(row.pullRequestNumber, COMMENT_MARKER)) ??
      (await repository.createComment(row.pullRequestNumber, body));
    await pipelines.saveCheck(row.id, { commentId: id });
  }
}

/** Screenshots, where GitHub can fetch them. */
function imagesOf(results: PipelineResults, publicUrl: string): PipelineView['images'] {
  if (!isPublicUrl(publicUrl)) return [];
  return screenshotsIn(results).map((name) => ({
    alt: 'Screenshot of the preview',
    url: `${publicUrl}/artifacts/${name}`,
  }));
}
