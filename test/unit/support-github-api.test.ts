import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Probot } from 'probot';
import { ImpatientOctokit, probotOn } from '../support/fake-github/clients.js';
import { FakeGitHub, type FakePullRequest, type FakeRepository } from '../support/fake-github/index.js';
import { routes } from '../support/fake-github/routes/index.js';

type Octokit = Awaited<ReturnType<Probot['auth']>>;

let github: FakeGitHub;
let repository: FakeRepository;
let pull: FakePullRequest;
let app: Octokit;
let octokit: Octokit;
const web = { owner: 'acme', repo: 'web' };

beforeEach(async () => {
  github = await FakeGitHub.start();
  repository = github.createRepository('acme/web', {
    files: { 'a.txt': 'one\ntwo\nthree\n', 'src/b.js': 'b\n' },
  });
  repository.commit('feature', { 'a.txt': 'one\n2\nthree\n', 'new.txt': 'new\n' }, 'Change a');
  pull = repository.openPullRequest({ head: 'feature', title: 'Feature', labels: ['bug'] });
  const probot = probotOn(github);
  app = await probot.auth();
  octokit = await probot.auth(github.installations[0]!.id);
});
afterEach(() => github.stop());

/** A request without Octokit, which repeats some for seconds. */
const get = (path: string, token?: string) =>
  fetch(`${github.apiUrl}${path}`, {
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
  });

/** What a request is refused with. */
async function refusal(request: Promise<unknown>): Promise<{ status: number; message: string }> {
  const error = await request.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  return error as { status: number; message: string };
}

describe('every route', () => {
  it('is in the description, and everything extracted from the description has a route', () => {
    const described = github.openApi.operations.map((operation) => operation.id);
    expect(Object.keys(routes).sort()).toEqual(described.sort());
  });

  it('answers as the description says', async () => {
    repository.protect('main', { requiredChecks: ['ci'] });
    const { number } = pull;
    const ref = pull.headSha;
    const on = { ...web, issue_number: number };
    await app.rest.apps.getAuthenticated();
    await app.rest.apps.listInstallations();
    await app.rest.apps.getInstallation({ installation_id: github.installations[0]!.id });
    await app.rest.apps.getRepoInstallation(web);
    await app.rest.apps.getWebhookConfigForApp();
    await app.rest.apps.listWebhookDeliveries();
    await octokit.rest.apps.listReposAccessibleToInstallation();
    await octokit.rest.rateLimit.get();
    await octokit.rest.users.getByUsername({ username: 'octocat' });
    await octokit.rest.repos.get(web);
    await octokit.rest.repos.listBranches(web);
    await octokit.rest.repos.getBranch({ ...web, branch: 'main' });
    await octokit.rest.repos.listCommits(web);
    await octokit.rest.repos.getCommit({ ...web, ref });
    await octokit.rest.git.getCommit({ ...web, commit_sha: ref });
    await octokit.rest.git.getRef({ ...web, ref: 'heads/feature' });
    await octokit.rest.repos.compareCommitsWithBasehead({ ...web, basehead: 'main...feature' });
    await octokit.rest.repos.getContent({ ...web, path: 'src/b.js', ref });
    await octokit.rest.repos.getContent({ ...web, path: '' });
    await octokit.rest.repos.getCollaboratorPermissionLevel({ ...web, username: 'octocat' });
    await octokit.rest.repos.listPullRequestsAssociatedWithCommit({ ...web, commit_sha: ref });
    await octokit.rest.pulls.list(web);
    await octokit.rest.pulls.get({ ...web, pull_number: number });
    await octokit.rest.pulls.listFiles({ ...web, pull_number: number });
    await octokit.rest.pulls.listCommits({ ...web, pull_number: number });
    await octokit.rest.pulls.update({ ...web, pull_number: number, title: 'Another title', body: 'why' });

    const { data: run } = await octokit.rest.checks.create({ ...web, name: 'ci', head_sha: ref });
    const annotation = {
      path: 'a.txt',
      start_line: 2,
      end_line: 2,
      message: 'no',
      annotation_level: 'failure' as const,
    };
    await octokit.rest.checks.update({
      ...web,
      check_run_id: run.id,
      conclusion: 'success',
      output: { title: 'Fine', summary: 'All fine', annotations: [annotation] },
    });
    await octokit.rest.checks.get({ ...web, check_run_id: run.id });
    await octokit.rest.checks.listAnnotations({ ...web, check_run_id: run.id });
    await octokit.rest.checks.listForRef({ ...web, ref });
    await octokit.rest.checks.listSuitesForRef({ ...web, ref });
    await octokit.rest.repos.createCommitStatus({
      ...web,
      sha: ref,
      state: 'success',
      target_url: 'https://x.test',
    });
    await octokit.rest.repos.getCombinedStatusForRef({ ...web, ref });
    await octokit.rest.repos.listCommitStatusesForRef({ ...web, ref });

    const { data: comment } = await octokit.rest.issues.createComment({ ...on, body: 'hello' });
    const the = { ...web, comment_id: comment.id };
    await octokit.rest.issues.updateComment({ ...the, body: 'hello again' });
    await octokit.rest.issues.getComment(the);
    await octokit.rest.issues.listComments(on);
    const { data: reaction } = await octokit.rest.reactions.createForIssueComment({
      ...the,
      content: 'eyes',
    });
    await octokit.rest.reactions.createForIssueComment({ ...the, content: 'eyes' });
    await octokit.rest.reactions.listForIssueComment(the);
    await octokit.rest.reactions.deleteForIssueComment({ ...the, reaction_id: reaction.id });
    await octokit.rest.issues.deleteComment(the);
    await octokit.rest.issues.get(on);
    await octokit.rest.issues.addLabels({ ...on, labels: ['help wanted'] });
    await octokit.rest.issues.listLabelsOnIssue(on);
    await octokit.rest.issues.removeLabel({ ...on, name: 'help wanted' });

    const { data: deployment } = await octokit.rest.repos.createDeployment({
      ...web,
      ref,
      auto_merge: false,
      required_contexts: [],
      environment: 'preview',
      transient_environment: true,
      production_environment: false,
    });
    const preview = { ...web, deployment_id: (deployment as { id: number }).id };
    await octokit.rest.repos.createDeploymentStatus({
      ...preview,
      state: 'success',
      environment_url: 'https://preview.test',
      log_url: 'https://log.test',
    });
    await octokit.rest.repos.createDeploymentStatus({ ...preview, state: 'inactive' });
    await octokit.rest.repos.listDeployments({ ...web, environment: 'preview' });
    await octokit.rest.repos.getDeployment(preview);
    await octokit.rest.repos.listDeploymentStatuses(preview);
    await octokit.rest.repos.deleteDeployment(preview);

    await octokit.rest.pulls.merge({ ...web, pull_number: number, sha: ref, merge_method: 'squash' });
    await octokit.rest.pulls.checkIfMerged({ ...web, pull_number: number });
    const person = new ImpatientOctokit({ baseUrl: github.apiUrl, auth: { token: github.personalToken } });
    await person.rest.users.getAuthenticated();
    await octokit.rest.apps.revokeInstallationAccessToken();
    expect((await get('/repos/acme/web', github.tokens.issued[0]!.token)).status).toBe(401);

    const asked = new Set(
      github.requests.map((request) => github.openApi.match(request.method, request.path)?.operation.id),
    );
    const rest = Object.keys(routes).filter((id) => !asked.has(id));
    expect(rest.sort()).toEqual(['apps/get-webhook-delivery', 'apps/redeliver-webhook-delivery']);
  });
});

describe('who may', () => {
  it('narrows a token, and refuses what it lacks', async () => {
    const secret = github.createRepository('acme/secret', { private: true });
    const { data } = await app.rest.apps.createInstallationAccessToken({
      installation_id: github.installations[0]!.id,
      repositories: ['web'],
      permissions: { checks: 'read' },
    });
    expect(data.permissions).toEqual({ checks: 'read', metadata: 'read' });
    const narrow = new ImpatientOctokit({ baseUrl: github.apiUrl, auth: { token: data.token } });
    await narrow.rest.checks.listForRef({ ...web, ref: 'main' });
    const check = { ...web, name: 'x', head_sha: pull.headSha };
    const refused = await refusal(narrow.rest.checks.create(check));
    expect(refused.status).toBe(403);
    expect(refused.message).toContain('Resource not accessible by integration');
    expect((await get(`/repos/${secret.fullName}`, data.token)).status).toBe(404);
    expect(
      (await get(`/repos/${secret.fullName}`, github.tokens.issue(github.installations[0]!).token)).status,
    ).toBe(200);
    const tooMuch = {
      installation_id: github.installations[0]!.id,
      permissions: { secrets: 'write' as const },
    };
    expect((await refusal(app.rest.apps.createInstallationAccessToken(tooMuch))).status).toBe(422);
  });

  it('ends tokens and installations', async () => {
    const [installation] = github.installations;
    const { token } = github.tokens.issue(installation!);
    expect((await get('/installation/repositories', token)).status).toBe(200);
    installation!.suspend();
    expect((await get('/installation/repositories', token)).status).toBe(403);
    installation!.unsuspend();
    github.expireTokens();
    expect((await get('/installation/repositories', token)).status).toBe(401);
    const fresh = github.tokens.issue(installation!).token;
    installation!.uninstall();
    expect((await get('/installation/repositories', fresh)).status).toBe(401);
    expect((await refusal(app.rest.apps.getInstallation({ installation_id: installation!.id }))).status).toBe(
      404,
    );
  });

  it('takes a JSON web token of the App only when its signature and its times are right', async () => {
    const { token } = (await app.auth({ type: 'app' })) as { token: string };
    expect((await get('/app', token)).status).toBe(200);
    const [header, , signature] = token.split('.');
    const claims = Buffer.from(JSON.stringify({ iss: 1, iat: 0, exp: 4e9 })).toString('base64url');
    expect((await get('/app', `${header}.${claims}.${signature}`)).status).toBe(401);
    expect((await get('/app')).status).toBe(401);
  });

  it('gives a personal token statuses but no check runs', async () => {
    const person = new ImpatientOctokit({ baseUrl: github.apiUrl, auth: { token: github.personalToken } });
    const status = { ...web, sha: pull.headSha, state: 'pending' as const, context: 'Codegen validation' };
    expect((await refusal(person.rest.repos.createCommitStatus(status))).status).toBe(404);
    repository.permit(github.personalUser.login, 'write');
    await person.rest.repos.createCommitStatus(status);
    expect(repository.statuses(pull.headSha)).toMatchObject([
      { state: 'pending', creator: github.personalUser },
    ]);
    const check = { ...web, name: 'x', head_sha: pull.headSha };
    expect((await refusal(person.rest.checks.create(check))).status).toBe(403);
  });
});

describe('check runs', () => {
  it('append annotations, go back to in progress, and are listed newest first', async () => {
    const create = async () =>
      (await octokit.rest.checks.create({ ...web, name: 'v', head_sha: pull.headSha, external_id: 'p1' }))
        .data;
    const first = await create();
    const annotate = (count: number) =>
      octokit.rest.checks.update({
        ...web,
        check_run_id: first.id,
        output: {
          title: 't',
          summary: 's',
          annotations: Array.from({ length: count }, (_, line) => ({
            path: 'a.txt',
            start_line: line + 1,
            end_line: line + 1,
            annotation_level: 'notice' as const,
            message: 'm',
          })),
        },
      });
    await annotate(50);
    await annotate(3);
    expect(repository.checkRuns()[0]!.annotations).toHaveLength(53);
    const all = await octokit.paginate(octokit.rest.checks.listAnnotations, {
      ...web,
      check_run_id: first.id,
      per_page: 20,
    });
    expect(all).toHaveLength(53);
    await octokit.rest.checks.update({ ...web, check_run_id: first.id, conclusion: 'failure' });
    await octokit.rest.checks.update({ ...web, check_run_id: first.id, status: 'in_progress' });
    expect(repository.checkRuns()[0]).toMatchObject({
      status: 'in_progress',
      conclusion: null,
      externalId: 'p1',
    });
    const second = await create();
    const latest = await octokit.rest.checks.listForRef({ ...web, ref: pull.headSha });
    expect(latest.data.check_runs.map((run) => run.id)).toEqual([second.id]);
    const every = await octokit.rest.checks.listForRef({ ...web, ref: pull.headSha, filter: 'all' });
    expect(every.data.check_runs.map((run) => run.id)).toEqual([second.id, first.id]);
    expect(every.data.check_runs[0]!.pull_requests.map((each) => each.number)).toEqual([pull.number]);
  });

  it.each([
    ['an unknown commit', { head_sha: 'f'.repeat(40) }, /No commit found/],
    ['completed without a conclusion', { status: 'completed' }, /conclusion/],
    [
      'a column over several lines',
      {
        output: {
          title: 't',
          summary: 's',
          annotations: [
            {
              path: 'a',
              start_line: 1,
              end_line: 2,
              start_column: 1,
              annotation_level: 'notice',
              message: 'm',
            },
          ],
        },
      },
      /same line/,
    ],
  ])('refuses %s', async (_what, fields, message) => {
    const check = { ...web, name: 'x', head_sha: pull.headSha, ...fields } as {
      name: string;
      head_sha: string;
    };
    const refused = await refusal(octokit.rest.checks.create({ ...web, ...check }));
    expect(refused.status).toBe(422);
    expect(refused.message).toMatch(message);
  });

  it.each([
    ['a summary too long', { output: { title: 't', summary: 'x'.repeat(65_536) } }, /summary/],
    [
      'a fourth action',
      { actions: Array(4).fill({ label: 'l', description: 'd', identifier: 'i' }) },
      /actions/,
    ],
    [
      'a label too long',
      { actions: [{ label: 'x'.repeat(21), description: 'd', identifier: 'i' }] },
      /label/,
    ],
    ['a field that GitHub does not know', { sumary: 'typo' }, /sumary is unknown/],
  ])('refuses %s, and fails the test by name', async (_what, fields, message) => {
    const check = { ...web, name: 'x', head_sha: pull.headSha, ...fields };
    expect(await refusal(octokit.rest.checks.create(check))).toMatchObject({ status: 422 });
    const problems = (await refusal(github.stop())).message;
    expect(problems).toMatch(message);
    expect(problems).toContain('checks/create (POST /repos/acme/web/check-runs)');
    github = await FakeGitHub.start();
  });
});

describe('merging', () => {
  const merge = (sha: string, method: 'merge' | 'squash' | 'rebase' = 'squash') =>
    octokit.rest.pulls.merge({ ...web, pull_number: pull.number, sha, merge_method: method });

  it.each(['merge', 'squash', 'rebase'] as const)('really merges by %s', async (method) => {
    repository.commit('main', { 'other.txt': 'other\n' });
    await merge(pull.headSha, method);
    expect(pull.merged).toBe(true);
    expect(repository.file('main', 'a.txt')).toBe('one\n2\nthree\n');
    expect(repository.file('main', 'other.txt')).toBe('other\n');
    expect(github.emitted.map((event) => [event.name, event.payload.action])).toEqual([
      ['pull_request', 'closed'],
    ]);
  });

  it('refuses an older head, a conflict, a draft and what protection wants', async () => {
    const before = pull.headSha;
    pull.push({ 'new.txt': 'newer\n' });
    expect((await refusal(merge(before))).status).toBe(409);
    pull.convertToDraft();
    expect(await refusal(merge(pull.headSha))).toMatchObject({ status: 405 });
    pull.markReady();
    repository.protect('main', { requiredChecks: ['ci'] });
    const blocked = await refusal(merge(pull.headSha));
    expect(blocked.message).toContain('Required status check "ci" is expected.');
    repository.reportCheck(pull.headSha, { name: 'ci', conclusion: 'success' });
    repository.commit('main', { 'a.txt': 'one\nTWO\nthree\n' });
    const { data } = await octokit.rest.pulls.get({ ...web, pull_number: pull.number });
    expect(data).toMatchObject({ mergeable: false, mergeable_state: 'dirty' });
    expect((await refusal(merge(pull.headSha))).status).toBe(405);
    expect(pull.merged).toBe(false);
  });

  it('merges by itself once what protection wants is there', async () => {
    const enable = `mutation ($id: ID!) {
      enablePullRequestAutoMerge(input: { pullRequestId: $id, mergeMethod: SQUASH }) { clientMutationId }
    }`;
    const { data } = await octokit.rest.pulls.get({ ...web, pull_number: pull.number });
    const clean = await refusal(octokit.graphql(enable, { id: data.node_id }));
    expect(clean.message).toContain('clean status');
    repository.protect('main', { requiredChecks: ['ci'] });
    await octokit.graphql(enable, { id: data.node_id });
    expect(pull.autoMerge).toMatchObject({ method: 'squash' });
    repository.reportCheck(pull.headSha, { name: 'ci', conclusion: 'failure' });
    expect(pull.merged).toBe(false);
    repository.reportCheck(pull.headSha, { name: 'ci', conclusion: 'success' });
    expect(pull.merged).toBe(true);
  });
});

describe('repositories', () => {
  it('redirect from their old names', async () => {
    repository.rename('site');
    const { data } = await octokit.rest.repos.get(web);
    expect(data.full_name).toBe('acme/site');
    expect((await octokit.rest.pulls.list(web)).data).toHaveLength(1);
  });

  it('page their lists', async () => {
    for (let n = 0; n < 7; n++) pull.comment('alice', `comment ${n}`);
    const list = { ...web, issue_number: pull.number, per_page: 3 };
    const first = await octokit.rest.issues.listComments(list);
    expect(first.headers.link).toContain('rel="next"');
    const bodies = await octokit.paginate(octokit.rest.issues.listComments, list);
    expect(bodies.map((comment) => comment.body)).toEqual(
      Array.from({ length: 7 }, (_, n) => `comment ${n}`),
    );
    const last = await octokit.rest.issues.listComments({ ...list, page: 3 });
    expect(last.data).toHaveLength(1);
    expect(last.headers.link).not.toContain('rel="next"');
  });

  it('list files with hunks, and read raw and encoded contents', async () => {
    const { data: files } = await octokit.rest.pulls.listFiles({ ...web, pull_number: pull.number });
    expect(files).toMatchObject([
      { filename: 'a.txt', status: 'modified', additions: 1, deletions: 1 },
      { filename: 'new.txt', status: 'added', additions: 1, deletions: 0 },
    ]);
    expect(files[0]!.patch).toContain('@@ -1,3 +1,3 @@\n one\n-two\n+2\n three');
    const { data } = await octokit.rest.repos.getContent({ ...web, path: 'a.txt', ref: 'feature' });
    expect(Buffer.from((data as { content: string }).content, 'base64').toString()).toBe('one\n2\nthree\n');
    expect((await refusal(octokit.rest.repos.getContent({ ...web, path: 'none' }))).status).toBe(404);
    const { config } = await octokit.config.get({ ...web, path: 'missing.yml' });
    expect(config).toEqual({});
  });

  it('refuse comments too long and statuses too many', async () => {
    const long = { ...web, issue_number: pull.number, body: 'x'.repeat(65_537) };
    expect((await refusal(octokit.rest.issues.createComment(long))).status).toBe(422);
    const status = { ...web, sha: pull.headSha, state: 'pending' as const };
    const described = { ...status, description: 'x'.repeat(141) };
    expect((await refusal(octokit.rest.repos.createCommitStatus(described))).status).toBe(422);
    await octokit.rest.repos.createCommitStatus(status);
    const [one] = repository.statuses();
    for (let n = 1; n < 1000; n++) repository.allStatuses.push(one!);
    expect((await refusal(octokit.rest.repos.createCommitStatus(status))).status).toBe(422);
  });
});

it('fails the test that asked for something it does not model', async () => {
  expect((await refusal(octokit.request('GET /repos/acme/web/traffic/views'))).status).toBe(404);
  github.acknowledge(/a different problem/);
  const problems = await refusal(github.stop());
  expect(problems.message).toContain('no route for GET /repos/acme/web/traffic/views');
  github = await FakeGitHub.start();
});
