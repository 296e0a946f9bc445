/** Finds out where the App is installed on the repository of a project that a person made. */
import { setTimeout as sleep } from 'node:timers/promises';
import { IsNull, MoreThan } from 'typeorm';
import type { Database } from '../database/database.js';
import { Project } from '../database/entities/index.js';
import type { ProjectStore } from '../database/project-store.js';
import type { GitHubAccess } from '../github/access.js';
import { statusOf } from '../github/repository.js';
import type { Logger } from '../logging.js';

/** Whoever makes a project waits for this. */
const ANSWER_MS = 5_000;
const MAX_ASKED = 100;

export class ProjectLinker {
  /** The last project asked about: a round goes on behind it. */
  private cursor = '';

  constructor(
    private readonly deps: {
      database: Database;
      projects: ProjectStore;
      github: GitHubAccess;
      log: Logger;
    },
  ) {}

  /**
   * Tries for 5 seconds; the project is as good without, and the next round of reconciling tries again.
   * @returns the project as it is now
   */
  async link(project: Project): Promise<Project> {
    const { log } = this.deps;
    const signal = AbortSignal.timeout(ANSWER_MS);
    await Promise.race([this.ask(project, signal), sleep(ANSWER_MS, undefined, { ref: false })]).catch(
      (error: unknown) =>
        log.warn(
          { err: error, project: project.fullName },
          'where the App is installed could not be asked; the next round of reconciling does',
        ),
    );
    return (await this.deps.projects.find(project.id)) ?? project;
  }

  /** Asks about at most 100 projects that have no installation. @returns how many got theirs */
  async linkSome(signal: AbortSignal): Promise<number> {
    if (!this.deps.github.app) return 0;
    let linked = 0;
    for (const project of await this.next()) {
      if (signal.aborted) break;
      this.cursor = project.id;
      if (await this.ask(project, signal)) linked++;
    }
    return linked;
  }

  private async next(): Promise<Project[]> {
    const find = (after: string) =>
      this.deps.database.read.find(Project, {
        where: { id: MoreThan(after), installationId: IsNull(), repositoryId: IsNull(), removedAt: IsNull() },
        order: { id: 'ASC' },
        take: MAX_ASKED,
      });
    const projects = await find(this.cursor);
    return projects.length > 0 || this.cursor === '' ? projects : find((this.cursor = ''));
  }

  /** @returns whether the App is installed there */
  private async ask(project: Project, signal: AbortSignal): Promise<boolean> {
    const { github, projects, log } = this.deps;
    if (!github.app) return false;
    const [owner, repo] = project.fullName.split('/') as [string, string];
    const request = { signal, retries: 0 };
    try {
      const asApp = await github.app.auth();
      const { data: installation } = await asApp.rest.apps.getRepoInstallation({ owner, repo, request });
      if (installation.suspended_at) return false;
      const octokit = await github.app.auth(installation.id);
      const { data: repository } = await octokit.rest.repos.get({ owner, repo, request });
      await projects.link(project.id, repository, installation.id);
      return true;
    } catch (error) {
      if (statusOf(error) !== 404) throw error;
      if (!github.tokenBot)
        log.warn(
          { project: project.fullName },
          'The App is not installed on this repository, so nothing of it is validated. Install it there.',
        );
      return false;
    }
  }
}
