/** Open pull requests whose head nobody validated: their webhook was lost for good, or came before we did. */
import { In, IsNull, MoreThan, Not } from 'typeorm';
import { Project, ValidationPipeline, WebhookEvent } from '../../database/entities/index.js';
import { Overtaken } from '../../database/pipeline-store.js';
import { actorKind } from '../../agent/decide.js';
import { AGENT_LOGINS } from '../../agent/facts.js';
import { idAt } from '../../domain/ids.js';
import { startHead } from '../new-head.js';
import type { PullRequest } from '../start.js';
import type { ReconcileDeps } from './deps.js';

const MAX_PROJECTS = 100;
const MAX_PAGES = 3;
const PER_PAGE = 100;
const MAX_STARTED = 20;
/** An installation with fewer requests left in its hour is left alone: they are for the pipelines. */
const MIN_REQUESTS_LEFT = 1_000;
const MAX_REMEMBERED = 10_000;

export class OpenPullRequests {
  /** The last project looked at: a round goes on behind it. */
  private cursor = '';
  /** Heads about which nothing is to be said, as of forks where those are ignored. */
  private readonly unwanted = new Set<string>();

  constructor(private readonly deps: ReconcileDeps) {}

  /** Starts at most 20 pipelines, in at most 100 projects. @returns how many */
  async validate(signal: AbortSignal): Promise<number> {
    const { github, log } = this.deps;
    if (!github.app) return 0;
    let started = 0;
    const spent = new Set<number>();
    for (const project of await this.nextProjects()) {
      if (signal.aborted || started >= MAX_STARTED) break;
      this.cursor = project.id;
      if (spent.has(project.installationId!)) continue;
      try {
        const before = idAt(Date.now());
        const { pullRequests, requestsLeft, isComplete } = await this.openIn(project, signal);
        if (isComplete) await this.closeOthers(project, pullRequests, before);
        if (requestsLeft < MIN_REQUESTS_LEFT) spent.add(project.installationId!);
        for (const pullRequest of await this.uncovered(project, pullRequests)) {
          if (signal.aborted || started >= MAX_STARTED) break;
          if (await this.start(project, pullRequest)) started++;
        }
      } catch (error) {
        if (signal.aborted) break;
        log.warn({ err: error, project: project.fullName }, 'open pull requests could not be looked at');
      }
    }
    return started;
  }

  private async nextProjects(): Promise<Project[]> {
    const find = (after: string) =>
      this.deps.database.read.find(Project, {
        where: { id: MoreThan(after), installationId: Not(IsNull()), removedAt: IsNull() },
        order: { id: 'ASC' },
        take: MAX_PROJECTS,
      });
    const projects = await find(this.cursor);
    return projects.length > 0 || this.cursor === '' ? projects : find((this.cursor = ''));
  }

  private async openIn(project: Project, signal: AbortSignal) {
    const { octokit } = await this.deps.github.repository(project);
    const [owner, repo] = project.fullName.split('/') as [string, string];
    const pages = octokit.paginate.iterator(octokit.rest.pulls.list, {
      owner,
      repo,
      state: 'open',
      sort: 'updated',
      direction: 'desc',
      per_page: PER_PAGE,
      request: { signal },
    });
    const pullRequests: PullRequest[] = [];
    let requestsLeft = Infinity;
    let page = 0;
    let isComplete = true;
    for await (const { data, headers } of pages) {
      pullRequests.push(...data);
      requestsLeft = Number(headers['x-ratelimit-remaining'] ?? Infinity);
      if (++page === MAX_PAGES || requestsLeft < MIN_REQUESTS_LEFT) {
        isComplete = data.length < PER_PAGE;
        break;
      }
    }
    return { pullRequests, requestsLeft, isComplete };
  }

  /** The webhook that told of their end may be lost. */
  private async closeOthers(project: Project, open: PullRequest[], before: string): Promise<void> {
    const allBut = open.map(({ number }) => number);
    const { database, pipelines } = this.deps;
    await database.write((tx) => pipelines.closePullRequests(tx, project.id, { allBut, before }));
  }

  /** Those without a pipeline for their head, and without an event that is about to be handled. */
  private async uncovered(project: Project, open: PullRequest[]): Promise<PullRequest[]> {
    const { read } = this.deps.database;
    const uncovered: PullRequest[] = [];
    for (let n = 0; n < open.length; n += 100) {
      const some = open.slice(n, n + 100);
      const pipelines = await read.find(ValidationPipeline, {
        select: { id: true, headSha: true, pullRequestNumber: true },
        where: { projectId: project.id, headSha: In(some.map(({ head }) => head.sha)) },
      });
      const events = await read.find(WebhookEvent, {
        select: { id: true, pullRequestNumber: true },
        where: {
          projectId: project.id,
          status: 'queued',
          pullRequestNumber: In(some.map(({ number }) => number)),
        },
      });
      uncovered.push(
        ...some.filter(
          ({ number, head }) =>
            !this.unwanted.has(`${project.id}:${number}:${head.sha}`) &&
            !events.some((event) => event.pullRequestNumber === number) &&
            !pipelines.some((row) => row.pullRequestNumber === number && row.headSha === head.sha),
        ),
      );
    }
    return uncovered;
  }

  private async start(project: Project, pullRequest: PullRequest): Promise<boolean> {
    const latest = await this.deps.pipelines.latestOf(project.id, pullRequest.number);
    if (latest?.headSha === pullRequest.head.sha) return false;
    const pipeline = await startHead(this.deps, project, pullRequest, latest, () =>
      this.isByPerson(project, pullRequest),
    ).catch((error: unknown) => {
      if (error instanceof Overtaken) return undefined;
      throw error;
    });
    // Its webhook came just now.
    if (pipeline === undefined) return false;
    if (pipeline === null) {
      if (this.unwanted.size >= MAX_REMEMBERED) this.unwanted.clear();
      this.unwanted.add(`${project.id}:${pullRequest.number}:${pullRequest.head.sha}`);
      return false;
    }
    this.deps.log.info(
      { pipelineId: pipeline.id, pullRequest: pullRequest.html_url },
      'an open pull request without a validation gets one',
    );
    return true;
  }

  /** Who pushed was in the webhook only. */
  private async isByPerson(project: Project, { head }: PullRequest): Promise<boolean> {
    const author = await (await this.deps.github.repository(project)).commitAuthor(head.sha);
    return author !== null && actorKind(author, AGENT_LOGINS) === 'person';
  }
}
