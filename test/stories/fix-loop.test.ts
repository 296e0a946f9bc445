import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ValidationPipeline } from '../../src/database/entities/index.js';
import { AgentStory } from '../support/agent-story.js';
import type { FakeRun } from '../support/fake-codegen.js';
import type { FakeRepository } from '../support/fake-github/index.js';
import { scripted } from '../support/story.js';

describe('the fix loop', () => {
  let the: AgentStory;
  beforeEach(async () => {
    the = await AgentStory.begin();
  });
  afterEach(() => the.end());

  const conclusionOf = async (repository: FakeRepository, sha: string) =>
    (await the.story.completedCheck(repository, sha)).conclusion;

  it('goes from red to merged without the author, and tells it in one comment', async () => {
    const { repository, pr } = await the.open({ auto_merge_enabled: true });
    const redSha = pr.headSha;
    const [run] = (await the.codegen.runsCreated(1)) as [FakeRun];
    expect(run.metadata).toMatchObject({
      repository: 'acme/web',
      pull_request_number: 1,
      head_sha: redSha,
      attempt: 1,
    });
    expect(run.prompt).toContain('Error: wrong');
    await the.commentSays(pr, 'working on a fix');

    await the.agentPushes(pr, 'right');
    expect(await conclusionOf(repository, pr.headSha)).toBe('success');
    await the.story.github.waitFor(() => pr.merged, { what: 'the merge', timeoutMs: 20_000 });
    await the.story.settled();

    const merges = the.story.github.requests.filter(
      ({ method, path }) => method === 'PUT' && path.endsWith('/merge'),
    );
    expect(merges.map(({ body }) => body)).toEqual([{ sha: pr.headSha, merge_method: 'squash' }]);
    expect(the.stateComments(pr)).toHaveLength(1);
    expect(the.stateComments(pr)[0]!.body).toMatch(/after 1 push by Codegen[\s\S]*|Merged/);
    expect(the.stateComments(pr)[0]!.body).toContain('🔀 Merged.');
    expect(the.codegen.runs).toHaveLength(1);
    const [stored] = await the.runs();
    const next = await the.story.app.database.read.findOneByOrFail(ValidationPipeline, {
      id: stored!.nextPipelineId!,
    });
    expect(next).toMatchObject({ retryCount: 1, agentRunId: stored!.id, headSha: pr.headSha });
    expect(stored).toMatchObject({ status: 'completed', responseType: 'regular', response: 'Wrote right.' });
  });

  it('ends with what was tried when it fails in the same way again', async () => {
    const { repository, pr } = await the.open();
    await the.codegen.runsCreated(1);
    await the.agentPushes(pr, 'wrong');
    expect(await conclusionOf(repository, pr.headSha)).toBe('failure');
    await the.commentSays(pr, 'a person is needed now');
    await the.story.settled();
    expect(the.codegen.runs).toHaveLength(1);
    const [comment, ...more] = the.stateComments(pr);
    expect(more).toEqual([]);
    expect(comment!.body).toContain('It fails in the same way as before');
    expect(comment!.body).toContain('Wrote wrong.');
  });

  it('tries again while the failure changes, and no more often than max_fix_attempts', async () => {
    const { pr } = await the.open({ max_fix_attempts: 2 }, 'bad apple');
    await the.codegen.runsCreated(1);
    await the.agentPushes(pr, 'bad berry');
    await the.codegen.runsCreated(2);
    await the.agentPushes(pr, 'bad cherry');
    await the.commentSays(pr, 'used up its 2 attempts');
    await the.story.settled();
    expect(the.codegen.runs.map(({ metadata }) => metadata!['attempt'])).toEqual([1, 2]);
    const pipelines = await the.story.app.database.read.find(ValidationPipeline, {
      where: { trigger: 'event' },
      order: { id: 'ASC' },
    });
    expect(pipelines.map(({ retryCount }) => retryCount)).toEqual([0, 1, 2]);
    expect(the.stateComments(pr)).toHaveLength(1);
  });

  it('asks nobody where the base branch fails in the same way, which it finds out first', async () => {
    const { repository, pr } = the.unopened();
    repository.commit('main', { 'feature.txt': 'wrong', 'by.txt': 'somebody else' });
    repository.commit('other', { 'other.txt': 'new' });
    const other = repository.openPullRequest({ head: 'other', author: 'ann' });
    await the.story.deliver(pr.opened, other.opened);
    await the.commentSays(other, 'The base branch fails in the same way');
    expect(the.stateComments(other)[0]!.body).toContain('A person is needed now.');
    // The other one builds on the commit before, which passes.
    await the.codegen.runsCreated(1);
    expect(the.codegen.runs[0]!.metadata).toMatchObject({ pull_request_number: pr.number });
    const bases = await the.story.app.database.read.findBy(ValidationPipeline, { trigger: 'base' });
    expect(new Map(bases.map(({ headSha, conclusion }) => [headSha, conclusion]))).toEqual(
      new Map([
        [other.baseSha, 'failure'],
        [pr.baseSha, 'success'],
      ]),
    );
    await the.story.deliver(other.comment('octocat', '/codegen fix'));
    await the.story.until(() => /base branch fails/.test(other.comments().at(-1)!.body), 'the refusal');
    expect(other.comments().at(-1)!.body).toContain('The base branch fails in the same way');
    expect(the.codegen.runs).toHaveLength(1);
  });

  it('waits out an agent that is down, and asks it once', async () => {
    the.codegen.fail({ on: 'create', times: 6, with: { status: 500 } });
    const { pr } = await the.open();
    await the.codegen.runsCreated(1);
    await the.commentSays(pr, 'working on a fix');
    the.codegen.update({ status: 'COMPLETE', result: 'Nothing to do.' });
    await the.commentSays(pr, 'The agent has pushed nothing. It says: Nothing to do.');
    expect(the.codegen.runs).toHaveLength(1);
  });

  it('gives up on an agent that stays down, and can be asked anew', async () => {
    the.codegen.fail({ on: 'create', times: 1000, with: { status: 503 } });
    const { repository, pr } = await the.open();
    await the.commentSays(pr, 'No Codegen agent was asked to fix this. Codegen is not working');
    await the.story.settled();
    expect(the.codegen.runs).toEqual([]);
    const [check] = repository.checkRuns(pr.headSha);
    expect(check!.actions.map(({ identifier }) => identifier)).toEqual(['fix', 'retry']);
    expect((await the.runs()).map(({ status }) => status)).toEqual(['failed']);
  });

  it('says that the runs are used up, and asks again only when a person wants it', async () => {
    the.codegen.fail({ on: 'create', with: { status: 402, body: { message: 'Upgrade' } } });
    const { repository, pr } = await the.open();
    await the.commentSays(pr, 'has used up its agent runs');
    await the.story.settled();
    expect(the.codegen.requestsOf('create')).toHaveLength(1);
    const [check] = repository.checkRuns(pr.headSha);
    await the.story.deliver(repository.pressButton(check!, 'fix', 'octocat'));
    await the.codegen.runsCreated(1);
    await the.commentSays(pr, 'working on a fix');
    expect(await the.runs()).toHaveLength(1);
  });

  it('says that a run failed, and that a person is needed', async () => {
    const { pr } = await the.open();
    await the.codegen.runsCreated(1);
    the.codegen.update({ status: 'FAILED', summary: 'No access to the package registry.' });
    await the.commentSays(pr, 'The run ended as FAILED. It says: No access to the package registry.');
    await the.story.settled();
    expect(the.stateComments(pr)[0]!.body).toContain('A person is needed now.');
    await the.story.deliver(pr.comment('octocat', '/codegen fix'));
    await the.story.settled();
    expect(pr.comments().at(-1)!.body).toContain('has already tried to fix');
    expect(the.codegen.runs).toHaveLength(1);
  });

  it('lets a person who pushes in between have the last word', async () => {
    const { repository, pr } = await the.open();
    await the.codegen.runsCreated(1);
    await the.story.deliver(pr.push({ 'feature.txt': 'wrong still' }, 'By hand', 'ann'));
    await the.story.completedCheck(repository, pr.headSha);
    the.codegen.update({ status: 'COMPLETE', result: '## Plan\n\nRewrite it.' });
    await the.story.until(
      async () => (await the.runs())[0]!.status === 'completed',
      'the end of the first run',
    );
    const pipelines = await the.story.app.database.read.findBy(ValidationPipeline, { trigger: 'event' });
    expect(pipelines.map(({ retryCount }) => retryCount)).toEqual([0, 0]);
    // Its plan is for a commit that is no longer the head; at most the person's own commit gets another run.
    expect((await the.runs()).filter(({ status }) => status === 'plan_waiting')).toEqual([]);
    expect(new Set((await the.runs()).map(({ headSha }) => headSha)).size).toBe((await the.runs()).length);
  });

  it('links a pull request that the agent opens, validates it, and counts the fixes of both together', async () => {
    const { repository, pr } = await the.open({ max_fix_attempts: 1 });
    await the.codegen.runsCreated(1);
    repository.commit('codegen/fix', { 'feature.txt': 'wrong too' });
    const own = repository.openPullRequest({ head: 'codegen/fix', author: 'codegen-sh[bot]' });
    const url = `${the.github.url}/acme/web/pull/${own.number}`;
    the.codegen.update({ status: 'COMPLETE', result: 'Opened one.', pullRequests: [{ url }] });
    await the.story.until(async () => (await the.runs())[0]!.status === 'completed', 'the end of the run');
    expect((await the.runs())[0]).toMatchObject({ responseType: 'pr', openedPullRequest: own.number });
    await the.commentSays(pr, `It opened [\`acme/web#${own.number}\`](${url}).`);
    await the.story.deliver(own.opened);
    expect(await conclusionOf(repository, own.headSha)).toBe('failure');
    await the.commentSays(own, 'used up its one attempt');
    expect(the.codegen.runs).toHaveLength(1);
  });

  it('lets go of a pull request that is closed while the agent works on it', async () => {
    const { pr } = await the.open({ auto_merge_enabled: true });
    await the.codegen.runsCreated(1);
    await the.commentSays(pr, 'working on a fix');
    await the.story.deliver(pr.close());
    the.codegen.update({ status: 'COMPLETE', result: '## Plan\n\nRewrite it.' });
    await the.story.until(async () => (await the.runs())[0]!.completedAt !== null, 'the end of the run');
    await the.story.settled();
    expect((await the.runs()).map(({ status }) => status)).toEqual(['cancelled']);
    expect(the.stateComments(pr)).toHaveLength(1);
    expect(the.stateComments(pr)[0]!.body).toContain('The pull request was closed.');
    expect(the.codegen.runs).toHaveLength(1);
    expect(pr.merged).toBe(false);
  });

  it('asks nobody about a closed pull request, one that opted out, or a fork', async () => {
    const { repository, pr } = await the.open({ test_commands: 'sleep 1000' });
    await the.story.running('test');
    await the.story.deliver(pr.close());
    await the.story.completedCheck(repository, pr.headSha);

    const plain = the.story.github.createRepository('acme/other', {
      files: scripted({ test_commands: 'exit 1' }),
    });
    plain.commit('quiet', { 'quiet.txt': 'x' });
    const quiet = plain.openPullRequest({ head: 'quiet', labels: ['no-auto-fix'] });
    await the.story.deliver(quiet.opened);
    await the.commentSays(quiet, 'keeps automatic fixing off');

    const fork = plain.fork('stranger/other');
    plain.permit('stranger', 'write');
    fork.commit('forked', { 'forked.txt': 'x' });
    const forked = plain.openPullRequest({ head: 'forked', from: fork });
    await the.story.deliver(forked.opened);
    await the.commentSays(forked, 'comes from a fork');
    await the.story.settled();
    expect(the.codegen.runs).toEqual([]);
  });

  it('is asked once where the server is restarted at any point while a run is out', async () => {
    // Codegen takes the request, and its answer never arrives: the server dies waiting.
    the.codegen.fail({ on: 'create', with: 'hang', afterEffect: true });
    const { repository, pr } = await the.open();
    await the.codegen.requestHangs();
    await the.story.app.stop(0);
    await the.story.startApp();
    await the.commentSays(pr, 'working on a fix');
    expect(the.codegen.runs).toHaveLength(1);

    await the.story.app.stop(0);
    await the.story.startApp();
    await the.agentPushes(pr, 'right');
    expect(await conclusionOf(repository, pr.headSha)).toBe('success');
    await the.story.settled();
    expect(the.codegen.runs).toHaveLength(1);
    expect(the.stateComments(pr)).toHaveLength(1);
    expect((await the.runs()).map(({ status }) => status)).toEqual(['completed']);
  });

  it('knows the agent’s push also where it comes before Codegen’s answer', async () => {
    the.codegen.fail({ on: 'create', with: 'hang', afterEffect: true });
    const { repository, pr } = await the.open();
    await the.codegen.requestHangs();
    await the.story.deliver(pr.push({ 'feature.txt': 'right' }, 'Fix it', 'codegen-sh[bot]'));
    await the.story.completedCheck(repository, pr.headSha);
    await expectAgentsPush(pr.headSha);
  });

  it('knows the agent’s push also where nothing but the head of the pull request tells of it', async () => {
    const { repository, pr } = await the.open();
    await the.codegen.runsCreated(1);
    await the.story.app.stop(0);
    pr.push({ 'feature.txt': 'right' }, 'Fix it', 'codegen-sh[bot]');
    await the.story.startApp();
    await the.story.completedCheck(repository, pr.headSha);
    await expectAgentsPush(pr.headSha);
  });

  const expectAgentsPush = async (headSha: string) => {
    const [run] = await the.runs();
    const pipeline = await the.story.app.database.read.findOneByOrFail(ValidationPipeline, { headSha });
    expect(pipeline).toMatchObject({ retryCount: 1, agentRunId: run!.id });
  };

  it('points out what the agent does to tests, and does not merge that by itself', async () => {
    const { repository, pr } = await the.open({ auto_merge_enabled: true });
    await the.codegen.runsCreated(1);
    const push = pr.push(
      { 'feature.txt': 'right', 'sum.test.js': "test.skip('adds', () => {});\n" },
      'Fix it',
      'codegen-sh[bot]',
    );
    the.codegen.update({ status: 'COMPLETE', result: 'Done.' });
    await the.story.deliver(push);
    await the.story.completedCheck(repository, pr.headSha);
    await the.story.settled();
    const [check] = repository.checkRuns(pr.headSha);
    expect(check!.summary).toContain('sum.test.js');
    expect(check!.summary).toContain('a person should look at that');
    expect(pr.merged).toBe(false);
  });
});
