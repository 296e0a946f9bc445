import { describe, expect, it } from '@jest/globals';
import { actorKind, decideFix } from '../../src/agent/decide.js';
import type { FixFacts, FixRuleName } from '../../src/agent/decide.js';
import { failsWithin, failureSignature } from '../../src/agent/signature.js';
import { emptyResults } from '../../src/domain/pipeline.js';
import type { Finding, PipelineResults, StageConclusion, StageRecord } from '../../src/domain/pipeline.js';
import type { TestCase } from '../../src/domain/test-report.js';

interface Changes {
  pullRequest?: Partial<FixFacts['pullRequest']>;
  pipeline?: Partial<FixFacts['pipeline']>;
  settings?: Partial<FixFacts['settings']>;
  earlier?: FixFacts['earlier'];
  baseFailsToo?: boolean;
  agentConfigured?: boolean;
  outOfRuns?: boolean;
}

/** A red pull request of a person, never fixed before, with some facts changed. */
const facts = (changes: Changes, askedBy: FixFacts['askedBy'] = 'pipeline'): FixFacts => ({
  askedBy,
  pullRequest: {
    state: 'open',
    fromFork: false,
    labels: ['bug'],
    author: 'person',
    headSha: 'head-sha',
    headAuthor: 'person',
    ...changes.pullRequest,
  },
  pipeline: {
    headSha: 'head-sha',
    conclusion: 'failure',
    ourFault: false,
    signature: 'sig',
    ...changes.pipeline,
  },
  baseFailsToo: changes.baseFailsToo ?? false,
  earlier: changes.earlier ?? [],
  agentConfigured: changes.agentConfigured ?? true,
  outOfRuns: changes.outOfRuns ?? false,
  settings: { autoFixEnabled: true, maxFixAttempts: 3, ...changes.settings },
});

const fixOf = (headSha: string, signature: string | null, open = false) => ({ headSha, signature, open });

const LIMITS: [name: string, changes: Changes, rule: FixRuleName, needsPerson: boolean][] = [
  ['a closed pull request', { pullRequest: { state: 'closed' } }, 'closed', false],
  ['a pipeline that still runs', { pipeline: { conclusion: null } }, 'still_running', false],
  ['a fault of ours', { pipeline: { ourFault: true } }, 'our_fault', false],
  ['success', { pipeline: { conclusion: 'success' } }, 'nothing_failed', false],
  ['a cancelled pipeline', { pipeline: { conclusion: 'cancelled' } }, 'nothing_failed', false],
  ['a push in between', { pullRequest: { headSha: 'newer' } }, 'head_moved', false],
  ['no agent', { agentConfigured: false }, 'not_configured', false],
  ['a fork', { pullRequest: { fromFork: true } }, 'fork', true],
  ['a run at work', { earlier: [fixOf('older', 'x', true)] }, 'already_at_work', false],
  [
    'all attempts used',
    { earlier: [fixOf('a', 'x'), fixOf('b', 'y'), fixOf('c', 'z')] },
    'attempts_used',
    true,
  ],
  ['an attempt for this commit', { earlier: [fixOf('head-sha', 'x')] }, 'tried_this_commit', true],
  ['the same failure again', { earlier: [fixOf('older', 'sig')] }, 'same_failure', true],
  ['a base that fails in the same way', { baseFailsToo: true }, 'base_fails_too', true],
  ['no runs left', { outOfRuns: true }, 'out_of_runs', true],
];

const RELAXED: [name: string, changes: Changes, rule: FixRuleName][] = [
  ['the setting is off', { settings: { autoFixEnabled: false } }, 'switched_off'],
  ['the label opts out', { pullRequest: { labels: ['No-Auto-Fix'] } }, 'opted_out'],
  ['the author is another bot', { pullRequest: { author: 'bot' } }, 'made_by_a_bot'],
  ['the last commit is by another bot', { pullRequest: { headAuthor: 'bot' } }, 'made_by_a_bot'],
  ['it timed out', { pipeline: { conclusion: 'timed_out' } }, 'timed_out'],
];

describe('decideFix', () => {
  it.each([
    ['the first failure', {}],
    ['another failure after an attempt', { earlier: [fixOf('older', 'other')] }],
    ['a failure of the agent’s own commit', { pullRequest: { author: 'agent', headAuthor: 'agent' } }],
    ['unknown signatures', { pipeline: { signature: null }, earlier: [fixOf('older', null)] }],
  ] as [string, Changes][])('fixes %s', (_, changes) => {
    for (const askedBy of ['pipeline', 'person'] as const) {
      expect(decideFix(facts(changes, askedBy))).toMatchObject({ decision: 'fix', needsPerson: false });
    }
  });

  it.each(LIMITS)('does not fix %s, whoever asks', (_, changes, rule, needsPerson) => {
    for (const askedBy of ['pipeline', 'person'] as const) {
      const decision = decideFix(facts(changes, askedBy));
      expect(decision).toMatchObject({ decision: 'no', rule, needsPerson });
      expect(decision.reason).toMatch(/^[A-Z].*\.$/);
    }
  });

  it.each(RELAXED)('does not fix by itself when %s, but does for a person', (_, changes, rule) => {
    expect(decideFix(facts(changes))).toMatchObject({ decision: 'no', rule, needsPerson: false });
    expect(decideFix(facts(changes, 'person')).decision).toBe('fix');
  });

  it('counts attempts for the reader', () => {
    const earlier = [fixOf('older', 'other')];
    expect(decideFix(facts({ earlier })).reason).toBe('The agent is asked to fix it (attempt 2 of 3).');
    expect(decideFix(facts({ earlier, settings: { maxFixAttempts: 1 } })).reason).toBe(
      'The agent has used up its one attempt on this pull request.',
    );
  });

  it('is quiet where no attempt is allowed, but tells a person why', () => {
    const settings = { maxFixAttempts: 0 };
    expect(decideFix(facts({ settings }))).toMatchObject({ rule: 'switched_off', needsPerson: false });
    expect(decideFix(facts({ settings }, 'person')).reason).toContain('`max_fix_attempts` is 0');
  });

  it('does not call for a person where fixing is switched off anyway', () => {
    const changes: Changes = { settings: { autoFixEnabled: false }, pullRequest: { fromFork: true } };
    expect(decideFix(facts(changes)).needsPerson).toBe(false);
  });
});

describe('actorKind', () => {
  it.each([
    [{ login: 'ann', type: 'User' }, 'person'],
    [{ login: 'dependabot[bot]', type: 'Bot' }, 'bot'],
    [{ login: 'renovate[bot]' }, 'bot'],
    [{ login: 'Codegen-SH[bot]', type: 'Bot' }, 'agent'],
  ])('%o is %s', (account, kind) => expect(actorKind(account, ['codegen-sh[bot]'])).toBe(kind));
});

describe('failureSignature', () => {
  const stage = (name: StageRecord['name'], conclusion: StageConclusion, summary = ''): StageRecord => ({
    name,
    conclusion,
    summary,
    status: 'completed',
    startedAt: null,
    completedAt: null,
  });
  const stages = [stage('clone', 'success'), stage('test', 'failure')];
  const withTests = (...failed: string[]): PipelineResults => {
    const cases: TestCase[] = [
      { suite: 'cart', name: 'passes', status: 'passed', durationMs: 1 },
      ...failed.map((name): TestCase => ({
        suite: 'cart',
        name,
        status: 'failed',
        durationMs: Math.random(),
        message: `${Math.random()}`,
      })),
    ];
    const tests = {
      formats: [],
      passed: 1,
      failed: failed.length,
      skipped: 0,
      durationMs: null,
      cases,
      notes: [],
    };
    return { ...emptyResults(), tests };
  };
  const withFinding = (finding: Partial<Finding>): PipelineResults => ({
    ...emptyResults(),
    findings: [{ source: 'health', severity: 'failure', title: 'No answer', message: '', ...finding }],
  });

  it('is null where nothing failed', () => {
    expect(failureSignature(withTests(), [stage('test', 'success')])).toBeNull();
  });

  it('depends on which tests failed, not on their order, messages or the log', () => {
    const one = failureSignature(withTests('adds', 'removes'), stages, 'took 3 s');
    expect(one).toMatch(/^[0-9a-f]{32}$/);
    expect(failureSignature(withTests('removes', 'adds'), stages, 'took 4 s')).toBe(one);
    expect(failureSignature(withTests('adds'), stages)).not.toBe(one);
  });

  it('depends on the stage and on how it ended', () => {
    const results = withTests('adds');
    const all = [
      failureSignature(results, stages),
      failureSignature(results, [stage('validate', 'failure')]),
      failureSignature(results, [stage('test', 'timed_out')]),
    ];
    expect(new Set(all).size).toBe(3);
  });

  const SAME: [string, string][] = [
    ['Error: x at 12:03:44', 'Error: x at 09:11:02'],
    ['2025-01-01T10:00:00.123Z error TS2322: bad', '2025-02-03T11:22:33.999Z error TS2322: bad'],
    ['error in /work/w/12/src/a.ts:3:5', 'error in /srv/x/src/a.ts:9:1'],
    ['Error: cannot open /tmp/tmp.XaYbZc/file', 'Error: cannot open /tmp/tmp.QqWwEe/file'],
    ['failed after 12.3 ms', 'failed after 4 s'],
    ['\u001b[31mfatal: no commit 0f3c2a9d8e\u001b[0m', 'fatal: no commit 99ab12cd34'],
    ['Error: listen EADDRINUSE 127.0.0.1:34567', 'Error: listen EADDRINUSE 127.0.0.1:41234'],
    ['Error: id 123e4567-e89b-12d3-a456-426614174000', 'Error: id 00000000-e89b-12d3-a456-426614174abc'],
    ['Downloading 12%\nError: boom', 'Downloading 77%\nError: boom'],
  ];
  it.each(SAME)('takes %j and %j for the same', (a, b) => {
    const of = (log: string) => failureSignature(emptyResults(), stages, log);
    expect(of(a)).toBe(of(b));
  });

  const DIFFERENT: [string, string][] = [
    ['Error: boom', 'Error: bang'],
    ['error in src/a.ts:3', 'error in src/b.ts:3'],
    ['no marker here', 'another line'],
  ];
  it.each(DIFFERENT)('tells %j from %j', (a, b) => {
    const of = (log: string) => failureSignature(emptyResults(), stages, log);
    expect(of(a)).not.toBe(of(b));
  });

  it('depends on the failures found, without their numbers', () => {
    const of = (finding: Partial<Finding>) => failureSignature(withFinding(finding), stages);
    expect(of({ message: 'after 3 tries' })).toBe(of({ message: 'after 4 tries' }));
    expect(of({ path: 'a.ts' })).not.toBe(of({ path: 'b.ts' }));
    expect(of({ severity: 'warning' })).not.toBe(of({}));
  });

  it('sees tests that fail elsewhere too, and anything more', () => {
    const base = { results: withTests('adds', 'removes'), stages };
    expect(failsWithin({ results: withTests('adds'), stages }, base)).toBe(true);
    expect(failsWithin({ results: withTests('adds', 'sums'), stages }, base)).toBe(false);
    expect(
      failsWithin({ results: withTests('adds'), stages: [...stages, stage('validate', 'failure')] }, base),
    ).toBe(false);
    expect(failsWithin({ results: emptyResults(), stages }, { results: emptyResults(), stages })).toBe(false);
  });

  it('uses the stages’ summaries where there is no log', () => {
    const of = (summary: string) => failureSignature(emptyResults(), [stage('setup', 'failure', summary)]);
    expect(of('exit 1: npm error')).not.toBe(of('exit 1: make error'));
  });
});
