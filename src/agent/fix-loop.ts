/**
 * The fix loop's beginning: after a failed pipeline, or because a person asks, it decides and stores a run. The run
 * is stored before anything is asked of Codegen, under the pull request's head as its cause, so that there is one for
 * a head however often this is called. What happens to it then is in follow-run.ts.
 */
import { isOpen, type AgentRunStore } from '../database/agent-run-store.js';
import type { Database } from '../database/database.js';
import { AgentRun, ValidationPipeline, type Project } from '../database/entities/index.js';
import type { PipelineStore } from '../database/pipeline-store.js';
import { ActionRefused } from '../domain/errors.js';
import { emptyResults } from '../domain/pipeline.js';
import type { GitHubAccess } from '../github/access.js';
import type { GitHubRepository } from '../github/repository.js';
import { decideFix, type FixDecision, type FixFacts } from './decide.js';
import { baseFailsToo, counts, gatherFacts, settingsOf } from './facts.js';
import { confirmPrompt, fixPrompt, newMarker, type Screenshot } from './prompt.js';
import { oneLine } from './text.js';

export interface FixLoopDeps {
  database: Database;
  pipelines: PipelineStore;
  runs: AgentRunStore;
  github: GitHubAccess;
  agentConfigured: boolean;
  /** Whether it is still being found out how the base branch fares; `afterFailure` is called again when it is known. */
  baseAwaited: (pipeline: ValidationPipeline) => Promise<boolean>;
  /** What the failed pipeline's preview looked like. */
  screenshotOf: (pipeline: ValidationPipeline) => Promise<Screenshot | null>;
  /** Hides the project's and the server's secrets. */
  redactorOf: (project: Project) => Promise<(text: string) => string>;
}

/** A person who asks, by command, button or API. */
export interface Asker {
  login: string;
  /** What to do, in their words. */
  instruction: string | null;
}

export class FixLoop {
  constructor(private readonly deps: FixLoopDeps) {}

  /** After a pipeline failed: asks the agent, or notes on the pipeline why not. */
  async afterFailure(pipeline: ValidationPipeline, project: Project): Promise<void> {
    if (pipeline.agentDecision !== null || !this.deps.agentConfigured) return;
    const decision = await this.decideAndAsk(pipeline, project, null);
    if (decision === null || decision.decision === 'fix' || QUIET.includes(decision.rule)) return;
    const fixes = (await this.deps.runs.fixesOf(project.id, pipeline.pullRequestNumber!)).filter(counts);
    await this.deps.pipelines.note(pipeline.id, {
      agentDecision:
        decision.needsPerson && fixes.length > 0
          ? { state: 'exhausted', text: `${decision.reason} ${tried(fixes)}` }
          : {
              state: 'declined',
              text: decision.needsPerson ? `${decision.reason} A person is needed now.` : decision.reason,
            },
    });
  }

  /** Has the agent fix what the pipeline found. @throws ActionRefused with the reason why not */
  async ask(pipeline: ValidationPipeline, project: Project, asker: Asker): Promise<FixDecision> {
    if (pipeline.pullRequestNumber === null) throw new ActionRefused('There is no pull request to fix.');
    const decision = (await this.decideAndAsk(pipeline, project, asker))!;
    if (decision.decision === 'no') throw new ActionRefused(decision.reason);
    return decision;
  }

  /**
   * Has a plan carried out that waits.
   * @param changes to the plan, in a person's words
   * @param cause of the same confirmation when it comes again, which changes nothing
   * @throws ActionRefused where none waits
   */
  async confirm(
    pipeline: ValidationPipeline,
    project: Project,
    { changes, cause }: { changes: string | null; cause: string },
  ): Promise<void> {
    const { database, runs, pipelines } = this.deps;
    const run = await runs.ofPipeline(pipeline.id);
    if (run?.context?.['confirmedBy'] === cause) return;
    if (run?.status !== 'plan_waiting') throw new ActionRefused('No plan waits to be confirmed here.');
    const pull = await (await this.deps.github.repository(project)).pullRequest(run.pullRequestNumber!);
    if (pull.state !== 'open') throw new ActionRefused('The pull request is closed.');
    if (pull.head.sha !== run.headSha)
      throw new ActionRefused('There is a newer commit, so the plan no longer counts.');
    const redact = await this.deps.redactorOf(project);
    const message = confirmPrompt({
      repository: project.fullName,
      pullRequest: { number: run.pullRequestNumber!, headRef: pipeline.headRef },
      changes,
    });
    await database.write(async (tx) => {
      const current = await tx.findOneByOrFail(AgentRun, { id: run.id });
      if (current.status !== 'plan_waiting') return;
      await runs.save(tx, run.id, {
        status: 'running',
        planState: 'confirmed',
        resumeMessage: redact(message),
        resumedAt: null,
        failures: 0,
        context: { ...current.context, confirmedBy: cause },
      });
      await runs.lookAfter(tx, run.id, new Date());
      await pipelines.jobs.publish(tx, pipeline.id);
    });
  }

  /** Ends a plan that waits. @returns whether there was one, or this was what ended it */
  async refusePlan(pipeline: ValidationPipeline, by: string): Promise<boolean> {
    const { database, runs, pipelines } = this.deps;
    const reason = `${by} refused the agent’s plan.`;
    const run = await runs.ofPipeline(pipeline.id);
    if (run?.status === 'cancelled') return run.errorMessage === reason;
    if (run?.status !== 'plan_waiting') return false;
    await database.write(async (tx) => {
      await runs.dropPlans(tx, run.projectId, run.pullRequestNumber!, reason);
      await pipelines.jobs.publish(tx, pipeline.id);
    });
    return true;
  }

  /** Null, without an asker only, where the decision waits for what the base branch does. */
  private async decideAndAsk(
    pipeline: ValidationPipeline,
    project: Project,
    asker: Asker | null,
  ): Promise<FixDecision | null> {
    const repository = await this.deps.github.repository(project);
    const facts = await gatherFacts(pipeline, repository, asker ? 'person' : 'pipeline', this.deps);
    let decision = decideFix(facts);
    if (decision.decision === 'fix' && !asker) {
      if (await this.deps.baseAwaited(pipeline)) return null;
      // It may have become known since the facts were gathered.
      decision = decideFix({ ...facts, baseFailsToo: await baseFailsToo(pipeline, this.deps) });
    }
    if (decision.decision === 'fix') await this.store(pipeline, project, repository, facts, asker);
    return decision;
  }

  private async store(
    pipeline: ValidationPipeline,
    project: Project,
    repository: GitHubRepository,
    facts: FixFacts,
    asker: Asker | null,
  ): Promise<void> {
    const { database, runs, pipelines } = this.deps;
    const number = pipeline.pullRequestNumber!;
    const instruction = asker?.instruction ?? null;
    // A person who wants to see a plan first says so; a plan that comes unasked waits all the same.
    const planFirst = /^plan\b/i.test(instruction ?? '') && !settingsOf(pipeline).auto_confirm_plan;
    const attempt = facts.earlier.length + 1;
    const values = {
      projectId: project.id,
      pipelineId: pipeline.id,
      pullRequestNumber: number,
      status: 'queued' as const,
      prompt: await this.promptFor(pipeline, project, repository, { instruction, planFirst, attempt }),
      actor: asker?.login ?? null,
      headSha: pipeline.headSha,
      signature: facts.pipeline.signature,
      attempt,
      planState: planFirst ? ('requested' as const) : ('not_requested' as const),
    };
    const cause = `fix:${project.id}:${number}:${pipeline.headSha}`;
    await database.write(async (tx) => {
      const known = await tx.findOneBy(AgentRun, { cause });
      if (known && (known.remoteId !== null || isOpen(known))) return;
      // A run that Codegen did not accept is asked for once more under the same id, by which it would be found there.
      if (known) {
        const ended = { failures: 0, errorMessage: null, errorKind: null, completedAt: null };
        await runs.save(tx, known.id, { ...values, ...ended });
        await runs.lookAfter(tx, known.id, new Date());
      } else await runs.create(tx, { ...values, cause });
      await tx.update(ValidationPipeline, { id: pipeline.id }, { agentDecision: null });
      await pipelines.jobs.publish(tx, pipeline.id);
    });
  }

  private async promptFor(
    pipeline: ValidationPipeline,
    project: Project,
    repository: GitHubRepository,
    asked: { instruction: string | null; planFirst: boolean; attempt: number },
  ): Promise<string> {
    const { pipelines, runs } = this.deps;
    const stages = await pipelines.stagesOf(pipeline.id);
    const results = pipeline.validationResults ?? emptyResults();
    const settings = settingsOf(pipeline);
    const number = pipeline.pullRequestNumber!;
    const earlier = (await runs.fixesOf(project.id, number)).filter((run) => run.response);
    const redact = await this.deps.redactorOf(project);
    return redact(
      fixPrompt(
        {
          repository: repository.fullName,
          pullRequest: {
            number,
            title: pipeline.title,
            headRef: pipeline.headRef,
            baseRef: pipeline.baseRef,
          },
          headSha: pipeline.headSha,
          stage:
            stages.find(({ conclusion }) => conclusion === 'failure' || conclusion === 'timed_out') ?? null,
          command: results.logTail?.command ?? null,
          logTail: results.logTail?.text ?? '',
          results,
          rules: settings.repository_rules,
          maxAttempts: settings.max_fix_attempts,
          screenshot: await this.deps.screenshotOf(pipeline),
          earlier: earlier.map((run) => run.response!),
          ...asked,
        },
        newMarker(),
      ),
    );
  }
}

/** Nothing to be said: the check says it, or another pipeline does. */
const QUIET: readonly FixDecision['rule'][] = [
  'closed',
  'still_running',
  'our_fault',
  'nothing_failed',
  'head_moved',
  'not_configured',
  'already_at_work',
];

/** What was tried, for whoever takes over. */
function tried(fixes: readonly AgentRun[]): string {
  const list = fixes.map((run, index) => {
    const words = oneLine(run.response ?? run.errorMessage ?? '', 120);
    return `${index + 1}. ${words === '' ? `a fix of ${run.headSha!.slice(0, 7)}` : words}`;
  });
  return `Tried so far: ${list.join(' ')}`;
}
