import { actorKind } from '../../agent/decide.js';
import { AGENT_LOGINS } from '../../agent/facts.js';
import type { ValidationPipeline } from '../../database/entities/index.js';
import { Overtaken } from '../../database/pipeline-store.js';
import { statusOf, type GitHubRepository } from '../../github/repository.js';
import { startHead } from '../../pipeline/new-head.js';
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
  try {
    await startHead(deps, project, pullRequest, latest, () => isByPerson(payload, latest));
  } catch (error) {
    // By the reconciling, or by a person's retry.
    if (error instanceof Overtaken) return onPullRequest(payload, deps);
    throw error;
  }
}

/** GitHub tells only which account pushed. */
function isByPerson(
  { action, sender, pull_request: { head } }: Payload<'pull_request'>,
  before: ValidationPipeline | null,
): boolean {
  if (action !== 'synchronize' || before?.headSha === head.sha) return true;
  return sender !== undefined && actorKind(sender, AGENT_LOGINS) === 'person';
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
