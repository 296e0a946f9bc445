import { join } from 'node:path';
import { PERMISSIONS, type Account, type Permission } from './accounts.js';
import {
  pressButton,
  reportCheck,
  rerequest,
  rerequestSuite,
  type CheckRun,
  type CheckRunFields,
  type CheckSuite,
  type CommitStatus,
} from './checks.js';
import type { Deployment } from './deployment.js';
import { webhookEvent, type Change } from './events.js';
import { ancestors } from './git/commits.js';
import type { MergeMethod } from './git/merge.js';
import type { FileChanges } from './git/trees.js';
import { FakeIssue } from './issue.js';
import { pushJson } from './json/push.js';
import { archive, remove, rename, transfer } from './lifecycle.js';
import { FakePullRequest, type PullRequestOptions } from './pull-request.js';
import { NOTHING, RepositoryFiles, type Push } from './repository-files.js';
import type { World } from './world.js';

export interface RepositoryOptions {
  /** The first commit; a README.md where nothing is given. */
  files?: FileChanges;
  private?: boolean;
  defaultBranch?: string;
  /** False: the App is not installed here. */
  installed?: boolean;
  /** Of an owner not known yet: Organization. */
  ownerType?: 'User' | 'Organization';
}

/** What a branch demands before a merge. */
export interface Protection {
  /** Names of check runs or contexts of statuses. */
  requiredChecks?: string[];
  requiredApprovals?: number;
  /** Merges go through the merge queue only. */
  mergeQueue?: boolean;
}

/** One git request for objects. */
export interface Fetch {
  at: Date;
  bytes: number;
  authenticatedAs: string;
  wanted: string[];
}

/** One repository: its git history is real, its verbs change state and return the webhook unsent. */
export class FakeRepository extends RepositoryFiles {
  readonly id: number;
  readonly private: boolean;
  readonly createdAt = new Date();
  pushedAt = new Date();
  archived = false;
  /** Whether people may switch on auto-merge here. */
  allowAutoMerge = true;
  mergeMethods: MergeMethod[] = ['merge', 'squash', 'rebase'];
  readonly parent: FakeRepository | undefined;
  readonly forks: FakeRepository[] = [];
  readonly formerNames: string[] = [];
  /** Issues and pull requests, in order of their numbers. */
  readonly issues: FakeIssue[] = [];
  readonly fetches: Fetch[] = [];
  readonly checkSuites: CheckSuite[] = [];
  readonly deployments: Deployment[] = [];
  readonly protections = new Map<string, Protection>();
  readonly allCheckRuns: CheckRun[] = [];
  readonly allStatuses: CommitStatus[] = [];
  private readonly permissions = new Map<Account, Permission>();

  constructor(
    readonly world: World,
    public owner: Account,
    public name: string,
    options: RepositoryOptions & { parent?: FakeRepository } = {},
  ) {
    const id = world.nextId('repository');
    const defaultBranch = options.defaultBranch ?? options.parent?.defaultBranch ?? 'main';
    super(join(world.directory, `${id}.git`), defaultBranch, options.parent?.git);
    this.id = id;
    this.private = options.private ?? false;
    this.parent = options.parent;
    if (owner.type === 'Organization') this.permit(this.maintainer, 'admin');
    if (options.parent) {
      this.git.setRef(`refs/heads/${this.defaultBranch}`, options.parent.branch(this.defaultBranch));
    } else {
      this.commit(this.defaultBranch, options.files ?? { 'README.md': `# ${name}\n` }, 'First commit');
    }
  }

  get fullName(): string {
    return `${this.owner.login}/${this.name}`;
  }

  /** The owner, or octocat where that is an organization. */
  get maintainer(): string {
    return this.owner.type === 'Organization' ? 'octocat' : this.owner.login;
  }

  /** What git clones from; needs a token where the repository is private. */
  get cloneUrl(): string {
    return `${this.world.urls.html}/${this.fullName}.git`;
  }

  get pullRequests(): FakePullRequest[] {
    return this.issues.filter((issue) => issue instanceof FakePullRequest);
  }

  // People

  /** Makes someone a collaborator. */
  permit(login: string, permission: Permission): void {
    this.permissions.set(this.world.user(login), permission);
  }

  /** What an account may do; everyone may read what is public. */
  permissionOf(account: Account): Permission {
    if (account === this.owner) return 'admin';
    return this.permissions.get(account) ?? (this.private ? 'none' : 'read');
  }

  allows(account: Account, needed: Permission): boolean {
    return PERMISSIONS.indexOf(this.permissionOf(account)) >= PERMISSIONS.indexOf(needed);
  }

  // Git

  /** Follows a branch that was moved already, and the pull requests from it along. */
  override pushed(branch: string, before: string, pusher: string): Push {
    const sha = this.git.ref(`refs/heads/${branch}`) ?? NOTHING;
    const sender = this.world.user(pusher);
    this.pushedAt = new Date();
    const forced = before !== NOTHING && !ancestors(this.git, sha).some((commit) => commit.sha === before);
    const fields = pushJson(this.world.urls, this, { branch, before, after: sha, forced, pusher: sender });
    const event = webhookEvent(this.world, 'push', fields, { sender, repository: this });
    const synchronized = this.world.repositories
      .flatMap((repository) => repository.pullRequests)
      .filter((pull) => pull.state === 'open' && pull.headRepository === this && pull.headRef === branch)
      .map((pull) => pull.headMoved(before, sha, sender));
    this.world.changed();
    return { before, sha, event, synchronized };
  }

  // What people do

  /** A copy at `owner/name` that shares this one's objects; the App is not installed on it. */
  fork(fullName: string): FakeRepository {
    const [owner = '', name = ''] = fullName.split('/');
    const fork = new FakeRepository(this.world, this.world.user(owner), name, {
      parent: this,
      private: this.private,
    });
    this.world.repositories.push(fork);
    this.world.installationOn(fork.owner)?.exclude(fork);
    this.forks.push(fork);
    return fork;
  }

  /** Opens a pull request from a branch of this repository or of a fork. */
  openPullRequest(options: PullRequestOptions): FakePullRequest {
    return new FakePullRequest(this, options);
  }

  openIssue(options: { title: string; author?: string; body?: string }): FakeIssue {
    return new FakeIssue(this, options);
  }

  /** What a branch demands before a merge, in place of what it demanded so far. */
  protect(branch: string, protection: Protection): void {
    this.protections.set(branch, protection);
  }

  /** Somebody presses a button of a check run. Throws where GitHub would not show that button. */
  pressButton(run: CheckRun, identifier: string, by: string): Change {
    return pressButton(this, run, identifier, by);
  }

  /** Somebody asks for a check run again, by GitHub's own "Re-run". */
  rerequest(run: CheckRun, by: string): Change {
    return rerequest(this, run, by);
  }

  /** Somebody asks for all check runs of the App on a commit again. */
  rerequestSuite(suite: CheckSuite, by: string): Change {
    return rerequestSuite(this, suite, by);
  }

  /** Another App reports a check run, GitHub Actions unless named. The event is check_run.completed, or created. */
  reportCheck(sha: string, fields: CheckRunFields & { name: string }, app = 'github-actions'): Change {
    return reportCheck(this, sha, fields, app);
  }

  /** Renames it; the old name redirects. */
  rename(name: string, by?: string): Change {
    return rename(this, name, by);
  }

  /** Gives it to another owner; the App stays where that owner has it installed too. */
  transfer(owner: string, by?: string): Change {
    return transfer(this, owner, by);
  }

  /** Deletes it. Pull requests from it stay, without a head repository. */
  delete(by?: string): Change {
    return remove(this, by);
  }

  /** Makes it read-only. */
  archive(by?: string): Change {
    return archive(this, by);
  }

  // Looking

  pullRequest(number: number): FakePullRequest | undefined {
    return this.pullRequests.find((each) => each.number === number);
  }

  /** Check runs, oldest first: all, or those of a commit. */
  checkRuns(sha?: string): CheckRun[] {
    return this.allCheckRuns.filter((run) => sha === undefined || run.headSha === sha);
  }

  /** Commit statuses, oldest first: all, or those of a commit. */
  statuses(sha?: string): CommitStatus[] {
    return this.allStatuses.filter((status) => sha === undefined || status.sha === sha);
  }
}
