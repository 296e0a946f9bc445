import type { FakeRepository } from '../repository.js';
import { accountJson } from './account.js';
import { type Json, type Urls, iso, nodeId } from './common.js';

/** A minimal-repository, and everything the larger forms share with it. */
export function minimalRepositoryJson(urls: Urls, repository: FakeRepository): Json {
  const url = `${urls.api}/repos/${repository.fullName}`;
  return {
    id: repository.id,
    node_id: nodeId('R', repository.id),
    name: repository.name,
    full_name: repository.fullName,
    private: repository.private,
    owner: accountJson(urls, repository.owner),
    html_url: `${urls.html}/${repository.fullName}`,
    description: null,
    fork: repository.parent !== undefined,
    url,
    forks_url: `${url}/forks`,
    keys_url: `${url}/keys{/key_id}`,
    collaborators_url: `${url}/collaborators{/collaborator}`,
    teams_url: `${url}/teams`,
    hooks_url: `${url}/hooks`,
    issue_events_url: `${url}/issues/events{/number}`,
    events_url: `${url}/events`,
    assignees_url: `${url}/assignees{/user}`,
    branches_url: `${url}/branches{/branch}`,
    tags_url: `${url}/tags`,
    blobs_url: `${url}/git/blobs{/sha}`,
    git_tags_url: `${url}/git/tags{/sha}`,
    git_refs_url: `${url}/git/refs{/sha}`,
    trees_url: `${url}/git/trees{/sha}`,
    statuses_url: `${url}/statuses/{sha}`,
    languages_url: `${url}/languages`,
    stargazers_url: `${url}/stargazers`,
    contributors_url: `${url}/contributors`,
    subscribers_url: `${url}/subscribers`,
    subscription_url: `${url}/subscription`,
    commits_url: `${url}/commits{/sha}`,
    git_commits_url: `${url}/git/commits{/sha}`,
    comments_url: `${url}/comments{/number}`,
    issue_comment_url: `${url}/issues/comments{/number}`,
    contents_url: `${url}/contents/{+path}`,
    compare_url: `${url}/compare/{base}...{head}`,
    merges_url: `${url}/merges`,
    archive_url: `${url}/{archive_format}{/ref}`,
    downloads_url: `${url}/downloads`,
    issues_url: `${url}/issues{/number}`,
    pulls_url: `${url}/pulls{/number}`,
    milestones_url: `${url}/milestones{/number}`,
    notifications_url: `${url}/notifications{?since,all,participating}`,
    labels_url: `${url}/labels{/name}`,
    releases_url: `${url}/releases{/id}`,
    deployments_url: `${url}/deployments`,
  };
}

/** A repository, as it appears in pull requests and webhooks. */
export function repositoryJson(urls: Urls, repository: FakeRepository): Json {
  const page = `${urls.html}/${repository.fullName}`;
  const { host } = new URL(urls.html);
  const openIssues = repository.issues.filter((issue) => issue.state === 'open').length;
  const forks = repository.forks.length;
  return {
    ...minimalRepositoryJson(urls, repository),
    created_at: iso(repository.createdAt),
    updated_at: iso(repository.pushedAt),
    pushed_at: iso(repository.pushedAt),
    git_url: `git://${host}/${repository.fullName}.git`,
    ssh_url: `git@${host}:${repository.fullName}.git`,
    clone_url: `${page}.git`,
    svn_url: page,
    homepage: null,
    size: 1,
    stargazers_count: 0,
    watchers_count: 0,
    language: null,
    has_issues: true,
    has_projects: true,
    has_downloads: true,
    has_wiki: true,
    has_pages: false,
    has_discussions: false,
    forks_count: forks,
    mirror_url: null,
    archived: repository.archived,
    disabled: false,
    open_issues_count: openIssues,
    license: null,
    allow_forking: true,
    is_template: false,
    web_commit_signoff_required: false,
    topics: [],
    visibility: repository.private ? 'private' : 'public',
    forks,
    open_issues: openIssues,
    watchers: 0,
    default_branch: repository.defaultBranch,
    allow_squash_merge: repository.mergeMethods.includes('squash'),
    allow_merge_commit: repository.mergeMethods.includes('merge'),
    allow_rebase_merge: repository.mergeMethods.includes('rebase'),
    allow_auto_merge: repository.allowAutoMerge,
    delete_branch_on_merge: false,
    allow_update_branch: false,
  };
}

/** GET /repos/{owner}/{repo}. */
export function fullRepositoryJson(urls: Urls, repository: FakeRepository): Json {
  const { parent } = repository;
  return {
    ...repositoryJson(urls, repository),
    ...(repository.owner.type === 'Organization' && { organization: accountJson(urls, repository.owner) }),
    ...(parent && { parent: repositoryJson(urls, parent), source: repositoryJson(urls, parent) }),
    network_count: repository.forks.length,
    subscribers_count: 0,
  };
}

/** The short form in installation events. */
export function installedRepositoryJson(repository: FakeRepository): Json {
  const { id, name, fullName } = repository;
  return { id, node_id: nodeId('R', id), name, full_name: fullName, private: repository.private };
}
