/**
 * Follows one agent run from its record to its end. Every step is a job, what is known stands in the row, and before
 * anything is asked of Codegen for a second time it is looked whether the first had an effect: so a server that is
 * killed at any point goes on where it was.
 */
import { isOpen, type AgentRunStore } from '../database/agent-run-store.js';
import type { Database } from '../database/database.js';
import type { AgentRun, Project, ValidationPipeline } from '../database/entities/index.js';
import type { PipelineStore } from '../database/pipeline-store.js';
import type { ProjectStore } from '../database/project-store.js';
import { messageOf } from '../domain/errors.js';
import type { GitHubAccess } from '../github/access.js';
import type { Logger } from '../logging.js';
import type { CodegenRun } from './answers.js';
import type { RunCallbacks } from './callback.js';
import type { CodegenClient, NewRun } from './client.js';
import { CodegenError } from './errors.js';
import { settingsOf } from './facts.js';
import { nextLookMs } from './poll.js';
import { confirmPrompt, type Screenshot } from './prompt.js';
import { readResponse } from './response.js';
import { keepStart } from './text.js';

export interface FollowDeps {
  database: Database;
  projects: ProjectStore;
  pipelines: PipelineStore;
  runs: AgentRunStore;
  github: GitHubAccess;
  client: CodegenClient;
  /** AGENT_POLL_SECONDS. */
  pollSeconds: number;
  /** Before the nth repetition of a request that failed. */
  pauseMs: (failures: number) => number;
  redactorOf: (project: Project) => Promise<(text: string) => string>;
  callbacks: RunCallbacks;
  /** What the failed pipeline's preview looked like. */
  screenshotOf: (pipeline: ValidationPipeline) => Promise<Screenshot | null>;
  log: Logger;
}

/** How often a request is repeated, each time some more times by the client, before it is given up. */
const MAX_FAILURES = 5;
/** How long after resuming a run may still show how it ended before. */
const RESUME_SETTLES_MS = 2 * 60_000;
const MAX_RESPONSE = 20_000;

export class RunFollower {
  private readonly stopping = new AbortController();

  constructor(private readonly deps: FollowDeps) {}

  /** Ends requests that are under way; their jobs come again. */
  close(): void {
    this.stopping.abort(new Error('the server stops'));
  }

  /** One step. `look` is the number of the job: only the newest one counts. */
  async advance(id: string, look: number, lastAttempt: boolean): Promise<void> {
    const run = await this.deps.runs.find(id);
    if (!run || !isOpen(run) || run.looks !== look) return;
    try {
      await this.step(run);
    } catch (error) {
      if (!lastAttempt || this.stopping.signal.aborted) throw error;
      this.deps.log.error({ err: error, agentRunId: id }, 'an agent run could not be followed');
      await this.end(run, 'failed', `CodegenApp could not follow the run: ${messageOf(error)}.`);
    }
  }

  private async step(run: AgentRun): Promise<void> {
    const project = await this.deps.projects.find(run.projectId);
    if (!project) return this.end(run, 'cancelled', 'The project was deleted.');
    if (run.status === 'queued') return this.create(run, project);
    if (run.resumeMessage !== null) return this.resume(run, project, run.resumeMessage);
    if (run.status === 'running') return this.look(run, project);
  }

  private async create(run: AgentRun, project: Project): Promise<void> {
    const { client, runs, database } = this.deps;
    const begun = run.requestedAt;
    if (begun === null) {
      const obstacle = await this.obstacle(run, project);
      if (obstacle !== null) return this.end(run, 'cancelled', obstacle);
      await database.write((tx) => runs.save(tx, run.id, { requestedAt: new Date() }));
    }
    const { signal } = this.stopping;
    let remote: CodegenRun;
    try {
      const repositoryId = await this.repositoryId(project.fullName);
      const callbackUrl = this.deps.callbacks.urlOf(run.id);
      const images = await this.imagesFor(run);
      const wanted: NewRun = {
        prompt: run.prompt,
        ...(repositoryId === null ? {} : { repositoryId }),
        ...(callbackUrl === null ? {} : { callbackUrl }),
        metadata: {
          project_id: project.id,
          repository: project.fullName,
          request_id: run.id,
          ...(run.pullRequestNumber === null ? {} : { pull_request_number: run.pullRequestNumber }),
          ...(run.pipelineId === null ? {} : { pipeline_id: run.pipelineId }),
          ...(run.headSha === null ? {} : { head_sha: run.headSha, attempt: run.attempt }),
        },
      };
      const options = { signal, ...(begun === null ? {} : { mayExist: { since: begun } }) };
      remote = await client.createRun({ ...wanted, images }, options).catch((error: unknown) => {
        // Refused for the picture, most likely: there is no limit in the API's description.
        if (images.length === 0 || !(error instanceof CodegenError) || error.kind !== 'refused') throw error;
        return client.createRun(wanted, options);
      });
    } catch (error) {
      return this.trouble(run, error);
    }
    await this.goOn(run, remote, { remoteId: Number(remote.id) });
  }

  private async imagesFor({ pipelineId }: AgentRun): Promise<string[]> {
    const pipeline = pipelineId === null ? null : await this.deps.pipelines.find(pipelineId);
    const screenshot = pipeline && (await this.deps.screenshotOf(pipeline));
    return screenshot?.image ? [screenshot.image] : [];
  }

  private async resume(run: AgentRun, project: Project, message: string): Promise<void> {
    const { client, runs, database } = this.deps;
    const id = String(run.remoteId);
    const { signal } = this.stopping;
    try {
      if (run.resumedAt !== null) {
        const remote = await client.getRun(id, { signal });
        if (remote.status.state === 'running' || (await this.resultOf(remote, project)) !== run.response)
          return await this.goOn(run, remote, { resumeMessage: null });
      } else await database.write((tx) => runs.save(tx, run.id, { resumedAt: new Date() }));
      const remote = await client.resumeRun(id, message, { signal });
      await this.goOn(run, remote, { resumeMessage: null });
    } catch (error) {
      await this.trouble(run, error);
    }
  }

  private async look(run: AgentRun, project: Project): Promise<void> {
    let remote: CodegenRun;
    try {
      remote = await this.deps.client.getRun(String(run.remoteId), { signal: this.stopping.signal });
    } catch (error) {
      if (error instanceof CodegenError && error.retryable) return this.lookAgain(run);
      return this.trouble(run, error);
    }
    const result = await this.resultOf(remote, project);
    if (remote.status.state === 'running' || showsOldEnd(run, remote, result)) return this.lookAgain(run);
    await this.finish(run, project, remote);
  }

  /** The run has ended, with a plan or for good. */
  private async finish(run: AgentRun, project: Project, remote: CodegenRun): Promise<void> {
    const { headMoved, closed } = await this.pullRequestOf(run, project);
    const response = readResponse(remote, {
      repository: project.fullName,
      pullRequestNumber: run.pullRequestNumber,
      // Whoever has pushed already asks for no plan to be confirmed.
      plan: headMoved ? 'confirmed' : run.planState,
    });
    const redact = await this.deps.redactorOf(project);
    const known = { response: await this.resultOf(remote, project), responseType: response.type };
    if (remote.status.state !== 'complete') {
      const words = response.summary === '' ? '' : ` It says: ${redact(response.summary)}`;
      return this.end(run, 'failed', `The run ended as ${remote.status.raw}.${words}`, known);
    }
    if (closed && !headMoved) return this.end(run, 'cancelled', 'The pull request was closed.', known);
    if (response.type === 'plan')
      return this.planned(run, project, { ...known, plan: redact(response.plan!) });
    const [opened] = response.pullRequests;
    const here = opened?.repository.toLowerCase() === project.fullName.toLowerCase();
    await this.end(run, 'completed', null, {
      ...known,
      openedPullRequest: opened && here ? opened.number : null,
      context: { ...run.context, headMoved, ...(opened ? { pullRequest: opened.url } : {}) },
    });
  }

  /** A plan waits for a person, or is confirmed at once where the settings say so. */
  private async planned(run: AgentRun, project: Project, known: Partial<AgentRun>): Promise<void> {
    const { database, runs, pipelines } = this.deps;
    const pipeline = run.pipelineId === null ? null : await pipelines.find(run.pipelineId);
    const confirms = pipeline !== null && settingsOf(pipeline).auto_confirm_plan;
    await database.write(async (tx) => {
      await runs.save(tx, run.id, {
        ...known,
        failures: 0,
        errorMessage: null,
        ...(confirms
          ? {
              planState: 'confirmed',
              resumedAt: null,
              resumeMessage: confirmPrompt({
                repository: project.fullName,
                pullRequest: { number: run.pullRequestNumber!, headRef: pipeline.headRef },
                changes: null,
              }),
            }
          : { status: 'plan_waiting' }),
      });
      if (confirms) await runs.lookAfter(tx, run.id, new Date());
      if (run.pipelineId !== null) await pipelines.jobs.publish(tx, run.pipelineId);
    });
  }

  /** Codegen has the run, or goes on with it. */
  private async goOn(run: AgentRun, remote: CodegenRun, values: Partial<AgentRun>): Promise<void> {
    const { database, runs, pipelines } = this.deps;
    await database.write(async (tx) => {
      await runs.save(tx, run.id, {
        status: 'running',
        webUrl: remote.webUrl ?? run.webUrl,
        failures: 0,
        errorMessage: null,
        ...values,
      });
      await runs.lookAfter(tx, run.id, new Date(Date.now() + this.deps.pollSeconds * 1000));
      if (run.pipelineId !== null) await pipelines.jobs.publish(tx, run.pipelineId);
    });
  }

  private async lookAgain(run: AgentRun): Promise<void> {
    const { database, runs, pollSeconds } = this.deps;
    const began = run.resumedAt ?? run.requestedAt ?? run.createdAt;
    const waitMs = nextLookMs(Date.now() - began.getTime(), pollSeconds);
    if (waitMs === null)
      return this.end(run, 'failed', 'The run did not end within 6 hours, so it is no longer waited for.');
    await database.write(async (tx) => {
      await runs.lookAfter(tx, run.id, new Date(Date.now() + waitMs));
    });
  }

  /** A request failed: it is repeated later, or the run ends with what Codegen said. */
  private async trouble(run: AgentRun, error: unknown): Promise<void> {
    if (!(error instanceof CodegenError)) throw error;
    const { database, runs, pipelines, pauseMs, log } = this.deps;
    const { kind, message, advice, retryAfterMs } = error;
    log.warn({ agentRunId: run.id, kind, status: error.status, advice }, 'Codegen did not do what was asked');
    const failures = run.failures + 1;
    if (!(error.retryable || error.effectUnknown) || failures > MAX_FAILURES) {
      const explained = kind === 'out_of_runs' || kind === 'forbidden' || kind === 'unauthorized';
      return this.end(run, 'failed', explained ? `${message} ${advice}` : message, { errorKind: kind });
    }
    await database.write(async (tx) => {
      await runs.save(tx, run.id, { failures, errorMessage: message });
      const pause = Math.max(pauseMs(failures), retryAfterMs ?? 0);
      await runs.lookAfter(tx, run.id, new Date(Date.now() + pause));
      // Said once; that it still fails is no news.
      if (failures === 1 && run.pipelineId !== null) await pipelines.jobs.publish(tx, run.pipelineId);
    });
  }

  private async end(
    run: AgentRun,
    status: 'completed' | 'failed' | 'cancelled',
    errorMessage: string | null,
    values: Partial<AgentRun> = {},
  ): Promise<void> {
    const { database, runs, pipelines } = this.deps;
    const { projectId, pullRequestNumber: number } = run;
    const latest = number === null ? null : await pipelines.latestOf(projectId, number);
    await database.write(async (tx) => {
      await runs.save(tx, run.id, {
        ...values,
        status,
        errorMessage,
        resumeMessage: null,
        completedAt: new Date(),
      });
      if (run.pipelineId !== null) await pipelines.jobs.publish(tx, run.pipelineId);
      // What the agent pushed may have failed before its run ended, when it was too early for another one.
      if (latest && latest.id !== run.pipelineId) await runs.followUp(tx, latest.id);
    });
  }

  /** Why the agent need not begin any more. */
  private async obstacle(run: AgentRun, project: Project): Promise<string | null> {
    if (run.pullRequestNumber === null || run.headSha === null) return null;
    const pull = await (await this.deps.github.repository(project)).pullRequest(run.pullRequestNumber);
    if (pull.state !== 'open') return 'The pull request was closed.';
    return pull.head.sha === run.headSha ? null : 'There is a newer commit; its own validation decides.';
  }

  /** What became meanwhile of the pull request that a run is to fix. */
  private async pullRequestOf(run: AgentRun, project: Project) {
    if (run.pullRequestNumber === null || run.headSha === null) return { headMoved: false, closed: false };
    const pull = await (await this.deps.github.repository(project)).pullRequest(run.pullRequestNumber);
    return { headMoved: pull.head.sha !== run.headSha, closed: pull.state !== 'open' };
  }

  /** The answer in the form in which it is stored. */
  private async resultOf(remote: CodegenRun, project: Project): Promise<string> {
    const redact = await this.deps.redactorOf(project);
    return keepStart(redact(remote.result ?? remote.summary ?? ''), MAX_RESPONSE);
  }

  private readonly repositoryIds = new Map<string, number>();

  /** Codegen's number of a repository; it does without where it can't be asked for. */
  private async repositoryId(fullName: string): Promise<number | null> {
    const known = this.repositoryIds.get(fullName);
    if (known !== undefined) return known;
    const { signal } = this.stopping;
    const found = await this.deps.client.findRepositoryId(fullName, { signal }).catch((error: unknown) => {
      if (error instanceof CodegenError) return null;
      throw error;
    });
    if (found !== null) this.repositoryIds.set(fullName, found);
    return found;
  }
}

/** Just resumed, a run may be shown for a moment as it was before. */
function showsOldEnd(run: AgentRun, remote: CodegenRun, result: string): boolean {
  if (run.resumedAt === null || Date.now() - run.resumedAt.getTime() > RESUME_SETTLES_MS) return false;
  return remote.status.state === 'complete' && result === run.response;
}
