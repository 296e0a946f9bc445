import { ApiError, validationFailed } from '../api-error.js';
import type { CommitStatus } from '../checks.js';
import { simpleStatusJson, statusJson } from '../json/checks.js';
import { minimalRepositoryJson } from '../json/repository.js';
import { completeAutoMerges, latestOf } from '../mergeability.js';
import { readCommit } from '../git/commits.js';
import { commitAt, created, ok, onRepository, paginated, type Routes } from './route.js';

/** On one commit and context, as GitHub documents it. */
const STATUSES_PER_CONTEXT = 1000;
const DESCRIPTION_LENGTH = 140;

interface StatusBody {
  state: CommitStatus['state'];
  target_url?: string | null;
  description?: string | null;
  context?: string;
}

export const statusRoutes: Routes = {
  'repos/create-commit-status': onRepository('statuses:write', (request) => {
    const { world, urls, repository, account, params } = request;
    const body = request.body as StatusBody;
    const sha = params['sha'] ?? '';
    const context = body.context ?? 'default';
    if (!readCommit(repository.git, sha)) throw new ApiError(422, `No commit found for SHA: ${sha}`);
    if ((body.description?.length ?? 0) > DESCRIPTION_LENGTH) {
      const message = `description is too long (maximum is ${DESCRIPTION_LENGTH} characters)`;
      throw validationFailed('Status', 'description', message);
    }
    if (repository.statuses(sha).filter((each) => each.context === context).length >= STATUSES_PER_CONTEXT) {
      const message = 'This SHA and context has reached the maximum number of statuses.';
      throw validationFailed('Status', 'base', message);
    }
    if (body.target_url && !/^https?:\/\//.test(body.target_url)) {
      throw validationFailed('Status', 'target_url', 'target_url must use http(s) scheme');
    }
    const status: CommitStatus = {
      id: world.nextId('check'),
      sha,
      state: body.state,
      context,
      description: body.description ?? null,
      targetUrl: body.target_url ?? null,
      creator: account,
      createdAt: new Date(),
    };
    repository.allStatuses.push(status);
    completeAutoMerges(repository, sha);
    return created(statusJson(urls, repository, status));
  }),

  'repos/list-commit-statuses-for-ref': onRepository('statuses:read', (request) => {
    const { urls, repository, params } = request;
    const newestFirst = repository.statuses(commitAt(repository, params['ref'] ?? '')).reverse();
    return paginated(request, newestFirst, (status) => statusJson(urls, repository, status));
  }),

  'repos/get-combined-status-for-ref': onRepository('statuses:read', ({ urls, repository, params }) => {
    const sha = commitAt(repository, params['ref'] ?? '');
    const { statuses } = latestOf(repository, sha);
    const has = (...states: string[]) => statuses.some((status) => states.includes(status.state));
    const state = has('error', 'failure')
      ? 'failure'
      : has('pending') || statuses.length === 0
        ? 'pending'
        : 'success';
    const commitUrl = `${urls.api}/repos/${repository.fullName}/commits/${sha}`;
    return ok({
      state,
      statuses: statuses.map((status) => simpleStatusJson(urls, repository, status)),
      sha,
      total_count: statuses.length,
      repository: minimalRepositoryJson(urls, repository),
      commit_url: commitUrl,
      url: `${commitUrl}/status`,
    });
  }),
};
