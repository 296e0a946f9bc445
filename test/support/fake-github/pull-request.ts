import type { Account } from './accounts.js';
import { webhookEvent, type Change, type WebhookEvent } from './events.js';
import { commitsBetween, mergeBase, writeCommit } from './git/commits.js';
import { merge, mergeCommits, type MergeMethod } from './git/merge.js';
import { writeTree, type FileChanges } from './git/trees.js';
import { FakeIssue } from './issue.js';
import type { Json } from './json/common.js';
import { pullRequestJson } from './json/pull-request.js';
import type { FakeRepository } from './repository.js';
import type { Push } from './repository-files.js';

export interface PullRequestOptions {
  /** A branch of the repository, or of `from`. */
  head: string;
  /** The fork that the branch is in. */
  from?: FakeRepository;
  /** The default branch. */
  base?: string;
  title?: string;
  body?: string;
  /** The owner of the head's repository. */
  author?: string;
  draft?: boolean;
  labels?: string[];
}

/** Auto-merge as someone switched it on. */
export interface AutoMerge {
  by: Account;
  method: MergeMethod;
  title: string | undefined;
  message: string | undefined;
}

export interface PullRequestPush extends Change {
  before: string;
  sha: string;
  /** The push webhook beside pull_request.synchronize, which is `event`. */
  push: WebhookEvent;
}

/** A pull request. Its verbs change state and return the webhook, which is not sent by itself. */
export class FakePullRequest extends FakeIssue {
  readonly headRef: string;
  headSha: string;
  baseRef: string;
  baseSha: string;
  draft: boolean;
  mergedAt: Date | undefined;
  mergedBy: Account | undefined;
  /** The commit that the merge made. */
  mergeSha: string | undefined;
  autoMerge: AutoMerge | undefined;
  readonly approvals = new Set<Account>();
  /** Overrides what git says: null is "GitHub has not computed it yet". */
  mergeable: boolean | null | 'computed' = 'computed';
  /** pull_request.opened, as it was at that moment. */
  readonly opened: WebhookEvent;
  private readonly fork: FakeRepository;

  constructor(repository: FakeRepository, options: PullRequestOptions) {
    const from = options.from ?? repository;
    const title = options.title ?? `Change ${options.head}`;
    super(repository, { ...options, title, author: options.author ?? from.maintainer });
    this.fork = from;
    this.headRef = options.head;
    this.headSha = from.branch(options.head);
    this.baseRef = options.base ?? repository.defaultBranch;
    this.baseSha = repository.branch(this.baseRef);
    this.draft = options.draft ?? false;
    for (const label of options.labels ?? []) this.labels.add(label);
    this.updateRefs();
    this.opened = this.changedEvent('opened', this.author.login);
  }

  override get asPullRequest(): FakePullRequest {
    return this;
  }

  /** Undefined once the fork is deleted. */
  get headRepository(): FakeRepository | undefined {
    return this.repository.world.repositories.includes(this.fork) ? this.fork : undefined;
  }

  get headOwner(): Account {
    return this.fork.owner;
  }

  get merged(): boolean {
    return this.mergedAt !== undefined;
  }

  /** What the head has and the base has not, oldest first. */
  commits() {
    return commitsBetween(this.repository.git, this.comparedWith, this.headSha);
  }

  /** The commit that the files are compared with: where the head left the base. */
  get comparedWith(): string {
    return mergeBase(this.repository.git, this.baseSha, this.headSha) ?? this.baseSha;
  }

  // What people do

  /** Commits on top of the head. */
  push(files: FileChanges, message = 'Another change', author = this.author.login): PullRequestPush {
    return this.asPush(this.fork.commit(this.headRef, files, message, author));
  }

  /** Replaces the head commit. */
  forcePush(files: FileChanges, message = 'Amended', author = this.author.login): PullRequestPush {
    return this.asPush(this.fork.forcePush(this.headRef, files, message, author));
  }

  close(by = this.author.login): Change {
    this.state = 'closed';
    this.closedAt = new Date();
    return { event: this.changedEvent('closed', by) };
  }

  reopen(by = this.author.login): Change {
    this.state = 'open';
    this.closedAt = undefined;
    return { event: this.changedEvent('reopened', by) };
  }

  markReady(by = this.author.login): Change {
    this.draft = false;
    return { event: this.changedEvent('ready_for_review', by) };
  }

  convertToDraft(by = this.author.login): Change {
    this.draft = true;
    return { event: this.changedEvent('converted_to_draft', by) };
  }

  /** Changes which branch it merges into. */
  editBase(base: string, by = this.author.login): Change {
    const from = { ref: { from: this.baseRef }, sha: { from: this.baseSha } };
    this.baseRef = base;
    this.baseSha = this.repository.branch(base);
    this.updateRefs();
    return { event: this.changedEvent('edited', by, { changes: { base: from } }) };
  }

  /** Changes title or body. */
  edit(change: { title?: string; body?: string }, by = this.author.login): Change {
    const changes: Json = {};
    if (change.title !== undefined) changes['title'] = { from: this.title };
    if (change.body !== undefined) changes['body'] = { from: this.body ?? '' };
    this.title = change.title ?? this.title;
    this.body = change.body ?? this.body;
    return { event: this.changedEvent('edited', by, { changes }) };
  }

  /** An approving review; a push takes none of them back here. */
  approve(by: string): void {
    this.approvals.add(this.repository.world.user(by));
    this.note(`approved by ${by}`);
  }

  /** Merges as a person would by the button, whatever the branch demands. Throws on a conflict. */
  merge(by = this.repository.maintainer, method: MergeMethod = 'merge'): Change {
    return { event: this.mergeNow(this.repository.world.user(by), { method }) };
  }

  // What the REST API does too

  /** Merges into the base branch in git; the event is pull_request.closed. Throws on a conflict. */
  mergeNow(by: Account, options: { method: MergeMethod; message?: string }): WebhookEvent {
    const { repository } = this;
    const base = repository.branch(this.baseRef);
    const message =
      options.message ??
      (options.method === 'squash'
        ? `${this.title} (#${this.number})`
        : `Merge pull request #${this.number} from ${this.headOwner.login}/${this.headRef}`);
    const sha = merge(repository.git, base, this.headSha, {
      method: options.method,
      message,
      by: repository.signature(by.login, base),
    });
    if (sha === undefined) throw new Error(`#${this.number} has conflicts with ${this.baseRef}.`);
    this.state = 'closed';
    this.mergedAt = this.closedAt = new Date();
    this.mergedBy = by;
    this.mergeSha = sha;
    this.autoMerge = undefined;
    repository.setBranch(this.baseRef, sha, by.login);
    this.note(`merged as ${sha} by ${by.login} (${options.method})`);
    return this.changedEvent('closed', by.login);
  }

  /** Follows its branch; the event is pull_request.synchronize. */
  headMoved(before: string, sha: string, sender: Account): WebhookEvent {
    this.headSha = sha;
    this.baseSha = this.repository.branch(this.baseRef);
    this.updateRefs();
    this.note(`head ${before.slice(0, 7)} → ${sha.slice(0, 7)}`);
    return this.changedEvent('synchronize', sender.login, { before, after: sha });
  }

  /** The tree of merging it now would have a conflict or not, as GitHub's "mergeable". */
  computeMergeable(): boolean | null {
    if (this.merged) return null;
    if (this.mergeable !== 'computed') return this.mergeable;
    const base = this.repository.git.ref(`refs/heads/${this.baseRef}`);
    if (!base) return false;
    const key = `${base} ${this.headSha}`;
    if (this.lastMergeable?.key !== key) {
      this.lastMergeable = {
        key,
        value: mergeCommits(this.repository.git, base, this.headSha) !== undefined,
      };
    }
    return this.lastMergeable.value;
  }
  private lastMergeable: { key: string; value: boolean } | undefined;

  protected override changedEvent(action: string, by: string, fields: Json = {}): WebhookEvent {
    const { repository } = this;
    const { world } = repository;
    this.note(`${action} by ${by} (head ${this.headSha.slice(0, 7)})`);
    const pullRequest = pullRequestJson(world.urls, this);
    return webhookEvent(
      world,
      'pull_request',
      { action, number: this.number, pull_request: pullRequest, ...fields },
      { sender: world.user(by), repository },
    );
  }

  private asPush(push: Push): PullRequestPush {
    const event = push.synchronized.find(({ payload }) => payload['number'] === this.number);
    if (!event) throw new Error(`#${this.number} is ${this.state}: a push to its branch does not reach it.`);
    return { before: push.before, sha: push.sha, event, push: push.event };
  }

  /** refs/pull/N/head, and refs/pull/N/merge where there is no conflict. */
  private updateRefs(): void {
    const { git } = this.repository;
    git.setRef(`refs/pull/${this.number}/head`, this.headSha);
    const base = this.repository.branch(this.baseRef);
    const tree = mergeCommits(git, base, this.headSha);
    if (!tree) return git.deleteRef(`refs/pull/${this.number}/merge`);
    const by = this.repository.signature('GitHub', this.headSha);
    const sha = writeCommit(git, {
      tree: writeTree(git, tree),
      parents: [base, this.headSha],
      author: by,
      committer: by,
      message: `Merge ${this.headSha} into ${base}`,
    });
    git.setRef(`refs/pull/${this.number}/merge`, sha);
  }
}
