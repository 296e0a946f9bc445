import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { HandledCommand } from '../../src/database/entities/index.js';
import { hastyOctokit } from '../support/fake-github/clients.js';
import { scripted, Story } from '../support/story.js';

/** A minute of GitHub's takes this long here, on both sides. */
const FASTER = 40;
const MINUTE_MS = 60_000 / FASTER;

describe('a storm of comments', () => {
  let story: Story;
  beforeEach(async () => {
    story = await Story.begin({ overrides: { Octokit: hastyOctokit(FASTER) } });
  });
  afterEach(() => story.end());

  it('of 100 commands on five pull requests is handled in order, within what GitHub lets write', async () => {
    story.github.writeLimit = { requests: 80, windowMs: MINUTE_MS, retryAfterSeconds: 1 };
    const repository = story.github.createRepository('acme/web', {
      files: scripted({ test_commands: 'true' }),
    });
    const pulls = ['one', 'two', 'three', 'four', 'five'].map((head) => {
      repository.commit(head, { [`${head}.txt`]: 'x' });
      return repository.openPullRequest({ head, author: 'ann' });
    });
    for (const pr of pulls) await story.deliver(pr.opened);
    for (const pr of pulls) await story.completedCheck(repository, pr.headSha);

    // Twenty commands on each, in comments with one, two or three of them.
    const comments = pulls.map((pr) => {
      const bodies: string[] = [];
      for (let n = 0; n < 20;) {
        const many = Math.min(1 + (bodies.length % 3), 20 - n);
        bodies.push(Array.from({ length: many }, () => `/codegen nr${n++}`).join('\n\n'));
      }
      return bodies.map((body) => pr.comment('ann', body));
    });
    const limited = {
      status: 403,
      headers: { 'retry-after': '1' },
      body: { message: 'You have exceeded a secondary rate limit. Please wait a few minutes.' },
    };
    const faults = [
      story.github.fault({ method: 'POST', path: /\/reactions$/, ...limited }),
      story.github.fault({ method: 'POST', path: /issues\/3\/comments$/, ...limited }),
      // Another fault that passes.
      story.github.fault({ method: 'POST', path: /\/reactions$/, status: 502 }),
    ];
    await Promise.all(comments.map((changes) => story.deliver(...changes)));
    await story.settled();

    expect(faults.map(({ hits }) => hits)).toEqual([1, 1, 1]);
    const refused = story.github.requests.filter(({ method, status }) => method !== 'GET' && status === 403);
    expect(refused).toHaveLength(2);
    for (const [n, pr] of pulls.entries()) {
      const answered = pr
        .comments()
        .filter(({ body }) => body.includes('codegenapp reply'))
        .map(({ body }) => /`(nr\d+)` is not a command/.exec(body)?.[1]);
      expect(answered).toEqual(Array.from({ length: 20 }, (_, command) => `nr${command}`));
      for (const { comment } of comments[n]!)
        expect(pr.reactions(comment.id).map(({ content }) => content)).toEqual(['eyes', 'confused']);
    }
    expect(await story.app.database.read.countBy(HandledCommand, { handled: true })).toBe(100);
  });

  it('is waited out where GitHub refuses everything for a while, and nothing is written meanwhile', async () => {
    const repository = story.github.createRepository('acme/web', {
      files: scripted({ test_commands: 'true' }),
    });
    repository.commit('feature', { 'feature.txt': 'x' });
    const pr = repository.openPullRequest({ head: 'feature' });
    await story.deliver(pr.opened);
    await story.completedCheck(repository, pr.headSha);
    await story.settled();
    story.github.writeLimit = { requests: 5, windowMs: 1_000, retryAfterSeconds: 1 };
    await story.deliver(...Array.from({ length: 5 }, (_, n) => pr.comment('ann', `/codegen nr${n}`)));
    await story.settled();
    const replies = pr.comments().filter(({ body }) => body.includes('codegenapp reply'));
    expect(replies.map(({ body }) => /`(nr\d)`/.exec(body)?.[1])).toEqual([
      'nr0',
      'nr1',
      'nr2',
      'nr3',
      'nr4',
    ]);
    const refused = story.github.requests.filter(({ method, status }) => method !== 'GET' && status === 403);
    // One for each time that the limit was reached, not one for each write of that time.
    expect(refused.length).toBeGreaterThan(0);
    expect(refused.length).toBeLessThanOrEqual(5);
  });
});
