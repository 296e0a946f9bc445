import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { AgentStory } from '../support/agent-story.js';
import type { FakePullRequest } from '../support/fake-github/index.js';

const PLAN = '## Plan\n\nWrite right into feature.txt.';

describe('an agent’s plan', () => {
  let the: AgentStory;
  beforeEach(async () => {
    the = await AgentStory.begin();
  });
  afterEach(() => the.end());

  const open = async (settings: Record<string, string | number | boolean> = {}) => {
    const opened = await the.open(settings);
    await the.codegen.runsCreated(1);
    return opened;
  };
  const waiting = async (pr: FakePullRequest) => {
    the.codegen.update({ status: 'COMPLETE', result: PLAN });
    await the.commentSays(pr, 'waits for a go');
    await the.story.settled();
  };

  it('is shown and waits, is amended by command once, and carried out', async () => {
    const { repository, pr } = await open();
    await waiting(pr);
    expect(pr.comments()[0]!.body).toContain('Write right into feature.txt.');
    const confirm = pr.comment('octocat', '/codegen confirm and keep the newline');
    the.codegen.onWork = () => {
      const push = pr.push({ 'feature.txt': 'right' }, 'Fix it', 'codegen-sh[bot]');
      the.codegen.update({ status: 'COMPLETE', result: 'Done.' });
      void the.story.deliver(push);
    };
    await the.story.deliver(pr.comment('ann', '/codegen confirm'), confirm, confirm);
    await the.resumed(1);
    await the.story.github.waitFor(
      () => repository.checkRuns(pr.headSha).some(({ conclusion }) => conclusion === 'success'),
      { what: 'the green check', timeoutMs: 20_000 },
    );
    await the.story.settled();
    expect(the.codegen.runs[0]!.messages).toEqual([expect.stringContaining('and keep the newline')]);
    expect(pr.reactions(confirm.comment).map(({ content }) => content)).toEqual(['eyes', 'rocket']);
    expect(the.codegen.runs).toHaveLength(1);
  });

  it('is confirmed by the button, which only the check of a waiting plan has', async () => {
    const { repository, pr } = await open();
    await waiting(pr);
    const [run] = repository.checkRuns(pr.headSha);
    await the.story.deliver(repository.pressButton(run!, 'confirm', 'octocat'));
    await the.resumed(1);
    await the.story.github.waitFor(() => run!.actions.every(({ identifier }) => identifier === 'retry'), {
      what: 'the button to go',
    });
    expect(the.codegen.runs[0]!.messages).toHaveLength(1);
  });

  it('is confirmed by itself with auto_confirm_plan', async () => {
    const { pr } = await open({ auto_confirm_plan: true });
    the.codegen.update({ status: 'COMPLETE', result: PLAN });
    await the.resumed(1);
    expect(the.codegen.runs[0]!.messages).toEqual([expect.stringContaining('Your plan is confirmed.')]);
    expect(pr.comments()[0]!.body).not.toContain('waits for a go');
  });

  it('can be refused, once and for all for that commit', async () => {
    const { pr } = await open();
    await waiting(pr);
    const refusal = pr.comment('octocat', '/codegen cancel');
    await the.story.deliver(pr.comment('ann', '/codegen cancel'), refusal, refusal);
    await the.commentSays(pr, 'octocat refused the agent’s plan.');
    expect(the.stateComments(pr)[0]!.body).toContain('a person is needed now');
    for (const command of ['confirm', 'fix'])
      await the.story.deliver(pr.comment('octocat', `/codegen ${command}`));
    await the.story.settled();
    expect(pr.reactions(refusal.comment).map(({ content }) => content)).toEqual(['eyes', 'rocket']);
    const replies = pr.comments().filter(({ body }) => body.includes('codegenapp reply'));
    expect(replies.map(({ body }) => body)).toEqual([
      expect.stringContaining('needs write permission'),
      expect.stringContaining('No plan waits'),
      expect.stringContaining('has already tried to fix'),
    ]);
    expect(the.codegen.requestsOf('resume')).toEqual([]);
    expect(the.codegen.runs).toHaveLength(1);
  });

  it('ends with the commit that it was for: by a push, or when the pull request is closed', async () => {
    const { repository, pr } = await open({ max_fix_attempts: 1 });
    await waiting(pr);
    await the.story.deliver(pr.push({ 'feature.txt': 'wrong still' }, 'By hand', 'ann'));
    await the.story.completedCheck(repository, pr.headSha);
    await the.story.settled();
    expect((await the.runs()).map(({ status }) => status)).toEqual(['cancelled']);
    expect(the.stateComments(pr)[0]!.body).not.toContain('waits for a go');
    expect(the.codegen.requestsOf('resume')).toEqual([]);

    repository.commit('second', { 'feature.txt': 'wrong again' });
    const second = repository.openPullRequest({ head: 'second', author: 'ann' });
    await the.story.deliver(second.opened);
    await the.codegen.runsCreated(2);
    await waiting(second);
    await the.story.deliver(second.close(), second.comment('octocat', '/codegen confirm'));
    await the.story.settled();
    expect((await the.runs()).map(({ status }) => status)).toEqual(['cancelled', 'cancelled']);
    expect(second.comments().at(-1)!.body).toContain('No plan waits');
    expect(the.codegen.requestsOf('resume')).toEqual([]);
  });
});
