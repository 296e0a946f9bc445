import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ValidationPipeline } from '../../src/database/entities/index.js';
import { FakeCodegen } from '../support/fake-codegen.js';
import { scripted, Story } from '../support/story.js';

/** What the forms of the pages do, as a browser without scripts sends them. */
describe('forms of the page of a pipeline', () => {
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

  const cookieOf = (response: Response) =>
    response.headers
      .getSetCookie()
      .map((cookie) => cookie.split(';')[0])
      .join('; ');
  const page = async (path: string, cookie = '') => {
    const response = await story.ask(path, { headers: { accept: 'text/html', cookie } });
    return { status: response.status, text: await response.text() };
  };
  const send = (path: string, fields: Record<string, string> = {}, headers: Record<string, string> = {}) =>
    story.ask(path, {
      method: 'POST',
      body: new URLSearchParams(fields).toString(),
      redirect: 'manual',
      headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'text/html', ...headers },
    });
  /** The page that a form leads to. */
  const sent = async (path: string, fields?: Record<string, string>) => {
    const response = await send(path, fields);
    expect(response.status).toBe(303);
    return page(response.headers.get('location')!, cookieOf(response));
  };
  const onlyPipeline = () => story.app.database.read.findOneByOrFail(ValidationPipeline, {});

  it('let the operator approve a stranger’s commit, once, and only from our own pages', async () => {
    const repository = story.github.createRepository('acme/web', {
      files: scripted({ test_commands: 'test -f feature.txt' }),
    });
    const fork = repository.fork('stranger/web');
    fork.commit('feature', { 'feature.txt': 'done' }, 'Add the feature', 'stranger');
    const pr = repository.openPullRequest({ head: 'feature', from: fork, author: 'stranger' });
    await story.deliver(pr.opened);
    await story.completedCheck(repository, pr.headSha);
    await story.settled();
    const { id } = await onlyPipeline();
    expect((await page(`/pipelines/${id}`)).text).toContain('Approve and run');

    const foreign = await send(`/pipelines/${id}/approve`, {}, { origin: 'https://evil.example' });
    expect(foreign.status).toBe(403);
    expect(await foreign.text()).toContain('Changes are taken from this server’s own pages only.');
    expect((await onlyPipeline()).conclusion).toBe('action_required');

    expect((await sent(`/pipelines/${id}/approve`)).text).toContain(
      'Approved: this commit is validated now.',
    );
    await story.settled();
    expect(await onlyPipeline()).toMatchObject({ conclusion: 'success', approvedBy: 'the operator' });
    for (const [action, sentence] of [
      ['approve', 'Nothing waits for approval here.'],
      ['cancel', 'This validation is over already.'],
      ['confirm', 'No plan waits to be confirmed here.'],
    ])
      expect((await sent(`/pipelines/${id}/${action}`)).text).toContain(sentence);
    const nowhere = await send('/pipelines/01a2065e-186b-7000-a487-c323b16ee88a/cancel');
    expect([nowhere.status, nowhere.headers.get('content-type')]).toEqual([404, 'text/html; charset=utf-8']);
  });

  it('confirm an agent’s plan with changes to it, and tell the agent more', async () => {
    const repository = story.github.createRepository('acme/web', {
      files: scripted({ test_commands: 'grep -q right feature.txt' }),
    });
    repository.commit('feature', { 'feature.txt': 'wrong' });
    const pr = repository.openPullRequest({ head: 'feature', author: 'ann' });
    await story.deliver(pr.opened);
    await codegen.runsCreated(1);
    codegen.update({ status: 'COMPLETE', result: '## Plan\n\nWrite <right> into feature.txt.' });
    const { id } = await onlyPipeline();
    await story.until(async () => (await page(`/pipelines/${id}`)).text.includes('Confirm plan'), 'the plan');
    const { text } = await page(`/pipelines/${id}`);
    expect(text).toContain('Write &lt;right&gt; into feature.txt.');
    expect(text).toContain('https://codegen.example/agent/trace/1000');

    expect((await sent(`/pipelines/${id}/confirm`, { changes: 'keep the newline' })).text).toContain(
      'The plan is confirmed',
    );
    await story.until(() => codegen.requestsOf('resume').length === 1, 'the resumption');
    expect(codegen.runs[0]!.messages).toEqual([expect.stringContaining('keep the newline')]);

    codegen.update({ status: 'COMPLETE', result: 'I could not.' });
    await story.until(async () => (await page(`/pipelines/${id}`)).text.includes('Tell it more'), 'its end');
    const [, run] = /action="\/agent-runs\/([^/]+)\/resume"/.exec((await page(`/pipelines/${id}`)).text)!;
    expect((await sent(`/agent-runs/${run}/resume`, { message: ' ' })).text).toContain('Write a message');
    expect((await sent(`/agent-runs/${run}/resume`, { message: 'try harder' })).text).toContain(
      'The agent has your message.',
    );
    await story.until(() => codegen.runs[0]!.messages.includes('try harder'), 'the message');
  });
});
