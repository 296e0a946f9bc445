import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { HandledCommand, ValidationPipeline } from '../../src/database/entities/index.js';
import { scripted, Story } from '../support/story.js';

describe('slash commands and buttons', () => {
  let story: Story;
  beforeEach(async () => {
    story = await Story.begin();
  });
  afterEach(() => story.end());

  /** A red pull request of ann, who may only read; octocat may write. */
  const red = async (test = 'exit 3') => {
    const repository = story.github.createRepository('acme/web', {
      files: scripted({ test_commands: test }),
    });
    repository.commit('feature', { 'feature.txt': 'done' });
    const pr = repository.openPullRequest({ head: 'feature', author: 'ann' });
    await story.deliver(pr.opened);
    return { repository, pr };
  };
  const ended = async () => {
    const opened = await red();
    await story.completedCheck(opened.repository, opened.pr.headSha);
    await story.settled();
    return opened;
  };
  const contents = (pr: Awaited<ReturnType<typeof red>>['pr'], id: number) =>
    pr.reactions(id).map(({ content }) => content);

  it('retries for the author, with receipts and without words', async () => {
    const { repository, pr } = await ended();
    const before = pr.comments().length;
    const change = pr.comment('ann', '/codegen retry');
    await story.deliver(change);
    await story.github.waitFor(() => repository.checkRuns(pr.headSha).length === 2, { what: 'a second run' });
    await story.settled();
    expect(contents(pr, change.comment.id)).toEqual(['eyes', 'rocket']);
    expect(pr.comments()).toHaveLength(before + 1);
  });

  it('does a command once, however often its event is handled', async () => {
    const { repository, pr } = await ended();
    const change = pr.comment('octocat', '/codegen retry\n\n/codegen bogus');
    await story.deliver(change, change, change);
    await story.settled();
    expect(repository.checkRuns(pr.headSha)).toHaveLength(2);
    expect(pr.comments().filter(({ body }) => body.includes('bogus'))).toHaveLength(2);
  });

  it('refuses who may not, in one line, and does nothing', async () => {
    const { repository, pr } = await ended();
    const change = pr.comment('mallory', '/codegen fix');
    await story.deliver(change);
    await story.settled();
    expect(contents(pr, change.comment.id)).toEqual(['eyes', 'confused']);
    expect(pr.comments().at(-1)!.body).toContain('`fix` needs write permission');
    expect(repository.checkRuns(pr.headSha)).toHaveLength(1);
  });

  it('says why there is no fix without access to Codegen', async () => {
    const { pr } = await ended();
    await story.deliver(pr.comment('octocat', '/codegen fix the sum'));
    await story.settled();
    expect(pr.comments().at(-1)!.body).toContain('no access to Codegen');
  });

  it('suggests the nearest command, explains them all, and tells how it stands', async () => {
    const { pr } = await ended();
    await story.deliver(pr.comment('ann', '/codegen retyr'), pr.comment('ann', '/codegen help'));
    await story.deliver(pr.comment('ann', '/codegen status'));
    await story.settled();
    const [nearest, help, status] = pr.comments().filter(({ body }) => body.includes('codegenapp reply'));
    expect(nearest!.body).toContain('Did you mean `/codegen retry`?');
    expect(help!.body).toContain('| `/codegen merge` |');
    expect(status!.body).toContain(`\`${pr.headSha.slice(0, 7)}\` ended with \`failure\``);
  });

  it('does not listen to bots, quotes and plain issues', async () => {
    const { repository, pr } = await ended();
    const issue = repository.openIssue({ title: 'A question' });
    const requests = story.github.requests.length;
    await story.deliver(
      pr.comment('helper[bot]', '/codegen retry'),
      pr.comment('octocat', '> /codegen retry\n\n`/codegen retry`'),
      issue.comment('octocat', '/codegen retry'),
    );
    await story.settled();
    expect(story.github.requests).toHaveLength(requests);
    expect(repository.checkRuns()).toHaveLength(1);
  });

  it('cancels what runs', async () => {
    const { repository, pr } = await red('sleep 1000');
    await story.running('test');
    await story.deliver(pr.comment('octocat', '/codegen cancel'));
    const check = await story.completedCheck(repository, pr.headSha, 5_000);
    expect([check.conclusion, check.title]).toEqual([
      'cancelled',
      expect.stringContaining('cancelled by octocat'),
    ]);
  });

  it('approves a fork for the commit that was there when it was said', async () => {
    const repository = story.github.createRepository('acme/web', {
      files: scripted({ test_commands: 'true' }),
    });
    const fork = repository.fork('stranger/web');
    fork.commit('feature', { 'feature.txt': 'done' });
    const pr = repository.openPullRequest({ head: 'feature', from: fork });
    await story.deliver(pr.opened);
    expect((await story.completedCheck(repository, pr.headSha)).conclusion).toBe('action_required');
    await story.deliver(pr.comment('stranger', '/codegen approve'));
    await story.settled();
    expect(pr.comments().at(-1)!.body).toContain('`approve` needs write permission');
    await story.deliver(pr.comment('octocat', '/codegen approve'));
    await story.github.waitFor(() => repository.checkRuns(pr.headSha)[0]!.conclusion === 'success', {
      what: 'the approved run',
    });
  });

  it('says so when a button is pressed without write permission', async () => {
    const { repository, pr } = await ended();
    const [run] = repository.checkRuns(pr.headSha);
    await story.deliver(repository.pressButton(run!, 'retry', 'mallory'));
    await story.settled();
    expect(repository.checkRuns(pr.headSha)).toHaveLength(1);
    expect(pr.comments().at(-1)!.body).toContain('`mallory` pressed the button `retry`');
    await story.deliver(repository.pressButton(run!, 'retry', 'octocat'));
    await story.settled();
    expect(repository.checkRuns(pr.headSha)).toHaveLength(2);
  });

  it('validates again by GitHub’s own Re-run, of the check and of all checks', async () => {
    const { repository, pr } = await ended();
    const [run] = repository.checkRuns(pr.headSha);
    await story.deliver(repository.rerequest(run!, 'octocat'));
    await story.settled();
    expect(repository.checkRuns(pr.headSha)).toHaveLength(2);
    await story.deliver(repository.rerequestSuite(repository.checkSuites[0]!, 'octocat'));
    await story.settled();
    expect(repository.checkRuns(pr.headSha).map(({ conclusion }) => conclusion)).toEqual(
      Array.from({ length: 3 }, () => 'failure'),
    );
  });

  it('handles a storm of 100 commands in order and loses none', async () => {
    const { pr } = await ended();
    const changes = Array.from({ length: 100 }, (_, n) => pr.comment('octocat', `/codegen nr${n}`));
    await Promise.all(changes.map((change) => story.github.deliver(change)));
    await story.settled();
    const replies = pr.comments().filter(({ body }) => body.includes('codegenapp reply'));
    expect(replies).toHaveLength(100);
    for (const { comment } of changes) expect(contents(pr, comment.id)).toEqual(['eyes', 'confused']);
    expect(await story.app.database.read.countBy(HandledCommand, { handled: true })).toBe(100);
    const arrived = story.github.deliveries.all
      .filter(({ event }) => event.name === 'issue_comment')
      .map(({ event }) => (event.payload['comment'] as { body: string }).body.slice('/codegen '.length));
    const answered = replies.map(({ body }) => /`(nr\d+)` is not a command/.exec(body)?.[1]);
    expect([...answered].sort()).toEqual([...arrived].sort());
  });

  it('remembers with --no-cache to set up from scratch', async () => {
    const { pr } = await ended();
    await story.deliver(pr.comment('octocat', '/codegen retry --no-cache'));
    await story.settled();
    const [, second] = await story.app.database.read.find(ValidationPipeline, { order: { id: 'ASC' } });
    expect(second!.rebuildSetup).toBe(true);
  });
});
