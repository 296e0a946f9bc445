import { commitChanges, readCommit, type Signature } from './git/commits.js';
import { isBranchName } from './git/run.js';
import { GitStore } from './git/store.js';
import { readTree, type FileChanges, type Tree } from './git/trees.js';
import type { Change, WebhookEvent } from './events.js';

/** A push that happened; `event` is its push webhook. */
export interface Push extends Change {
  before: string;
  sha: string;
  /** pull_request.synchronize of each open pull request from this branch. */
  synchronized: WebhookEvent[];
}

/** The time of the first commit: the same history has the same shas in every run. */
const FIRST_COMMIT_TIME = Date.UTC(2024, 0, 1) / 1000;
/** What stands for the sha of a branch that is not there. */
export const NOTHING = '0'.repeat(40);

/** The git half of a repository: branches, commits, files. */
export abstract class RepositoryFiles {
  readonly git: GitStore;
  /** Who does what nobody else is named for. */
  abstract readonly maintainer: string;
  abstract readonly fullName: string;

  constructor(
    directory: string,
    public defaultBranch: string,
    network?: GitStore,
  ) {
    this.git = new GitStore(directory, { head: defaultBranch, ...(network && { network }) });
  }

  /** Told of every move of a branch. */
  protected abstract pushed(branch: string, before: string, pusher: string): Push;

  /** The head of a branch. */
  branch(name: string): string {
    const sha = this.git.ref(`refs/heads/${name}`);
    if (!sha) throw new Error(`${this.fullName} has no branch ${name}.`);
    return sha;
  }

  /** The files of a commit or branch. */
  tree(ref: string): Tree {
    const commit = readCommit(this.git, this.git.ref(`refs/heads/${ref}`) ?? ref);
    if (!commit) throw new Error(`${this.fullName} has no commit or branch ${ref}.`);
    return readTree(this.git, commit.tree);
  }

  /** A text file at a commit or branch, or undefined. */
  file(ref: string, path: string): string | undefined {
    const file = this.tree(ref).get(path);
    return file && this.git.read(file.sha)?.content.toString();
  }

  /** Commits on top of a branch, which is made from the default branch when it does not exist. */
  commit(branch: string, files: FileChanges, message = 'Change', author = this.maintainer): Push {
    if (!isBranchName(branch)) throw new Error(`git refuses the branch name ${JSON.stringify(branch)}.`);
    const parent = this.git.ref(`refs/heads/${branch}`) ?? this.git.ref(`refs/heads/${this.defaultBranch}`);
    const by = this.signature(author, parent);
    return this.setBranch(branch, commitChanges(this.git, parent, { files, message, by }), author);
  }

  /** Replaces the head commit of a branch by another, as an amend and a forced push do. */
  forcePush(branch: string, files: FileChanges, message = 'Amended', author = this.maintainer): Push {
    const head = this.branch(branch);
    const parents = readCommit(this.git, head)!.parents;
    const by = this.signature(author, head);
    return this.setBranch(branch, commitChanges(this.git, head, { files, parents, message, by }), author);
  }

  /** Moves a branch to a commit, and the pull requests from it along. */
  setBranch(branch: string, sha: string, pusher = this.maintainer): Push {
    const ref = `refs/heads/${branch}`;
    const before = this.git.ref(ref) ?? NOTHING;
    this.git.setRef(ref, sha);
    return this.pushed(branch, before, pusher);
  }

  deleteBranch(branch: string): Change {
    const before = this.branch(branch);
    this.git.deleteRef(`refs/heads/${branch}`);
    return this.pushed(branch, before, this.maintainer);
  }

  /** Who commits what happens on this GitHub, at which time. */
  signature(login: string, after?: string): Signature {
    const time = after === undefined ? FIRST_COMMIT_TIME : readCommit(this.git, after)!.committer.time + 60;
    return { name: login, email: `${login}@users.noreply.github.com`, time };
  }
}
