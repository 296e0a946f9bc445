import type { Account } from '../accounts.js';
import type { AppRegistration } from '../app-registration.js';
import type { Comment, FakeIssue, Reaction, ReactionContent } from '../issue.js';
import type { FakeRepository } from '../repository.js';
import { accountJson } from './account.js';
import { appJson } from './app.js';
import { type Json, type Urls, iso, nodeId } from './common.js';

export function labelJson(repository: FakeRepository, name: string): Json {
  // Stable for a name, as a label's id is.
  const id = [...name].reduce((sum, letter) => (sum * 31 + letter.codePointAt(0)!) % 1_000_000, 208_045_946);
  return {
    id,
    node_id: nodeId('LA', id),
    url: `${repository.world.urls.api}/repos/${repository.fullName}/labels/${encodeURIComponent(name)}`,
    name,
    color: 'ededed',
    default: false,
    description: '',
  };
}

/** How GitHub describes someone's relation to a repository. It is not a permission. */
export function authorAssociation(repository: FakeRepository, account: Account): string {
  if (account === repository.owner) return 'OWNER';
  if (repository.allows(account, 'triage')) return 'COLLABORATOR';
  return 'NONE';
}

function reactionsJson(url: string, reactions: readonly Reaction[]): Json {
  const count = (content: ReactionContent) => reactions.filter((each) => each.content === content).length;
  return {
    url: `${url}/reactions`,
    total_count: reactions.length,
    '+1': count('+1'),
    '-1': count('-1'),
    laugh: count('laugh'),
    hooray: count('hooray'),
    confused: count('confused'),
    heart: count('heart'),
    rocket: count('rocket'),
    eyes: count('eyes'),
  };
}

export function reactionJson(urls: Urls, reaction: Reaction): Json {
  return {
    id: reaction.id,
    node_id: nodeId('REA', reaction.id),
    user: accountJson(urls, reaction.user),
    content: reaction.content,
    created_at: iso(reaction.createdAt),
  };
}

export function commentJson(urls: Urls, app: AppRegistration, issue: FakeIssue, comment: Comment): Json {
  const { repository } = issue;
  const base = `${urls.api}/repos/${repository.fullName}/issues`;
  const url = `${base}/comments/${comment.id}`;
  const kind = issue.asPullRequest ? 'pull' : 'issues';
  return {
    url,
    html_url: `${urls.html}/${repository.fullName}/${kind}/${issue.number}#issuecomment-${comment.id}`,
    issue_url: `${base}/${issue.number}`,
    id: comment.id,
    node_id: nodeId('IC', comment.id),
    user: accountJson(urls, comment.author),
    created_at: iso(comment.createdAt),
    updated_at: iso(comment.updatedAt),
    author_association: authorAssociation(repository, comment.author),
    body: comment.body,
    reactions: reactionsJson(url, comment.reactions),
    performed_via_github_app: comment.author === repository.world.appAccount ? appJson(urls, app) : null,
  };
}

export function issueJson(urls: Urls, issue: FakeIssue): Json {
  const { repository } = issue;
  const url = `${urls.api}/repos/${repository.fullName}/issues/${issue.number}`;
  const pull = issue.asPullRequest;
  const page = `${urls.html}/${repository.fullName}/${pull ? 'pull' : 'issues'}/${issue.number}`;
  return {
    url,
    repository_url: `${urls.api}/repos/${repository.fullName}`,
    labels_url: `${url}/labels{/name}`,
    comments_url: `${url}/comments`,
    events_url: `${url}/events`,
    html_url: page,
    id: issue.id,
    node_id: nodeId(pull ? 'PR' : 'I', issue.id),
    number: issue.number,
    title: issue.title,
    user: accountJson(urls, issue.author),
    labels: [...issue.labels].map((name) => labelJson(repository, name)),
    state: issue.state,
    locked: false,
    assignee: null,
    assignees: [],
    milestone: null,
    comments: issue.comments().length,
    created_at: iso(issue.createdAt),
    updated_at: iso(issue.updatedAt),
    closed_at: issue.closedAt ? iso(issue.closedAt) : null,
    author_association: authorAssociation(repository, issue.author),
    active_lock_reason: null,
    body: issue.body,
    reactions: reactionsJson(url, []),
    timeline_url: `${url}/timeline`,
    performed_via_github_app: null,
    state_reason: null,
    ...(pull && {
      draft: pull.draft,
      pull_request: {
        url: `${urls.api}/repos/${repository.fullName}/pulls/${pull.number}`,
        html_url: page,
        diff_url: `${page}.diff`,
        patch_url: `${page}.patch`,
        merged_at: pull.mergedAt ? iso(pull.mergedAt) : null,
      },
    }),
  };
}
