import type { Account } from '../accounts.js';
import { commitsBetween, readCommit, type Commit } from '../git/commits.js';
import type { Tree } from '../git/trees.js';
import type { FakeRepository } from '../repository.js';
import { NOTHING } from '../repository-files.js';
import { type Json, type Urls, iso } from './common.js';
import { repositoryJson } from './repository.js';

/** The fields of a push webhook. */
export function pushJson(
  urls: Urls,
  repository: FakeRepository,
  push: { branch: string; before: string; after: string; forced: boolean; pusher: Account },
): Json {
  const { branch, before, after, forced, pusher } = push;
  const deleted = after === NOTHING;
  const created = before === NOTHING;
  const base = created ? repository.git.ref(`refs/heads/${repository.defaultBranch}`) : before;
  const commits = deleted || !base ? [] : commitsBetween(repository.git, base, after);
  const head = readCommit(repository.git, after);
  return {
    ref: `refs/heads/${branch}`,
    before,
    after,
    created,
    deleted,
    forced,
    base_ref: null,
    compare: `${urls.html}/${repository.fullName}/compare/${before.slice(0, 12)}...${after.slice(0, 12)}`,
    commits: commits.map((commit) => pushedCommitJson(urls, repository, commit)),
    head_commit: head ? pushedCommitJson(urls, repository, head) : null,
    pusher: { name: pusher.login, email: `${pusher.login}@users.noreply.github.com` },
    repository: {
      ...repositoryJson(urls, repository),
      created_at: Math.floor(repository.createdAt.getTime() / 1000),
      pushed_at: Math.floor(repository.pushedAt.getTime() / 1000),
      stargazers: 0,
      master_branch: repository.defaultBranch,
    },
  };
}

/** A commit as webhooks of push show it, with the names of the files it touched. */
function pushedCommitJson(urls: Urls, repository: FakeRepository, commit: Commit): Json {
  const after = repository.tree(commit.sha);
  const before = commit.parents[0] === undefined ? (new Map() as Tree) : repository.tree(commit.parents[0]);
  const shared = [...after.keys()].filter((path) => before.has(path));
  return {
    ...simpleCommitJson(commit),
    distinct: true,
    url: `${urls.html}/${repository.fullName}/commit/${commit.sha}`,
    added: [...after.keys()].filter((path) => !before.has(path)),
    removed: [...before.keys()].filter((path) => !after.has(path)),
    modified: shared.filter((path) => before.get(path)?.sha !== after.get(path)?.sha),
  };
}

/** A simple-commit, as check suites and merge groups show it. */
export function simpleCommitJson(commit: Commit): Json {
  const person = (who: Commit['author']) => ({
    name: who.name,
    email: who.email,
    username: who.name,
    date: iso(who.time * 1000),
  });
  return {
    id: commit.sha,
    tree_id: commit.tree,
    message: commit.message,
    timestamp: iso(commit.committer.time * 1000),
    author: person(commit.author),
    committer: person(commit.committer),
  };
}
