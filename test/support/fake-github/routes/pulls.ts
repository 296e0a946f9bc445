import { ApiError, notFound, validationFailed } from '../api-error.js';
import { diff } from '../git/diff.js';
import type { MergeMethod } from '../git/merge.js';
import { commitJson, fileJson } from '../json/commit.js';
import { pullRequestJson, simplePullRequestJson } from '../json/pull-request.js';
import { mergeRefusal } from '../mergeability.js';
import type { FakePullRequest } from '../pull-request.js';
import { noContent, ok, onRepository, paginated, type RepositoryRequest, type Routes } from './route.js';

function pullWith({ repository, params }: RepositoryRequest): FakePullRequest {
  const pull = repository.pullRequest(Number(params['pull_number']));
  if (!pull) throw notFound();
  return pull;
}

interface MergeBody {
  commit_title?: string;
  commit_message?: string;
  sha?: string;
  merge_method?: MergeMethod;
}
interface UpdateBody {
  title?: string;
  body?: string;
  state?: 'open' | 'closed';
  base?: string;
}

export const pullRoutes: Routes = {
  /** Newest first, open ones unless asked otherwise. */
  'pulls/list': onRepository('pull_requests:read', (request) => {
    const { urls, repository, query } = request;
    const state = query.get('state') ?? 'open';
    const head = query.get('head');
    const base = query.get('base');
    const pulls = repository.pullRequests.filter(
      (pull) =>
        (state === 'all' || pull.state === state) &&
        (head === null || head === `${pull.headOwner.login}:${pull.headRef}`) &&
        (base === null || base === pull.baseRef),
    );
    if (query.get('direction') !== 'asc') pulls.reverse();
    return paginated(request, pulls, (pull) => simplePullRequestJson(urls, pull));
  }),

  'pulls/get': onRepository('pull_requests:read', (request) =>
    ok(pullRequestJson(request.urls, pullWith(request))),
  ),

  'pulls/update': onRepository('pull_requests:write', (request) => {
    const { world, urls, repository, account } = request;
    const pull = pullWith(request);
    const { title, body, state, base } = request.body as UpdateBody;
    if (base !== undefined && !repository.git.ref(`refs/heads/${base}`)) {
      throw validationFailed('PullRequest', 'base', `Proposed base branch '${base}' was not found`);
    }
    const by = account.login;
    if (title !== undefined || body !== undefined) {
      world.emit(
        pull.edit({ ...(title !== undefined && { title }), ...(body !== undefined && { body }) }, by).event,
      );
    }
    if (base !== undefined && base !== pull.baseRef) world.emit(pull.editBase(base, by).event);
    if (state === 'closed' && pull.state === 'open') world.emit(pull.close(by).event);
    if (state === 'open' && pull.state === 'closed') world.emit(pull.reopen(by).event);
    return ok(pullRequestJson(urls, pull));
  }),

  'pulls/list-files': onRepository('pull_requests:read', (request) => {
    const { urls, repository } = request;
    const pull = pullWith(request);
    // The list ends at 3000 files.
    const files = diff(repository.git, pull.comparedWith, pull.headSha).slice(0, 3000);
    return paginated(request, files, (file) => fileJson(urls, repository, pull.headSha, file));
  }),

  'pulls/list-commits': onRepository('pull_requests:read', (request) => {
    const { urls, repository } = request;
    // The list ends at 250 commits.
    const commits = pullWith(request).commits().slice(0, 250);
    return paginated(request, commits, (commit) => commitJson(urls, repository, commit));
  }),

  'pulls/check-if-merged': onRepository('pull_requests:read', (request) => {
    if (!pullWith(request).merged) throw notFound();
    return noContent;
  }),

  'pulls/merge': onRepository('contents:write', (request) => {
    const { world, account } = request;
    const pull = pullWith(request);
    const body = (request.body ?? {}) as MergeBody;
    const method = body.merge_method ?? 'merge';
    if (body.sha !== undefined && body.sha !== pull.headSha) {
      throw new ApiError(409, 'Head branch was modified. Review and try the merge again.');
    }
    const refusal = mergeRefusal(pull, method);
    if (refusal !== undefined) throw new ApiError(405, refusal);
    const text = [body.commit_title, body.commit_message].filter((part) => part).join('\n\n');
    world.emit(pull.mergeNow(account, { method, ...(text !== '' && { message: text }) }));
    return ok({ sha: pull.mergeSha, merged: true, message: 'Pull Request successfully merged' });
  }),
};
