import { describe, expect, it } from '@jest/globals';
import { decideMerge } from '../../src/github/merge-decision.js';
import type { MergeFacts } from '../../src/github/merge-decision.js';

interface Changes extends Partial<Omit<MergeFacts, 'pullRequest'>> {
  pullRequest?: Partial<MergeFacts['pullRequest']>;
}

/** A green pull request that may be merged, with some facts changed. */
const facts = ({ pullRequest, ...changes }: Changes = {}): MergeFacts => ({
  askedBy: 'pipeline',
  conclusion: 'success',
  validatedSha: 'abcdef0123',
  autoMergeEnabled: true,
  autoMergeAllowed: true,
  ...changes,
  pullRequest: {
    state: 'open',
    merged: false,
    draft: false,
    headSha: 'abcdef0123',
    labels: ['feature'],
    mergeable: true,
    mergeableState: 'clean',
    ...pullRequest,
  },
});

describe('decideMerge', () => {
  it.each(['clean', 'has_hooks', 'unstable'])('merges what is %s', (mergeableState) => {
    expect(decideMerge(facts({ pullRequest: { mergeableState } }))).toEqual({
      decision: 'merge',
      reason: 'Merged at abcdef0, as validated.',
      askAgain: false,
    });
  });

  it.each(['blocked', 'behind'])('leaves what is %s to GitHub’s auto-merge', (mergeableState) => {
    const pullRequest = { mergeableState };
    expect(decideMerge(facts({ pullRequest })).decision).toBe('enable_auto_merge');
    expect(decideMerge(facts({ pullRequest, autoMergeAllowed: null })).decision).toBe('enable_auto_merge');
    const refused = decideMerge(facts({ pullRequest, autoMergeAllowed: false }));
    expect(refused.decision).toBe('no');
    expect(refused.reason).toContain("does not allow GitHub's auto-merge");
  });

  const REFUSED: [string, Changes, string][] = [
    ['merged', { pullRequest: { state: 'closed', merged: true } }, 'merged already'],
    ['closed', { pullRequest: { state: 'closed' } }, 'is closed'],
    ['at another head', { pullRequest: { headSha: 'fedcba9876' } }, 'newer commit, fedcba9'],
    ['still being validated', { conclusion: null }, 'not finished yet'],
    ['red', { conclusion: 'failure' }, 'did not pass (failure)'],
    ['neutral', { conclusion: 'neutral' }, 'did not pass (neutral)'],
    ['skipped', { conclusion: 'skipped' }, 'did not pass (skipped)'],
    ['a draft', { pullRequest: { draft: true } }, 'is a draft'],
    ['a draft by its state', { pullRequest: { mergeableState: 'draft' } }, 'is a draft'],
    ['labelled', { pullRequest: { labels: ['Do-Not-Merge'] } }, 'label `do-not-merge`'],
    ['in conflict', { pullRequest: { mergeable: false } }, 'conflicts'],
    ['in conflict by its state', { pullRequest: { mergeableState: 'dirty' } }, 'conflicts'],
  ];
  it.each(REFUSED)('does not merge what is %s, whoever asks', (_, changes, reason) => {
    for (const askedBy of ['pipeline', 'person'] as const) {
      const decision = decideMerge(facts({ ...changes, askedBy }));
      expect(decision).toMatchObject({ decision: 'no', askAgain: false });
      expect(decision.reason).toContain(reason);
    }
  });

  it('wants the setting only where nobody asked', () => {
    expect(decideMerge(facts({ autoMergeEnabled: false })).decision).toBe('no');
    expect(decideMerge(facts({ autoMergeEnabled: false, askedBy: 'person' })).decision).toBe('merge');
  });

  it.each([{ mergeable: null }, { mergeableState: 'unknown' }])('asks again with %o', (pullRequest) => {
    expect(decideMerge(facts({ pullRequest }))).toMatchObject({ decision: 'no', askAgain: true });
  });
});
