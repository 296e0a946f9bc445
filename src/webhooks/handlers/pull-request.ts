import type { ValidationPipeline } from '../../database/entities/index.js';
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
    await deps.database.write((tx) =>
      deps.pipelines.cancel(tx, { projectId: project.id, pullRequestNumber: number }, reason),
    );
    return;
  }
  if (action === 'edited' && changes?.base === undefined) return;

  const latest = await deps.pipelines.latestOf(project.id, number);
  // Events come late and out of order: where another head is known already, GitHub says which is the newer.
  const pullRequest =
    latest && latest.headSha !== payload.pull_request.head.sha
      ? await currentState(await deps.github.repository(project), payload.pull_request)
      : payload.pull_request;
  if (pullRequest.state !== 'open' || (latest && isCovered(latest, pullRequest))) return;
  await deps.starter.startPullRequest(project, pullRequest, {
    trigger: 'event',
    // What an agent pushed is counted by the fix loop; any other push starts anew.
    retryCount: 0,
  });
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
