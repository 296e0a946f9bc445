import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Fault } from '../support/fake-github/faults.js';
import { scripted, Story } from '../support/story.js';

const CREATE = { method: 'POST', at: 'check-runs$' };
const UPDATE = { method: 'PATCH', at: 'check-runs/\\d+$' };
const COMMENT = { method: 'POST', at: 'issues/\\d+/comments$' };
/** Of src/github/access.ts. */
const REQUEST_TIMEOUT_MS = 30_000;
const LOST = { cut: true, onlyAfterEffect: true };

/** What goes wrong between us and GitHub; `at` is the end of the path, in the repository of the case. */
const FAULTS: Record<string, Omit<Fault, 'path'> & { at: string }> = {
  'creating the check is answered with 500': { ...CREATE, status: 500 },
  'creating the check is answered with 502, three times': { ...CREATE, status: 502, times: 3 },
  'creating the check works, and the answer is 502': { ...CREATE, status: 502, onlyAfterEffect: true },
  'creating the check works, and the connection is cut': { ...CREATE, ...LOST },
  'creating the check is over the limit': { ...CREATE, status: 429, headers: { 'retry-after': '1' } },
  'creating the check is over a secondary limit': {
    ...CREATE,
    status: 403,
    headers: { 'retry-after': '1' },
    body: { message: 'You have exceeded a secondary rate limit.' },
  },
  'creating the check is never answered': { ...CREATE, hang: true },
  'creating the check works, and is never answered': { ...CREATE, hang: true, onlyAfterEffect: true },
  'updating the check is answered with 500': { ...UPDATE, status: 500 },
  'updating the check is over the limit': { ...UPDATE, status: 429, headers: { 'retry-after': '1' } },
  'updating the check works, and the connection is cut': { ...UPDATE, ...LOST },
  'updating the check is cut off': { ...UPDATE, cut: true },
  'commenting is answered with 500': { ...COMMENT, status: 500 },
  'commenting works, and the connection is cut': { ...COMMENT, ...LOST },
};

describe('whatever goes wrong at GitHub: one completed check, one comment', () => {
  let story: Story;
  beforeEach(async () => {
    // Nobody waits half a minute for what never answers.
    const timeout = AbortSignal.timeout.bind(AbortSignal);
    jest
      .spyOn(AbortSignal, 'timeout')
      .mockImplementation((ms) => timeout(ms === REQUEST_TIMEOUT_MS ? 1_500 : ms));
    story = await Story.begin({ env: { CONCURRENCY: '3' } });
  });
  afterEach(async () => {
    jest.restoreAllMocks();
    await story.end();
  });

  const open = (fullName: string, test: string) => {
    const repository = story.github.createRepository(fullName, { files: scripted({ test_commands: test }) });
    repository.commit('feature', { 'feature.txt': 'done' });
    return { repository, pr: repository.openPullRequest({ head: 'feature' }) };
  };

  it('answers that fail, are lost or never come', async () => {
    const cases = Object.entries(FAULTS).map(([name, { at, ...fault }], n) => {
      const fullName = `acme/case-${n}`;
      const path = new RegExp(`/${fullName}(\\.git)?/${at}`);
      return {
        name,
        fault: story.github.fault({ ...fault, path }),
        ...open(fullName, 'echo the reason; exit 1'),
      };
    });
    await story.deliver(...cases.map(({ pr }) => pr.opened));
    for (const { repository, pr } of cases) await story.completedCheck(repository, pr.headSha, 60_000);
    await story.settled();
    const outcome = cases.map(({ name, fault, repository, pr }) => ({
      name,
      hit: fault.hits > 0,
      checks: repository.checkRuns(pr.headSha).map(({ conclusion }) => conclusion),
      comments: pr.comments().length,
    }));
    expect(outcome).toEqual(cases.map(({ name }) => ({ name, hit: true, checks: ['failure'], comments: 1 })));
  }, 120_000);

  it('no token at first', async () => {
    story.github.fault({ method: 'POST', path: /access_tokens$/, status: 500 });
    const { repository, pr } = open('acme/web', 'exit 1');
    await story.deliver(pr.opened);
    expect(await story.completedCheck(repository, pr.headSha)).toMatchObject({ conclusion: 'failure' });
    await story.settled();
    expect(repository.checkRuns(pr.headSha)).toHaveLength(1);
    expect(pr.comments()).toHaveLength(1);
  });

  it('a token for git serves the next push too, and is replaced when it was revoked meanwhile', async () => {
    const repository = story.github.createRepository('acme/web', {
      private: true,
      files: scripted({ test_commands: 'true' }),
    });
    const forGit = () => story.github.tokens.issued.filter(({ repositories }) => repositories);
    const push = async (branch: string) => {
      repository.commit(branch, { [`${branch}.txt`]: 'done' });
      const pr = repository.openPullRequest({ head: branch });
      await story.deliver(pr.opened);
      return (await story.completedCheck(repository, pr.headSha)).conclusion;
    };
    expect(await push('first')).toBe('success');
    expect(await push('second')).toBe('success');
    expect(forGit()).toHaveLength(1);

    for (const token of forGit()) token.expiresAt = new Date(0);
    expect(await push('third')).toBe('success');
    expect(forGit()).toHaveLength(2);
  });
});
