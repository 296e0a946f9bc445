import { diff } from '../git/diff.js';
import { mergeableState } from '../mergeability.js';
import type { FakePullRequest } from '../pull-request.js';
import { accountJson } from './account.js';
import { type Json, type Urls, iso, nodeId } from './common.js';
import { authorAssociation, labelJson } from './issue.js';
import { repositoryJson } from './repository.js';

/** A pull-request-simple, as lists show it. */
export function simplePullRequestJson(urls: Urls, pull: FakePullRequest): Json {
  const { repository, headRepository } = pull;
  const root = `${urls.api}/repos/${repository.fullName}`;
  const url = `${root}/pulls/${pull.number}`;
  const issueUrl = `${root}/issues/${pull.number}`;
  const page = `${urls.html}/${repository.fullName}/pull/${pull.number}`;
  const statusesUrl = `${root}/statuses/${pull.headSha}`;
  return {
    url,
    id: pull.id,
    node_id: nodeId('PR', pull.id),
    html_url: page,
    diff_url: `${page}.diff`,
    patch_url: `${page}.patch`,
    issue_url: issueUrl,
    number: pull.number,
    state: pull.state,
    locked: false,
    title: pull.title,
    user: accountJson(urls, pull.author),
    body: pull.body,
    created_at: iso(pull.createdAt),
    updated_at: iso(pull.updatedAt),
    closed_at: pull.closedAt ? iso(pull.closedAt) : null,
    merged_at: pull.mergedAt ? iso(pull.mergedAt) : null,
    merge_commit_sha: pull.mergeSha ?? repository.git.ref(`refs/pull/${pull.number}/merge`) ?? null,
    assignee: null,
    assignees: [],
    requested_reviewers: [],
    requested_teams: [],
    labels: [...pull.labels].map((name) => labelJson(repository, name)),
    milestone: null,
    draft: pull.draft,
    commits_url: `${url}/commits`,
    review_comments_url: `${url}/comments`,
    review_comment_url: `${root}/pulls/comments{/number}`,
    comments_url: `${issueUrl}/comments`,
    statuses_url: statusesUrl,
    head: {
      label: `${pull.headOwner.login}:${pull.headRef}`,
      ref: pull.headRef,
      sha: pull.headSha,
      user: accountJson(urls, pull.headOwner),
      repo: headRepository ? repositoryJson(urls, headRepository) : null,
    },
    base: {
      label: `${repository.owner.login}:${pull.baseRef}`,
      ref: pull.baseRef,
      sha: pull.baseSha,
      user: accountJson(urls, repository.owner),
      repo: repositoryJson(urls, repository),
    },
    _links: {
      self: { href: url },
      html: { href: page },
      issue: { href: issueUrl },
      comments: { href: `${issueUrl}/comments` },
      review_comments: { href: `${url}/comments` },
      review_comment: { href: `${root}/pulls/comments{/number}` },
      commits: { href: `${url}/commits` },
      statuses: { href: statusesUrl },
    },
    author_association: authorAssociation(repository, pull.author),
    auto_merge: pull.autoMerge
      ? {
          enabled_by: accountJson(urls, pull.autoMerge.by),
          merge_method: pull.autoMerge.method,
          commit_title: pull.autoMerge.title ?? `${pull.title} (#${pull.number})`,
          commit_message: pull.autoMerge.message ?? '',
        }
      : null,
    active_lock_reason: null,
  };
}

/** A pull-request, as GET of one and webhooks show it. */
export function pullRequestJson(urls: Urls, pull: FakePullRequest): Json {
  const files = diff(pull.repository.git, pull.comparedWith, pull.headSha);
  const mergeable = pull.computeMergeable();
  return {
    ...simplePullRequestJson(urls, pull),
    merged: pull.merged,
    mergeable,
    rebaseable: mergeable,
    mergeable_state: mergeableState(pull),
    merged_by: pull.mergedBy ? accountJson(urls, pull.mergedBy) : null,
    comments: pull.comments().length,
    review_comments: 0,
    maintainer_can_modify: false,
    commits: pull.commits().length,
    additions: files.reduce((sum, file) => sum + file.additions, 0),
    deletions: files.reduce((sum, file) => sum + file.deletions, 0),
    changed_files: files.length,
  };
}
