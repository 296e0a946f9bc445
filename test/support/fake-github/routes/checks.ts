import { ApiError, notFound, validationFailed } from '../api-error.js';
import {
  changeCheckRun,
  checkRunEvent,
  createCheckRun,
  type CheckRun,
  type CheckRunFields,
} from '../checks.js';
import { annotationJson, checkRunJson, listedCheckSuiteJson } from '../json/checks.js';
import { completeAutoMerges, latestOf } from '../mergeability.js';
import { readCommit } from '../git/commits.js';
import {
  commitAt,
  created,
  ok,
  onRepository,
  paginated,
  type RepositoryRequest,
  type Routes,
} from './route.js';

/** 64 KB. */
const ANNOTATION_TEXT_BYTES = 64 * 1024;

/** What GitHub refuses beyond what its description says. */
function refuseInvalid(fields: CheckRunFields): void {
  const invalid = (message: string) => new ApiError(422, `Invalid request.\n\n${message}`);
  if (
    (fields.status === 'completed' || fields.completed_at !== undefined) &&
    fields.conclusion === undefined
  ) {
    throw invalid('If you set the status to "completed", you must also provide a conclusion.');
  }
  if (fields.conclusion === 'stale') throw invalid('Only GitHub can set the conclusion "stale".');
  if (fields.details_url !== undefined && !/^https?:\/\//.test(fields.details_url)) {
    throw validationFailed('CheckRun', 'details_url', 'details_url must use http or https scheme');
  }
  for (const annotation of fields.output?.annotations ?? []) {
    const { start_line: start, end_line: end, start_column: column, end_column: endColumn } = annotation;
    if (end < start) throw invalid('end_line must be greater than or equal to start_line.');
    if (start !== end && (column !== undefined || endColumn !== undefined)) {
      throw invalid('Annotations only support start_column and end_column on the same line.');
    }
    for (const name of ['message', 'raw_details'] as const) {
      if (Buffer.byteLength(annotation[name] ?? '') > ANNOTATION_TEXT_BYTES)
        throw invalid(`${name} exceeds 64 KB.`);
    }
    if ((annotation.title?.length ?? 0) > 255) throw invalid('title exceeds 255 characters.');
  }
}

function runWith({ repository, params }: RepositoryRequest): CheckRun {
  const run = repository.allCheckRuns.find(({ id }) => id === Number(params['check_run_id']));
  if (!run) throw notFound();
  return run;
}

function written(
  { world, repository, account }: RepositoryRequest,
  run: CheckRun,
  action: 'created' | 'completed',
) {
  world.emit(checkRunEvent(repository, run, action, account));
  if (run.status === 'completed') completeAutoMerges(repository, run.headSha);
}

export const checkRoutes: Routes = {
  'checks/create': onRepository('checks:write', (request) => {
    const { world, urls, repository } = request;
    const body = request.body as CheckRunFields & { name: string; head_sha: string };
    if (!readCommit(repository.git, body.head_sha)) {
      throw new ApiError(422, `No commit found for SHA: ${body.head_sha}`);
    }
    refuseInvalid(body);
    const run = createCheckRun(repository, world.app, body.head_sha, body);
    written(request, run, 'created');
    return created(checkRunJson(urls, repository, run));
  }),

  'checks/update': onRepository('checks:write', (request) => {
    const { world, urls, repository } = request;
    const run = runWith(request);
    if (run.app !== world.app) {
      const message = `Invalid app_id \`${world.app.id}\` - check run can only be modified by the GitHub App that created it.`;
      throw new ApiError(403, message);
    }
    const fields = request.body as CheckRunFields;
    refuseInvalid(fields);
    changeCheckRun(run, fields);
    if (run.status === 'completed') written(request, run, 'completed');
    return ok(checkRunJson(urls, repository, run));
  }),

  'checks/get': onRepository('checks:read', (request) =>
    ok(checkRunJson(request.urls, request.repository, runWith(request))),
  ),

  'checks/list-annotations': onRepository('checks:read', (request) => {
    const run = runWith(request);
    return paginated(request, run.annotations, (each) =>
      annotationJson(request.urls, request.repository, run, each),
    );
  }),

  /** Newest first; by default only the newest of each name. */
  'checks/list-for-ref': onRepository('checks:read', (request) => {
    const { urls, repository, params, query } = request;
    const sha = commitAt(repository, params['ref'] ?? '');
    const all = query.get('filter') === 'all' ? repository.checkRuns(sha) : latestOf(repository, sha).runs;
    const matches = (name: string, value: unknown) => (query.get(name) ?? String(value)) === String(value);
    const runs = all
      .filter(
        (run) =>
          matches('check_name', run.name) && matches('status', run.status) && matches('app_id', run.app.id),
      )
      .sort((a, b) => b.id - a.id);
    return paginated(request, runs, (run) => checkRunJson(urls, repository, run), 'check_runs');
  }),

  'checks/list-suites-for-ref': onRepository('checks:read', (request) => {
    const { urls, repository, params, query } = request;
    const sha = commitAt(repository, params['ref'] ?? '');
    const app = query.get('app_id');
    const suites = repository.checkSuites.filter(
      (suite) => suite.headSha === sha && (app === null || suite.app.id === Number(app)),
    );
    return paginated(
      request,
      suites,
      (suite) => listedCheckSuiteJson(urls, repository, suite),
      'check_suites',
    );
  }),
};
