import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { AgentRun, ValidationPipeline } from '../../src/database/entities/index.js';
import { FakeCodegen, type FakeRun } from '../support/fake-codegen.js';
import type { FakePullRequest, FakeRepository } from '../support/fake-github/index.js';
import { scripted, Story } from '../support/story.js';

const SCRIPT = 'grep -q right feature.txt || { echo "Error: $(cat feature.txt)"; exit 1; }';

describe('the fix loop', () => {
  let story: Story;
  let codegen: FakeCodegen;
  beforeEach(async () => {
    codegen = await FakeCodegen.start();
    story = await Story.begin({
      env: {
        CODEGEN_API_KEY: codegen.apiKey,
        CODEGEN_ORG_ID: codegen.organization,
        CODEGEN_API_BASE_URL: codegen.url,
        AGENT_POLL_SECONDS: '1',
      },
      overrides: { codegen: { sleep: () => Promise.resolve(), pauseMs: () => 10 } },
    });
  });
  afterEach(async () => {
    await story.end();
    await codegen.close();
  });

  const open = async (settings: Record<string, string | number | boolean> = {}, content = 'wrong') => {
    const repository = story.github.createRepository('acme/web', {
      files: scripted({ test_commands: SCRIPT, ...settings }),
    });
    repository.commit('feature', { 'feature.txt': content });
    const pr = repository.openPullRequest({ head: 'feature', author: 'ann' });
    await story.deliver(pr.opened);
    return { repository, pr };
  };
  /** The agent pushes this as soon as it is asked, and says that it is done. */
  const agentPushes = (pr: FakePullRequest, content: string) => {
    const push = pr.push({ 'feature.txt': content }, 'Fix it', 'codegen-sh[bot]');
    codegen.update({ status: 'COMPLETE', result: `Wrote ${content}.` });
    return story.deliver(push);
  };
  const commentSays = (pr: FakePullRequest, text: string) =>
    story.github.waitFor(() => pr.comments().some(({ body }) => body.includes(text)), {
      what: `a comment with "${text}"`,
      timeoutMs: 25_000,
    });
  const agentComments = (pr: FakePullRequest) =>
    pr.comments().filter(({ body }) => body.startsWith('<!-- codegenapp -->'));
  const rows = () => story.app.database.read.find(AgentRun, { order: { id: 'ASC' } });
  const conclusionOf = async (repository: FakeRepository, sha: string) =>
    (await story.completedCheck(repository, sha)).conclusion;

  it('goes from red to merged without the author, and tells it in one comment', async () => {
    const { repository, pr } = await open({ auto_merge_enabled: true });
    const redSha = pr.headSha;
    const [run] = (await codegen.runsCreated(1)) as [FakeRun];
    expect(run.metadata).toMatchObject({
      repository: 'acme/web',
      pull_request_number: 1,
      head_sha: redSha,
      attempt: 1,
    });
    expect(run.prompt).toContain('Error: wrong');
    await commentSays(pr, 'working on a fix');

    await agentPushes(pr, 'right');
    expect(await conclusionOf(repository, pr.headSha)).toBe('success');
    await story.github.waitFor(() => pr.merged, { what: 'the merge', timeoutMs: 20_000 });
    await story.settled();

    const merges = story.github.requests.filter(
      ({ method, path }) => method === 'PUT' && path.endsWith('/merge'),
    );
    expect(merges.map(({ body }) => body)).toEqual([{ sha: pr.headSha, merge_method: 'squash' }]);
    expect(agentComments(pr)).toHaveLength(1);
    expect(agentComments(pr)[0]!.body).toMatch(/after 1 push by Codegen[\s\S]*|Merged/);
    expect(agentComments(pr)[0]!.body).toContain('🔀 Merged.');
    expect(codegen.runs).toHaveLength(1);
    const [stored] = await rows();
    const next = await story.app.database.read.findOneByOrFail(ValidationPipeline, {
      id: stored!.nextPipelineId!,
    });
    expect(next).toMatchObject({ retryCount: 1, agentRunId: stored!.id, headSha: pr.headSha });
    expect(stored).toMatchObject({ status: 'completed', responseType: 'regular', response: 'Wrote right.' });
  });

  it('ends with what was tried when it fails in the same way again', async () => {
    const { repository, pr } = await open();
    await codegen.runsCreated(1);
    await agentPushes(pr, 'wrong');
    expect(await conclusionOf(repository, pr.headSha)).toBe('failure');
    await commentSays(pr, 'a person is needed now');
    await story.settled();
    expect(codegen.runs).toHaveLength(1);
    const [comment, ...more] = agentComments(pr);
    expect(more).toEqual([]);
    expect(comment!.body).toContain('It fails in the same way as before');
    expect(comment!.body).toContain('Wrote wrong.');
  });

  it('tries again while the failure changes, and no more often than max_fix_attempts', async () => {
    const { pr } = await open({ max_fix_attempts: 2 }, 'bad apple');
    await codegen.runsCreated(1);
    await agentPushes(pr, 'bad berry');
    await codegen.runsCreated(2);
    await agentPushes(pr, 'bad cherry');
    await commentSays(pr, 'used up its 2 attempts');
    await story.settled();
    expect(codegen.runs.map(({ metadata }) => metadata!['attempt'])).toEqual([1, 2]);
    const pipelines = await story.app.database.read.find(ValidationPipeline, { order: { id: 'ASC' } });
    expect(pipelines.map(({ retryCount }) => retryCount)).toEqual([0, 1, 2]);
    expect(agentComments(pr)).toHaveLength(1);
  });

  it('waits out an agent that is down, and asks it once', async () => {
    codegen.fail({ on: 'create', times: 6, with: { status: 500 } });
    const { pr } = await open();
    await codegen.runsCreated(1);
    await commentSays(pr, 'working on a fix');
    codegen.update({ status: 'COMPLETE', result: 'Nothing to do.' });
    await commentSays(pr, 'The agent has pushed nothing. It says: Nothing to do.');
    expect(codegen.runs).toHaveLength(1);
  });

  it('gives up on an agent that stays down, and can be asked anew', async () => {
    codegen.fail({ on: 'create', times: 1000, with: { status: 503 } });
    const { repository, pr } = await open();
    await commentSays(pr, 'No Codegen agent was asked to fix this. Codegen is not working');
    await story.settled();
    expect(codegen.runs).toEqual([]);
    const [check] = repository.checkRuns(pr.headSha);
    expect(check!.actions.map(({ identifier }) => identifier)).toEqual(['fix', 'retry']);
    expect((await rows()).map(({ status }) => status)).toEqual(['failed']);
  });

  it('says that the runs are used up, and asks again only when a person wants it', async () => {
    codegen.fail({ on: 'create', with: { status: 402, body: { message: 'Upgrade' } } });
    const { repository, pr } = await open();
    await commentSays(pr, 'has used up its agent runs');
    await story.settled();
    expect(codegen.requestsOf('create')).toHaveLength(1);
    const [check] = repository.checkRuns(pr.headSha);
    await story.deliver(repository.pressButton(check!, 'fix', 'octocat'));
    await codegen.runsCreated(1);
    await commentSays(pr, 'working on a fix');
    expect(await rows()).toHaveLength(1);
  });

  it('says that a run failed, and that a person is needed', async () => {
    const { pr } = await open();
    await codegen.runsCreated(1);
    codegen.update({ status: 'FAILED', summary: 'No access to the package registry.' });
    await commentSays(pr, 'The run ended as FAILED. It says: No access to the package registry.');
    await story.settled();
    expect(agentComments(pr)[0]!.body).toContain('A person is needed now.');
    await story.deliver(pr.comment('octocat', '/codegen fix'));
    await story.settled();
    expect(pr.comments().at(-1)!.body).toContain('has already tried to fix');
    expect(codegen.runs).toHaveLength(1);
  });

  it('lets a person who pushes in between have the last word', async () => {
    const { repository, pr } = await open();
    await codegen.runsCreated(1);
    await story.deliver(pr.push({ 'feature.txt': 'wrong still' }, 'By hand', 'ann'));
    await story.completedCheck(repository, pr.headSha);
    codegen.update({ status: 'COMPLETE', result: '## Plan\n\nRewrite it.' });
    await story.until(async () => (await rows())[0]!.status === 'completed', 'the end of the first run');
    const pipelines = await story.app.database.read.findBy(ValidationPipeline, { trigger: 'event' });
    expect(pipelines.map(({ retryCount }) => retryCount)).toEqual([0, 0]);
    // Its plan is for a commit that is no longer the head; at most the person's own commit gets another run.
    expect((await rows()).filter(({ status }) => status === 'plan_waiting')).toEqual([]);
    expect(new Set((await rows()).map(({ headSha }) => headSha)).size).toBe((await rows()).length);
  });

  it('asks nobody about a closed pull request, one that opted out, or a fork', async () => {
    const { repository, pr } = await open({ test_commands: 'sleep 1000' });
    await story.running('test');
    await story.deliver(pr.close());
    await story.completedCheck(repository, pr.headSha);

    const plain = story.github.createRepository('acme/other', {
      files: scripted({ test_commands: 'exit 1' }),
    });
    plain.commit('quiet', { 'quiet.txt': 'x' });
    const quiet = plain.openPullRequest({ head: 'quiet', labels: ['no-auto-fix'] });
    await story.deliver(quiet.opened);
    await commentSays(quiet, 'keeps automatic fixing off');

    const fork = plain.fork('stranger/other');
    plain.permit('stranger', 'write');
    fork.commit('forked', { 'forked.txt': 'x' });
    const forked = plain.openPullRequest({ head: 'forked', from: fork });
    await story.deliver(forked.opened);
    await commentSays(forked, 'comes from a fork');
    await story.settled();
    expect(codegen.runs).toEqual([]);
  });

  it('is asked once where the server is restarted at any point while a run is out', async () => {
    // Codegen takes the request, and its answer never arrives: the server dies waiting.
    codegen.fail({ on: 'create', with: 'hang', afterEffect: true });
    const { repository, pr } = await open();
    await codegen.requestHangs();
    await story.app.stop(0);
    await story.startApp();
    await commentSays(pr, 'working on a fix');
    expect(codegen.runs).toHaveLength(1);

    await story.app.stop(0);
    await story.startApp();
    await agentPushes(pr, 'right');
    expect(await conclusionOf(repository, pr.headSha)).toBe('success');
    await story.settled();
    expect(codegen.runs).toHaveLength(1);
    expect(agentComments(pr)).toHaveLength(1);
    expect((await rows()).map(({ status }) => status)).toEqual(['completed']);
  });

  it('points out what the agent does to tests, and does not merge that by itself', async () => {
    const { repository, pr } = await open({ auto_merge_enabled: true });
    await codegen.runsCreated(1);
    const push = pr.push(
      { 'feature.txt': 'right', 'sum.test.js': "test.skip('adds', () => {});\n" },
      'Fix it',
      'codegen-sh[bot]',
    );
    codegen.update({ status: 'COMPLETE', result: 'Done.' });
    await story.deliver(push);
    await story.completedCheck(repository, pr.headSha);
    await story.settled();
    const [check] = repository.checkRuns(pr.headSha);
    expect(check!.summary).toContain('sum.test.js');
    expect(check!.summary).toContain('a person should look at that');
    expect(pr.merged).toBe(false);
  });
});
