import type { Annotation, CheckRun, CheckSuite, CommitStatus } from '../checks.js';
import { readCommit } from '../git/commits.js';
import type { FakeRepository } from '../repository.js';
import { accountJson } from './account.js';
import { appJson } from './app.js';
import { type Json, type Urls, iso, nodeId } from './common.js';
import { simpleCommitJson } from './push.js';
import { minimalRepositoryJson } from './repository.js';

/** Pull requests from this repository's own branches only: those from forks are not listed, as on GitHub. */
function pullRequestsOf(urls: Urls, repository: FakeRepository, sha: string): Json[] {
  const short = ({ id, name, fullName }: FakeRepository) => ({
    id,
    url: `${urls.api}/repos/${fullName}`,
    name,
  });
  return repository.pullRequests
    .filter((pull) => pull.state === 'open' && pull.headSha === sha && pull.headRepository === repository)
    .map((pull) => ({
      url: `${urls.api}/repos/${repository.fullName}/pulls/${pull.number}`,
      id: pull.id,
      number: pull.number,
      head: { ref: pull.headRef, sha: pull.headSha, repo: short(repository) },
      base: { ref: pull.baseRef, sha: pull.baseSha, repo: short(repository) },
    }));
}

function branchOf(repository: FakeRepository, sha: string): string | null {
  return repository.git.refNames('refs/heads').find((name) => repository.branch(name) === sha) ?? null;
}

function suiteState(repository: FakeRepository, suite: CheckSuite) {
  const runs = repository.allCheckRuns.filter((run) => run.suite === suite);
  const done = runs.length > 0 && runs.every((run) => run.status === 'completed');
  const worst =
    runs.find((run) => !['success', 'neutral', 'skipped'].includes(run.conclusion ?? '')) ?? runs[0];
  const status = done ? 'completed' : runs.every((run) => run.status === 'queued') ? 'queued' : 'in_progress';
  return { runs, status, conclusion: done ? (worst?.conclusion ?? null) : null };
}

export function checkRunJson(urls: Urls, repository: FakeRepository, run: CheckRun): Json {
  const url = `${urls.api}/repos/${repository.fullName}/check-runs/${run.id}`;
  const { suite } = run;
  const { status, conclusion } = suiteState(repository, suite);
  const pullRequests = pullRequestsOf(urls, repository, run.headSha);
  const app = appJson(urls, run.app);
  return {
    id: run.id,
    name: run.name,
    node_id: nodeId('CR', run.id),
    head_sha: run.headSha,
    external_id: run.externalId,
    url,
    html_url: `${urls.html}/${repository.fullName}/runs/${run.id}`,
    details_url: run.detailsUrl ?? urls.html,
    status: run.status,
    conclusion: run.conclusion,
    started_at: iso(run.startedAt),
    completed_at: run.completedAt ? iso(run.completedAt) : null,
    output: {
      title: run.title,
      summary: run.summary,
      text: run.text,
      annotations_count: run.annotations.length,
      annotations_url: `${url}/annotations`,
    },
    check_suite: {
      id: suite.id,
      node_id: nodeId('CS', suite.id),
      head_branch: branchOf(repository, suite.headSha),
      head_sha: suite.headSha,
      status,
      conclusion,
      url: `${urls.api}/repos/${repository.fullName}/check-suites/${suite.id}`,
      before: null,
      after: suite.headSha,
      pull_requests: pullRequests,
      app,
      created_at: iso(suite.createdAt),
      updated_at: iso(suite.createdAt),
    },
    app,
    pull_requests: pullRequests,
  };
}

export function checkSuiteJson(urls: Urls, repository: FakeRepository, suite: CheckSuite): Json {
  const url = `${urls.api}/repos/${repository.fullName}/check-suites/${suite.id}`;
  const { runs, status, conclusion } = suiteState(repository, suite);
  return {
    id: suite.id,
    node_id: nodeId('CS', suite.id),
    head_branch: branchOf(repository, suite.headSha),
    head_sha: suite.headSha,
    status,
    conclusion,
    url,
    before: '0'.repeat(40),
    after: suite.headSha,
    pull_requests: pullRequestsOf(urls, repository, suite.headSha),
    app: appJson(urls, suite.app),
    created_at: iso(suite.createdAt),
    updated_at: iso(suite.createdAt),
    rerequestable: true,
    runs_rerequestable: true,
    latest_check_runs_count: runs.length,
    check_runs_url: `${url}/check-runs`,
    head_commit: simpleCommitJson(readCommit(repository.git, suite.headSha)!),
  };
}

/** A check suite as GET lists it: with its repository, which webhooks carry beside it. */
export const listedCheckSuiteJson = (urls: Urls, repository: FakeRepository, suite: CheckSuite): Json => ({
  ...checkSuiteJson(urls, repository, suite),
  repository: minimalRepositoryJson(urls, repository),
});

export function annotationJson(
  urls: Urls,
  repository: FakeRepository,
  run: CheckRun,
  each: Annotation,
): Json {
  return {
    path: each.path,
    blob_href: `${urls.html}/${repository.fullName}/blob/${run.headSha}/${each.path}`,
    start_line: each.start_line,
    start_column: each.start_column ?? null,
    end_line: each.end_line,
    end_column: each.end_column ?? null,
    annotation_level: each.annotation_level,
    title: each.title ?? null,
    message: each.message,
    raw_details: each.raw_details ?? null,
  };
}

export function statusJson(urls: Urls, repository: FakeRepository, status: CommitStatus): Json {
  return {
    ...simpleStatusJson(urls, repository, status),
    creator: accountJson(urls, status.creator),
  };
}

/** A status within the combined status of a commit. */
export function simpleStatusJson(urls: Urls, repository: FakeRepository, status: CommitStatus): Json {
  return {
    url: `${urls.api}/repos/${repository.fullName}/statuses/${status.sha}`,
    avatar_url: `${urls.html}/avatars/u/${status.creator.id}?v=4`,
    id: status.id,
    node_id: nodeId('SC', status.id),
    state: status.state,
    description: status.description,
    target_url: status.targetUrl,
    context: status.context,
    created_at: iso(status.createdAt),
    updated_at: iso(status.createdAt),
  };
}
