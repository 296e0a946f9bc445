import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { In } from 'typeorm';
import { ValidationPipeline } from '../../src/database/entities/index.js';
import { scripted, Story, workspacesIn } from '../support/story.js';

describe('a newer head, a close and a cancellation', () => {
  let story: Story;
  beforeEach(async () => {
    story = await Story.begin({ env: { CONCURRENCY: '2' } });
  });
  afterEach(() => story.end());

  const open = (test: string) => {
    const repository = story.github.createRepository('acme/web', {
      files: scripted({ test_commands: test }),
    });
    repository.commit('feature', { 'mode.txt': 'slow' });
    return { repository, pr: repository.openPullRequest({ head: 'feature' }) };
  };
  const SLOW_UNLESS_TOLD = 'if [ "$(cat mode.txt)" = slow ]; then echo begun; sleep 1000; fi';

  it('ends the pipeline of the older head, its processes too, and validates the newer one', async () => {
    const { repository, pr } = open(SLOW_UNLESS_TOLD);
    const older = pr.headSha;
    await story.deliver(pr.opened);
    await story.running('test');
    await story.deliver(pr.push({ 'mode.txt': 'quick' }));

    const cancelled = await story.completedCheck(repository, older, 5_000);
    expect(cancelled.conclusion).toBe('cancelled');
    expect(cancelled.title).toContain(pr.headSha.slice(0, 7));
    expect((await story.completedCheck(repository, pr.headSha)).conclusion).toBe('success');
    await story.settled();
    expect(workspacesIn(story.dataDir)).toEqual([]);
  });

  it('does not let a late event of an older head end the newer one', async () => {
    const { repository, pr } = open('true');
    const push = pr.push({ 'mode.txt': 'quick' });
    await story.deliver(push);
    await story.completedCheck(repository, pr.headSha);
    await story.deliver(pr.opened);
    await story.settled();
    expect(repository.checkRuns().map(({ headSha, conclusion }) => [headSha, conclusion])).toEqual([
      [pr.headSha, 'success'],
    ]);
  });

  it('is cancelled by closing, and runs again when reopened', async () => {
    const { repository, pr } = open(SLOW_UNLESS_TOLD);
    await story.deliver(pr.opened);
    await story.running('test');
    await story.deliver(pr.close());
    const check = await story.completedCheck(repository, pr.headSha, 5_000);
    expect([check.conclusion, check.title]).toEqual(['cancelled', expect.stringContaining('closed')]);
    await story.deliver(pr.reopen());
    await story.running('test');
  });

  it('runs at most CONCURRENCY pipelines at once', async () => {
    const repository = story.github.createRepository('acme/busy', {
      files: scripted({ test_commands: 'sleep 1' }),
    });
    const names = ['a', 'b', 'c', 'd'];
    const prs = names.map((name) => {
      repository.commit(name, { [name]: name });
      return repository.openPullRequest({ head: name });
    });
    await story.deliver(...prs.map((pr) => pr.opened));
    for (const pr of prs)
      expect((await story.completedCheck(repository, pr.headSha)).conclusion).toBe('success');
    const all = await story.app.database.read.find(ValidationPipeline, { where: { headRef: In(names) } });
    const runningAt = (time: Date) =>
      all.filter(({ startedAt, completedAt }) => startedAt! <= time && time < completedAt!).length;
    expect(all).toHaveLength(4);
    expect(Math.max(...all.map(({ startedAt }) => runningAt(startedAt!)))).toBe(2);
  });
});
