import { notFound } from '../api-error.js';
import { ancestors, commitsBetween, mergeBase, readCommit } from '../git/commits.js';
import { diff } from '../git/diff.js';
import { commitJson, fileJson, gitCommitJson } from '../json/commit.js';
import { fullRepositoryJson } from '../json/repository.js';
import { simplePullRequestJson } from '../json/pull-request.js';
import {
  commitAt,
  ok,
  onRepository,
  paginated,
  resolveRef,
  type RepositoryRequest,
  type Routes,
} from './route.js';

function branchJson({ urls, repository }: RepositoryRequest, name: string) {
  const url = `${urls.api}/repos/${repository.fullName}`;
  const sha = repository.branch(name);
  return {
    name,
    commit: { sha, url: `${url}/commits/${sha}` },
    protected: repository.protections.has(name),
  };
}

export const repositoryRoutes: Routes = {
  'repos/get': onRepository('metadata:read', ({ urls, repository }) =>
    ok(fullRepositoryJson(urls, repository)),
  ),

  'repos/list-branches': onRepository('contents:read', (request) =>
    paginated(request, request.repository.git.refNames('refs/heads'), (name) => branchJson(request, name)),
  ),

  'repos/get-branch': onRepository('contents:read', (request) => {
    const { urls, repository, params } = request;
    const name = params['branch'] ?? '';
    const sha = repository.git.ref(`refs/heads/${name}`);
    if (!sha) throw notFound();
    const url = `${urls.api}/repos/${repository.fullName}/branches/${encodeURIComponent(name)}`;
    const contexts = repository.protections.get(name)?.requiredChecks ?? [];
    return ok({
      ...branchJson(request, name),
      commit: commitJson(urls, repository, readCommit(repository.git, sha)!),
      _links: { self: url, html: `${urls.html}/${repository.fullName}/tree/${encodeURIComponent(name)}` },
      protection: {
        enabled: repository.protections.has(name),
        required_status_checks: {
          enforcement_level: contexts.length > 0 ? 'non_admins' : 'off',
          contexts,
          checks: contexts.map((context) => ({ context, app_id: null })),
        },
      },
      protection_url: `${url}/protection`,
    });
  }),

  'repos/list-commits': onRepository('contents:read', (request) => {
    const { urls, repository, query } = request;
    const sha = resolveRef(repository, query.get('sha') ?? 'HEAD');
    if (!sha) throw notFound();
    return paginated(request, ancestors(repository.git, sha), (commit) =>
      commitJson(urls, repository, commit),
    );
  }),

  'repos/get-commit': onRepository('contents:read', ({ urls, repository, params, accept }) => {
    const sha = commitAt(repository, params['ref'] ?? '');
    if (accept.includes('.sha')) return ok(sha);
    return ok(commitJson(urls, repository, readCommit(repository.git, sha)!, true));
  }),

  'git/get-commit': onRepository('contents:read', ({ urls, repository, params }) => {
    const commit = readCommit(repository.git, params['commit_sha'] ?? '');
    if (!commit) throw notFound();
    return ok(gitCommitJson(urls, repository, commit));
  }),

  'git/get-ref': onRepository('contents:read', ({ urls, repository, params }) => {
    const ref = `refs/${params['ref']}`;
    const sha = repository.git.ref(ref);
    if (!sha) throw notFound();
    const root = `${urls.api}/repos/${repository.fullName}/git`;
    const object = { type: 'commit', sha, url: `${root}/commits/${sha}` };
    return ok({ ref, node_id: `REF_${sha}`, url: `${root}/${ref}`, object });
  }),

  'repos/list-pull-requests-associated-with-commit': onRepository('pull_requests:read', (request) => {
    const { urls, repository, params } = request;
    const sha = params['commit_sha'];
    const pulls = repository.pullRequests.filter(
      (pull) =>
        pull.headSha === sha || pull.mergeSha === sha || pull.commits().some((each) => each.sha === sha),
    );
    return paginated(request, pulls, (pull) => simplePullRequestJson(urls, pull));
  }),

  'repos/compare-commits-with-basehead': onRepository('contents:read', (request) => {
    const { urls, repository, params } = request;
    const { git } = repository;
    // owner:branch names a branch of a fork.
    const [base, head] = (params['basehead'] ?? '').split('...').map((ref) => {
      const fork = repository.forks.find((each) => ref.startsWith(`${each.owner.login}:`));
      return resolveRef(fork ?? repository, ref.replace(/^[^:]*:/, ''));
    });
    const common = base && head && mergeBase(git, base, head);
    if (!base || !head || !common) throw notFound();
    const ahead = commitsBetween(git, base, head);
    const behind = commitsBetween(git, head, base);
    const status =
      ahead.length > 0
        ? behind.length > 0
          ? 'diverged'
          : 'ahead'
        : behind.length > 0
          ? 'behind'
          : 'identical';
    const page = `${urls.html}/${repository.fullName}/compare/${base}...${head}`;
    const shown = (sha: string) => commitJson(urls, repository, readCommit(git, sha)!);
    return ok({
      url: `${urls.api}/repos/${repository.fullName}/compare/${base}...${head}`,
      html_url: page,
      permalink_url: page,
      diff_url: `${page}.diff`,
      patch_url: `${page}.patch`,
      base_commit: shown(base),
      merge_base_commit: shown(common),
      status,
      ahead_by: ahead.length,
      behind_by: behind.length,
      total_commits: ahead.length,
      commits: ahead.map((commit) => shown(commit.sha)),
      files: diff(git, common, head).map((file) => fileJson(urls, repository, head, file)),
    });
  }),
};
