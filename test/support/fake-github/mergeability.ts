import type { Account } from './accounts.js';
import type { CheckRun } from './checks.js';
import type { MergeMethod } from './git/merge.js';
import type { FakePullRequest } from './pull-request.js';
import type { FakeRepository } from './repository.js';

const PASSING = ['success', 'skipped', 'neutral'];

/** The newest check run of each name and app, and the newest status of each context. */
export function latestOf(repository: FakeRepository, sha: string) {
  const runs = new Map<string, CheckRun>();
  for (const run of repository.checkRuns(sha)) runs.set(`${run.app.id} ${run.name}`, run);
  const statuses = new Map(repository.statuses(sha).map((status) => [status.context, status]));
  return { runs: [...runs.values()], statuses: [...statuses.values()] };
}

/** Whether everything that reported under this name passed, and something did. */
function passed(repository: FakeRepository, sha: string, name: string): boolean | undefined {
  const { runs, statuses } = latestOf(repository, sha);
  const results = [
    ...runs.filter((run) => run.name === name).map((run) => PASSING.includes(run.conclusion ?? '')),
    ...statuses.filter((status) => status.context === name).map((status) => status.state === 'success'),
  ];
  return results.length === 0 ? undefined : results.every(Boolean);
}

/** Why the base branch's protection refuses a merge, in GitHub's words; undefined: it does not. */
export function protectionRefusal(pullRequest: FakePullRequest): string | undefined {
  const { repository, headSha } = pullRequest;
  const protection = repository.protections.get(pullRequest.baseRef);
  if (!protection) return undefined;
  if (pullRequest.approvals.size < (protection.requiredApprovals ?? 0)) {
    return `At least ${protection.requiredApprovals} approving review is required by reviewers with write access.`;
  }
  for (const name of protection.requiredChecks ?? []) {
    const result = passed(repository, headSha, name);
    if (result === undefined) return `Required status check "${name}" is expected.`;
    if (!result) return `Required status check "${name}" is failing.`;
  }
  return undefined;
}

/** GitHub's `mergeable_state`. */
export function mergeableState(pullRequest: FakePullRequest): string {
  if (pullRequest.state === 'closed') return 'unknown';
  const mergeable = pullRequest.computeMergeable();
  if (mergeable === null) return 'unknown';
  if (!mergeable) return 'dirty';
  if (pullRequest.draft) return 'draft';
  if (protectionRefusal(pullRequest)) return 'blocked';
  const { runs, statuses } = latestOf(pullRequest.repository, pullRequest.headSha);
  const green =
    runs.every((run) => PASSING.includes(run.conclusion ?? '')) &&
    statuses.every((status) => status.state === 'success');
  return green ? 'clean' : 'unstable';
}

const METHOD_NAMES: Record<MergeMethod, string> = {
  merge: 'Merge commits',
  squash: 'Squash merges',
  rebase: 'Rebase merges',
};

/** Why PUT …/merge answers 405, in GitHub's words; undefined: it merges. */
export function mergeRefusal(pullRequest: FakePullRequest, method: MergeMethod): string | undefined {
  const { repository } = pullRequest;
  if (pullRequest.state === 'closed') return 'Pull Request is not mergeable';
  if (pullRequest.draft) return 'Pull Request is still a draft';
  if (pullRequest.computeMergeable() === null) {
    return 'Base branch was modified. Review and try the merge again.';
  }
  if (!pullRequest.computeMergeable()) return 'Pull Request has merge conflicts';
  if (!repository.mergeMethods.includes(method)) {
    return `${METHOD_NAMES[method]} are not allowed on this repository.`;
  }
  if (repository.protections.get(pullRequest.baseRef)?.mergeQueue) {
    return 'Repository rule violations found\n\nChanges must be made through the merge queue\n\n';
  }
  return protectionRefusal(pullRequest);
}

/** Merges what waits for auto-merge on this commit and may be merged now. */
export function completeAutoMerges(repository: FakeRepository, sha: string): void {
  for (const pullRequest of repository.pullRequests) {
    const { autoMerge } = pullRequest;
    if (!autoMerge || pullRequest.headSha !== sha || mergeRefusal(pullRequest, autoMerge.method)) continue;
    repository.world.emit(mergeAs(pullRequest, autoMerge.by, autoMerge));
  }
}

function mergeAs(
  pullRequest: FakePullRequest,
  by: Account,
  { method, title, message }: { method: MergeMethod; title: string | undefined; message: string | undefined },
) {
  const text = [title, message].filter((part) => part !== undefined && part !== '').join('\n\n');
  return pullRequest.mergeNow(by, { method, ...(text !== '' && { message: text }) });
}
