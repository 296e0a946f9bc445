import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FakeCodegen } from '../support/fake-codegen.js';
import type { FakePullRequest } from '../support/fake-github/index.js';
import { scripted, Story } from '../support/story.js';

const PLAN = '## Plan\n\nWrite right into feature.txt.';

describe('an agent’s plan', () => {
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

  const open = async (settings: Record<string, string | boolean> = {}) => {
    const repository = story.github.createRepository('acme/web', {
      files: scripted({ test_commands: 'grep -q right feature.txt', ...settings }),
    });
    repository.commit('feature', { 'feature.txt': 'wrong' });
    const pr = repository.openPullRequest({ head: 'feature', author: 'ann' });
    await story.deliver(pr.opened);
    await codegen.runsCreated(1);
    return { repository, pr };
  };
  const waiting = async (pr: FakePullRequest) => {
    codegen.update({ status: 'COMPLETE', result: PLAN });
    await story.github.waitFor(() => pr.comments().some(({ body }) => body.includes('waits for a go')), {
      what: 'the plan',
      timeoutMs: 20_000,
    });
    await story.settled();
  };
  const resumed = (times: number) =>
    story.github.waitFor(() => codegen.requestsOf('resume').length >= times, {
      what: 'the resumption',
      timeoutMs: 20_000,
    });

  it('is shown and waits, is amended by command once, and carried out', async () => {
    const { repository, pr } = await open();
    await waiting(pr);
    expect(pr.comments()[0]!.body).toContain('Write right into feature.txt.');
    const confirm = pr.comment('octocat', '/codegen confirm and keep the newline');
    codegen.onWork = () => {
      const push = pr.push({ 'feature.txt': 'right' }, 'Fix it', 'codegen-sh[bot]');
      codegen.update({ status: 'COMPLETE', result: 'Done.' });
      void story.deliver(push);
    };
    await story.deliver(pr.comment('ann', '/codegen confirm'), confirm, confirm);
    await resumed(1);
    await story.github.waitFor(
      () => repository.checkRuns(pr.headSha).some(({ conclusion }) => conclusion === 'success'),
      { what: 'the green check', timeoutMs: 20_000 },
    );
    await story.settled();
    expect(codegen.runs[0]!.messages).toEqual([expect.stringContaining('and keep the newline')]);
    expect(pr.reactions(confirm.comment).map(({ content }) => content)).toEqual(['eyes', 'rocket']);
    expect(codegen.runs).toHaveLength(1);
  });

  it('is confirmed by the button, which only the check of a waiting plan has', async () => {
    const { repository, pr } = await open();
    await waiting(pr);
    const [run] = repository.checkRuns(pr.headSha);
    await story.deliver(repository.pressButton(run!, 'confirm', 'octocat'));
    await resumed(1);
    await story.github.waitFor(() => run!.actions.every(({ identifier }) => identifier === 'retry'), {
      what: 'the button to go',
    });
    expect(codegen.runs[0]!.messages).toHaveLength(1);
  });

  it('is confirmed by itself with auto_confirm_plan', async () => {
    const { pr } = await open({ auto_confirm_plan: true });
    codegen.update({ status: 'COMPLETE', result: PLAN });
    await resumed(1);
    expect(codegen.runs[0]!.messages).toEqual([expect.stringContaining('Your plan is confirmed.')]);
    expect(pr.comments()[0]!.body).not.toContain('waits for a go');
  });
});
