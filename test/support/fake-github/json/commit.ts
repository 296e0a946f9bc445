import type { Commit, Signature } from '../git/commits.js';
import { diff, type FileDiff } from '../git/diff.js';
import type { FakeRepository } from '../repository.js';
import { accountJson } from './account.js';
import { type Json, type Urls, iso } from './common.js';

const personJson = (who: Signature): Json => ({
  name: who.name,
  email: who.email,
  date: iso(who.time * 1000),
});
const UNSIGNED = { verified: false, reason: 'unsigned', signature: null, payload: null, verified_at: null };

/** A git-commit, as the git database's routes show it. */
export function gitCommitJson(urls: Urls, repository: FakeRepository, commit: Commit): Json {
  const git = `${urls.api}/repos/${repository.fullName}/git`;
  const page = `${urls.html}/${repository.fullName}/commit`;
  return {
    sha: commit.sha,
    node_id: `C_${commit.sha}`,
    url: `${git}/commits/${commit.sha}`,
    html_url: `${page}/${commit.sha}`,
    author: personJson(commit.author),
    committer: personJson(commit.committer),
    tree: { url: `${git}/trees/${commit.tree}`, sha: commit.tree },
    message: commit.message,
    parents: commit.parents.map((sha) => ({ url: `${git}/commits/${sha}`, sha, html_url: `${page}/${sha}` })),
    verification: UNSIGNED,
  };
}

/** A commit; `withFiles` as GET of one shows it. */
export function commitJson(urls: Urls, repository: FakeRepository, commit: Commit, withFiles = false): Json {
  const url = `${urls.api}/repos/${repository.fullName}/commits`;
  const page = `${urls.html}/${repository.fullName}/commit`;
  const account = (who: Signature) => {
    const found = repository.world.accounts.find(who.name);
    return found ? accountJson(urls, found) : null;
  };
  const files = withFiles ? diff(repository.git, commit.parents[0], commit.sha) : [];
  const sum = (key: 'additions' | 'deletions') => files.reduce((total, file) => total + file[key], 0);
  return {
    sha: commit.sha,
    node_id: `C_${commit.sha}`,
    commit: {
      author: personJson(commit.author),
      committer: personJson(commit.committer),
      message: commit.message,
      tree: {
        url: `${urls.api}/repos/${repository.fullName}/git/trees/${commit.tree}`,
        sha: commit.tree,
      },
      url: `${urls.api}/repos/${repository.fullName}/git/commits/${commit.sha}`,
      comment_count: 0,
      verification: UNSIGNED,
    },
    url: `${url}/${commit.sha}`,
    html_url: `${page}/${commit.sha}`,
    comments_url: `${url}/${commit.sha}/comments`,
    author: account(commit.author),
    committer: account(commit.committer),
    parents: commit.parents.map((sha) => ({ sha, url: `${url}/${sha}`, html_url: `${page}/${sha}` })),
    ...(withFiles && {
      stats: {
        total: sum('additions') + sum('deletions'),
        additions: sum('additions'),
        deletions: sum('deletions'),
      },
      files: files.map((file) => fileJson(urls, repository, commit.sha, file)),
    }),
  };
}

/** A diff-entry. */
export function fileJson(urls: Urls, repository: FakeRepository, head: string, file: FileDiff): Json {
  const path = file.filename.split('/').map(encodeURIComponent).join('/');
  const page = `${urls.html}/${repository.fullName}`;
  return {
    sha: file.sha,
    filename: file.filename,
    status: file.status,
    additions: file.additions,
    deletions: file.deletions,
    changes: file.additions + file.deletions,
    blob_url: `${page}/blob/${head}/${path}`,
    raw_url: `${page}/raw/${head}/${path}`,
    contents_url: `${urls.api}/repos/${repository.fullName}/contents/${path}?ref=${head}`,
    ...(file.patch !== undefined && { patch: file.patch }),
    ...(file.previousFilename !== undefined && { previous_filename: file.previousFilename }),
  };
}
