import { webhookEvent, type Change } from './events.js';
import { readCommit } from './git/commits.js';
import { merge } from './git/merge.js';
import { simpleCommitJson } from './json/push.js';
import type { FakePullRequest } from './pull-request.js';

/** A group that a merge queue wants checked. */
export class MergeGroup implements Change {
  readonly baseSha: string;
  readonly headSha: string;
  /** Such as refs/heads/gh-readonly-queue/main/pr-1-<base sha>. */
  readonly headRef: string;
  /** merge_group.checks_requested. */
  readonly event;

  /** Puts a pull request into the queue: merged on a branch of its own with its base, or with who is before it. */
  constructor(
    readonly pullRequest: FakePullRequest,
    before?: MergeGroup,
  ) {
    const { repository, baseRef, headSha, number, title } = pullRequest;
    this.baseSha = before?.headSha ?? repository.branch(baseRef);
    const sha = merge(repository.git, this.baseSha, headSha, {
      method: 'squash',
      message: `${title} (#${number})`,
      by: repository.signature('GitHub', this.baseSha),
    });
    if (sha === undefined)
      throw new Error(`#${number} has conflicts with ${baseRef}: the queue takes it not.`);
    this.headSha = sha;
    this.headRef = `refs/heads/gh-readonly-queue/${baseRef}/pr-${number}-${this.baseSha}`;
    repository.git.setRef(this.headRef, sha);
    this.event = this.eventOf('checks_requested');
  }

  /** Takes the group out of the queue; `merged` also merges its pull request. */
  destroy(reason: 'merged' | 'invalidated' | 'dequeued'): Change {
    const { repository } = this.pullRequest;
    if (reason === 'merged') this.pullRequest.merge(undefined, 'squash');
    repository.git.deleteRef(this.headRef);
    return { event: this.eventOf('destroyed', { reason }) };
  }

  private eventOf(action: string, fields = {}) {
    const { repository, baseRef } = this.pullRequest;
    const mergeGroup = {
      head_sha: this.headSha,
      head_ref: this.headRef,
      base_sha: this.baseSha,
      base_ref: `refs/heads/${baseRef}`,
      head_commit: simpleCommitJson(readCommit(repository.git, this.headSha)!),
    };
    return webhookEvent(
      repository.world,
      'merge_group',
      { action, ...fields, merge_group: mergeGroup },
      { sender: repository.world.user('github-merge-queue[bot]'), repository },
    );
  }
}
