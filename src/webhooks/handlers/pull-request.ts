import { actorKind } from '../../agent/decide.js';
import { AGENT_LOGINS } from '../../agent/facts.js';
import type { AgentRun, Project, ValidationPipeline } from '../../database/entities/index.js';
import { Overtaken } from '../../database/pipeline-store.js';
import { statusOf, type GitHubRepository } from '../../github/repository.js';
import { pullRequest as pullRequestSchema, type Payload, type PullRequestFacts } from '../events.js';
import type { HandlerDeps } from './deps.js';

export async function onPullRequest(payload: Payload<'pull_request'>, deps: HandlerDeps): Promise<void> {
  const { action, repository, changes } = payload;
  const project = await deps.projects.follow(repository, payload.installation?.id);
  const { number } = payload.pull_request;
  if (action === 'closed') {
    const reason = payload.pull_request.merged
      ? 'The pull request was merged.'
      : 'The pull request was closed.';
    await deps.database.write(async (tx) => {
      await deps.pipelines.cancel(tx, { projectId: project.id, pullRequestNumber: number }, reason);
      await deps.pipelines.closePullRequests(tx, project.id, { number });
      await deps.runs.dropPlans(tx, project.id, number, reason);
    });
    const last = payload.pull_request.merged ? await deps.pipelines.latestOf(project.id, number) : null;
    // By GitHub itself, as we had asked it to.
    if (last?.merge?.state === 'scheduled')
      await deps.pipelines.note(last.id, { merge: { state: 'merged', reason: '' } });
    return;
  }
  if (action === 'edited' && changes?.base === undefined) return;

  const latest = await deps.pipelines.latestOf(project.id, number);
  // Events come late and out of order: where another head is known already, GitHub says which is the newer.
  const pullRequest =
    latest && latest.headSha !== payload.pull_request.head.sha
      ? await currentState(await deps.github.repository(project), payload.pull_request)
      : payload.pull_request;
  if (pullRequest.state !== 'open') return;
  if (latest && isCovered(latest, pullRequest)) {
    // What passed as a draft may be merged now.
    if (action === 'ready_for_review' && latest.conclusion === 'success')
      await deps.database.write((tx) => deps.runs.followUp(tx, latest.id));
    return;
  }
  const run = latest && (await pushedBy(payload, latest, deps));
  let started: ValidationPipeline | null;
  try {
    started = await deps.starter.startPullRequest(project, pullRequest, {
      trigger: 'event',
      // Any push but the agent's starts anew.
      retryCount: run ? latest.retryCount + 1 : 0,
      agentRunId: run?.id ?? null,
      after: latest?.id ?? null,
    });
  } catch (error) {
    // By the reconciling, or by a person's retry.
    if (error instanceof Overtaken) return onPullRequest(payload, deps);
    throw error;
  }
  if (!latest) return;
  await deps.database.write(async (tx) => {
    if (started && run) await deps.runs.save(tx, run.id, { nextPipelineId: started.id });
    if (latest.headSha !== pullRequest.head.sha)
      await deps.runs.dropPlans(
        tx,
        project.id,
        number,
        'There is a newer commit, so the plan no longer counts.',
      );
  });
  if (latest.merge?.state === 'scheduled') await unschedule(latest, project, deps);
}

/**
 * The agent run that this push comes from, or null. GitHub tells only which account pushed: it counts as the
 * agent's where that account is a bot's and a run for the head before is out, or ended a short while ago. An agent
 * that pushes as a person is therefore taken for that person; how often it may try is counted by its runs, not here.
 */
async function pushedBy(
  { action, sender, pull_request }: Payload<'pull_request'>,
  before: ValidationPipeline,
  { runs }: HandlerDeps,
): Promise<AgentRun | null> {
  if (action !== 'synchronize' || before.headSha === pull_request.head.sha) return null;
  if (sender && actorKind(sender, AGENT_LOGINS) === 'person') return null;
  return runs.awaitedOn(before.projectId, pull_request.number, before.headSha);
}

/** GitHub was to merge the head before; the new one is not validated yet. */
async function unschedule(
  before: ValidationPipeline,
  project: Project,
  { github, pipelines, log }: HandlerDeps,
): Promise<void> {
  const repository = await github.repository(project);
  const { node_id: nodeId, auto_merge: autoMerge } = await repository.pullRequest(before.pullRequestNumber!);
  if (autoMerge)
    await repository
      .disableAutoMerge(nodeId)
      .catch((error: unknown) => log.warn({ err: error }, 'auto-merge could not be switched off'));
  await pipelines.note(before.id, { merge: null });
}

async function currentState(
  repository: GitHubRepository,
  known: PullRequestFacts,
): Promise<PullRequestFacts> {
  try {
    return pullRequestSchema.parse(await repository.pullRequest(known.number));
  } catch (error) {
    if (statusOf(error) === 404) return known;
    throw error;
  }
}

/** Whether this very head on this very base was or is being validated: the same event again, or one of its kin. */
function isCovered(pipeline: ValidationPipeline, { head, base, draft }: PullRequestFacts): boolean {
  if (pipeline.headSha !== head.sha || pipeline.baseRef !== base.ref) return false;
  // Closed in between, or skipped for a reason that may be gone, as a draft that is ready now.
  if (pipeline.conclusion === 'cancelled') return false;
  return pipeline.conclusion !== 'skipped' || draft === true;
}
