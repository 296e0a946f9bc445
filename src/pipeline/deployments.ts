/**
 * Records previews that have a public address as GitHub deployments, and ends them with the preview. What is wanted
 * follows from the pipeline's row, and GitHub is asked what it has before anything is made again; so this may be
 * called as often as one likes. It holds nothing up: a job of its own does it, and its failure is a line in the log.
 */
import type { Project, ValidationPipeline } from '../database/entities/index.js';
import type { PipelineStore } from '../database/pipeline-store.js';
import type { ProjectStore } from '../database/project-store.js';
import type { GitHubAccess } from '../github/access.js';
import { isDeployed, renderDeployment, renderDeploymentStatus } from '../github/deployment.js';
import { isRefusal, type GitHubRepository } from '../github/repository.js';
import type { Logger } from '../logging.js';

export interface DeploymentsDeps {
  projects: ProjectStore;
  pipelines: PipelineStore;
  github: GitHubAccess;
  /** Where people reach this server, without a slash at the end. */
  publicUrl: () => string;
  /** Told how each went: active, inactive, refused, failed. */
  observe: (outcome: string) => void;
  log: Logger;
}

export class Deployments {
  /** Projects whose refusal was said already. */
  private readonly refused = new Set<string>();

  constructor(private readonly deps: DeploymentsDeps) {}

  /** Makes GitHub show what the row says. Throws what is worth another try, but not at the last one. */
  async bringUpToDate(pipelineId: string, lastAttempt: boolean): Promise<void> {
    const { pipelines, projects, observe, log } = this.deps;
    const row = await pipelines.find(pipelineId);
    const project = row && (await projects.find(row.projectId));
    if (!row || !project || row.pullRequestNumber === null || row.deploymentState === 'off') return;
    // Out of reach: there is nothing left to show it on.
    if (project.removedAt !== null) return pipelines.saveCheck(row.id, { deploymentState: 'off' });
    try {
      const outcome = await this.bring(row, row.pullRequestNumber, project);
      if (outcome !== null) observe(outcome);
    } catch (error) {
      if (isRefusal(error)) return this.giveUp(row, project, error);
      if (!lastAttempt) throw error;
      observe('failed');
      log.warn({ err: error, pipelineId }, 'a preview could not be recorded as a deployment');
    }
  }

  private async bring(row: ValidationPipeline, pullRequestNumber: number, project: Project) {
    const { pipelines, github, publicUrl } = this.deps;
    const { deploymentUrl, deploymentState } = row;
    const up = row.status === 'in_progress' && row.cancelReason === null && isDeployed(deploymentUrl);
    if (!up && (deploymentState === null || deploymentState === 'inactive')) return null;

    const repository = await github.repository(project);
    const body = renderDeployment({ ...row, pullRequestNumber });
    // Once a creation was begun nobody knows how it ended, unless the number was stored: GitHub does.
    let id = row.deploymentId;
    if (id === null && deploymentState !== null) id = await repository.findDeployment(body);
    if (id === null && up) {
      if (deploymentState === null) await pipelines.saveCheck(row.id, { deploymentState: 'requested' });
      id = await repository.createDeployment(body);
    }
    if (id !== null) {
      const status = renderDeploymentStatus(up ? deploymentUrl : null, `${publicUrl()}/pipelines/${row.id}`);
      await this.setStatus(repository, id, status, deploymentState !== null);
    }
    const outcome = up ? 'active' : 'inactive';
    await pipelines.saveCheck(row.id, { deploymentId: id, deploymentState: outcome });
    return outcome;
  }

  private async setStatus(
    repository: GitHubRepository,
    id: number,
    status: ReturnType<typeof renderDeploymentStatus>,
    mayBeThere: boolean,
  ): Promise<void> {
    const last = mayBeThere ? await repository.deploymentStatus(id) : null;
    const same = last?.state === status.state && (last.url === (status.environment_url ?? '') || !last.url);
    if (!same) await repository.createDeploymentStatus(id, status);
  }

  /** The App may not, or the token: that is no matter of the pull request. */
  private async giveUp(row: ValidationPipeline, project: Project, error: unknown): Promise<void> {
    const { pipelines, observe, log } = this.deps;
    await pipelines.saveCheck(row.id, { deploymentState: 'off' });
    observe('refused');
    const line = { err: error, pipelineId: row.id, project: project.fullName };
    const advice =
      'previews are not recorded as deployments there: it takes the permission deployments: write';
    if (this.refused.has(project.id)) return log.debug(line, advice);
    this.refused.add(project.id);
    log.warn(line, advice);
  }
}
