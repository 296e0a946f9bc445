import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createProbot, type Probot } from 'probot';
import { ImpatientOctokit, probotOn } from '../support/fake-github/clients.js';
import {
  FakeGitHub,
  MergeGroup,
  type FakePullRequest,
  type FakeRepository,
  type WebhookEvent,
} from '../support/fake-github/index.js';

let github: FakeGitHub;
let repository: FakeRepository;
let pull: FakePullRequest;
let probot: Probot;
let receiver: Server;
/** What Probot's handlers saw, as event.action. */
let seen: string[];

beforeEach(async () => {
  github = await FakeGitHub.start();
  repository = github.createRepository('acme/web');
  repository.commit('feature', { 'a.txt': 'a\n' });
  pull = repository.openPullRequest({ head: 'feature' });
  seen = [];
  probot = probotOn(github);
  await probot.load((app) => {
    app.onAny((event) => {
      const { action } = event.payload as { action?: string };
      seen.push([event.name, action].filter((part) => part !== undefined).join('.'));
    });
  });
  const middleware = await probot.getNodeMiddleware({ path: '/hook' });
  receiver = createServer((request, response) => void middleware(request, response));
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  github.webhookUrl = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`;
});
afterEach(async () => {
  receiver.closeAllConnections();
  await new Promise((resolve) => receiver.close(resolve));
  await github.stop();
});

const part = (event: WebhookEvent, name: string) => event.payload[name] as Record<string, unknown>;

describe('webhooks', () => {
  it('reach Probot, each as GitHub describes it', async () => {
    const run = () => repository.checkRuns()[0]!;
    repository.reportCheck(pull.headSha, { name: 'validation', status: 'queued' }, 'codegenapp');
    const button = { label: 'Fix', description: 'Fix it', identifier: 'fix' };
    repository.reportCheck(pull.headSha, { name: 'v', conclusion: 'failure', actions: [button] });
    const withButton = repository.checkRuns()[1]!;
    const said = pull.comment('alice', '/codegen fix');
    const other = github.createRepository('acme/other', { private: true });
    const [installation] = github.installations;
    const draft = repository.commit('draft', { 'd.txt': 'd\n' });
    repository.commit('release', { 'r.txt': 'r\n' });
    const group = new MergeGroup(pull);
    const changes = [
      pull.opened,
      pull.push({ 'a.txt': 'b\n' }),
      pull.forcePush({ 'a.txt': 'c\n' }),
      draft,
      repository.deleteBranch('draft'),
      pull.convertToDraft(),
      pull.markReady(),
      pull.edit({ title: 'New' }),
      pull.editBase('release'),
      pull.label('do-not-merge'),
      pull.unlabel('do-not-merge'),
      pull.close(),
      pull.reopen(),
      said,
      pull.editComment(said.comment, '/codegen retry'),
      pull.deleteComment(said.comment),
      repository.rerequest(run(), 'alice'),
      repository.pressButton(withButton, 'fix', 'alice'),
      repository.rerequestSuite(run().suite, 'alice'),
      repository.reportCheck(pull.headSha, { name: 'ci', conclusion: 'success' }),
      group,
      group.destroy('dequeued'),
      pull.merge('octocat', 'squash'),
      installation!.created,
      installation!.removeRepositories(other),
      installation!.addRepositories(other),
      installation!.suspend(),
      installation!.unsuspend(),
      installation!.acceptPermissions({ checks: 'write' }),
      repository.rename('site'),
      repository.archive(),
      repository.transfer('umbrella'),
      repository.delete(),
      installation!.uninstall(),
    ];
    for (const change of changes) expect(await github.deliver(change)).toMatchObject({ status: 'OK' });
    const sent = changes.map((change) => ('event' in change ? change.event : change));
    const names = sent.map(({ name, payload }) => [name, payload.action].filter((each) => each).join('.'));
    expect(seen).toEqual(names);
    expect(new Set(names).size).toBe(30);
  });

  it('carry what an app reads', () => {
    const { sha, before, event } = pull.push({ 'a.txt': 'b\n' });
    expect(event.payload).toMatchObject({
      action: 'synchronize',
      number: pull.number,
      before,
      after: sha,
      installation: { id: github.installations[0]!.id },
      repository: {
        id: repository.id,
        full_name: 'acme/web',
        clone_url: repository.cloneUrl,
        default_branch: 'main',
      },
      sender: { login: 'octocat', type: 'User' },
      pull_request: {
        head: { sha, ref: 'feature', repo: { id: repository.id } },
        base: { ref: 'main', sha: repository.branch('main') },
        draft: false,
        merged: false,
        mergeable_state: 'clean',
      },
    });
    repository.commit('next', { 'n.txt': 'n\n' });
    expect(pull.editBase('next').event.payload['changes']).toMatchObject({ base: { ref: { from: 'main' } } });
    const comment = pull.comment('alice', 'hi').event;
    expect(part(comment, 'issue')['pull_request']).toBeDefined();
    expect(part(comment, 'comment')).toMatchObject({ body: 'hi', author_association: 'NONE' });
    const issue = repository.openIssue({ title: 'A plain issue' });
    expect(part(issue.comment('alice', 'hi').event, 'issue')['pull_request']).toBeUndefined();
  });

  it('of forks name no pull request in check runs, and no head repository once it is gone', () => {
    const fork = repository.fork('stranger/web');
    const { sha } = fork.commit('patch', { 'p.txt': 'p\n' });
    const theirs = repository.openPullRequest({ head: 'patch', from: fork });
    expect(theirs.opened.payload).toMatchObject({
      pull_request: {
        head: { repo: { full_name: 'stranger/web', fork: true }, user: { login: 'stranger' } },
      },
    });
    const { event } = repository.reportCheck(sha, { name: 'ci', conclusion: 'success' });
    expect(part(event, 'check_run')['pull_requests']).toEqual([]);
    fork.delete();
    expect(part(theirs.close().event, 'pull_request')['head']).toMatchObject({ repo: null, sha });
  });

  it('can be doubled, badly signed, unsigned, raw and plain', async () => {
    const first = await github.deliver(pull.opened);
    const again = await github.deliver(pull.opened, { deliveryId: first.guid });
    expect(again.requestHeaders['x-github-delivery']).toBe(first.guid);
    expect((await github.deliver(pull.opened, { secret: 'not-the-secret-of-this' })).statusCode).toBe(400);
    expect((await github.deliver(pull.opened, { secret: null })).statusCode).toBe(400);
    expect((await github.deliver(pull.opened, { raw: 'no JSON' })).statusCode).toBe(400);
    const plain = await github.deliver(pull.opened, { url: github.webhookUrl! });
    expect(plain.requestHeaders['x-github-hook-installation-target-type']).toBe('repository');
    expect(plain.event.payload['installation']).toBeUndefined();
    expect(pull.opened.payload['installation']).toBeDefined();
  });

  it('that were lost are listed, and arrive when asked for again', async () => {
    const lost = github.lose(pull.opened);
    await github.deliver(pull.close());
    const app = await probot.auth();
    const { data } = await app.rest.apps.listWebhookDeliveries({ per_page: 1 });
    expect(data).toMatchObject([{ action: 'closed', status_code: 200 }]);
    const { data: failed } = await app.request('GET /app/hook/deliveries', { status: 'failure' });
    expect(failed).toMatchObject([{ guid: lost.guid, action: 'opened', status_code: 502 }]);
    await app.rest.apps.getWebhookDelivery({ delivery_id: lost.id });
    await app.rest.apps.redeliverWebhookDelivery({ delivery_id: lost.id });
    const again = await github.waitFor(() => github.deliveries.all.find((each) => each.redelivery));
    expect(again).toMatchObject({ guid: lost.guid, statusCode: 200 });
    expect(seen).toEqual(['pull_request.closed', 'pull_request.opened']);
  });

  it('about what the App did are kept, or sent at once', async () => {
    const octokit = await probot.auth(github.installations[0]!.id);
    const on = { owner: 'acme', repo: 'web', issue_number: pull.number };
    await octokit.rest.issues.createComment({ ...on, body: 'kept' });
    expect(seen).toEqual([]);
    expect(part(github.emitted[0]!, 'sender')).toMatchObject({ login: 'codegenapp[bot]', type: 'Bot' });
    github.autoDeliver = true;
    await octokit.rest.issues.createComment({ ...on, body: 'sent' });
    await github.waitFor(() => github.deliveries.all.length === 1);
    expect(seen).toEqual(['issue_comment.created']);
  });
});

it("talks to Probot by Probot's own environment variables", async () => {
  const started = createProbot({
    env: { ...github.environment, LOG_LEVEL: 'fatal' },
    overrides: { Octokit: ImpatientOctokit },
  });
  started.on('pull_request.opened', async (context) => {
    await context.octokit.rest.checks.create({
      ...context.repo(),
      name: 'Codegen validation',
      head_sha: context.payload.pull_request.head.sha,
    });
  });
  const { name, payload } = pull.opened;
  await started.receive({ id: '1', name: name as 'pull_request', payload: payload as never });
  await github.waitFor(() => repository.checkRuns(pull.headSha).length === 1, { what: 'a check run' });
});

describe('waiting', () => {
  it('ends with the whole history when it is in vain', async () => {
    const octokit = await probot.auth(github.installations[0]!.id);
    const check = { owner: 'acme', repo: 'web', name: 'Codegen validation', head_sha: pull.headSha };
    await octokit.rest.checks.create(check);
    pull.comment('alice', 'Is anybody there?');
    const waited = github.waitFor(() => pull.merged, { timeoutMs: 20, what: 'the merge' });
    const error = await waited.then(
      () => '',
      (thrown: Error) => thrown.message,
    );
    expect(error).toContain('Waited 20 ms in vain for the merge.');
    expect(error).toContain('POST /repos/acme/web/check-runs → 201 (installation acme)');
    expect(error).toContain('"Codegen validation" (codegenapp)');
    expect(error).toContain('alice commented');
  });
});
