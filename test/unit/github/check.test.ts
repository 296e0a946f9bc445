import { describe, expect, it } from '@jest/globals';
import { emptyResults, type Conclusion } from '../../../src/domain/pipeline.js';
import { createRedactor } from '../../../src/domain/redaction.js';
import { isRepositoryPath, renderAnnotations } from '../../../src/github/annotations.js';
import { renderCheck } from '../../../src/github/check.js';
import { renderComment } from '../../../src/github/comment.js';
import { renderStatus } from '../../../src/github/status.js';
import { redactView, type PipelineView } from '../../../src/github/view.js';
import { pipelineView, stages, testCase, testReport } from '../../support/view.js';

const buttons = (changes: Partial<PipelineView>) =>
  renderCheck(pipelineView(changes)).body.actions?.map(({ identifier }) => identifier);
const agent = (state: NonNullable<PipelineView['agent']>['state']) => ({
  state,
  text: '',
  url: null,
  plan: null,
});

describe('buttons', () => {
  it.each<[string, Partial<PipelineView>, string[] | undefined]>([
    ['a failure', { conclusion: 'failure' }, ['fix', 'retry']],
    ['a time-out', { conclusion: 'timed_out' }, ['fix', 'retry']],
    ['a failure without Codegen', { conclusion: 'failure', agent: agent('off') }, ['fix', 'retry']],
    ['a failure that an agent is fixing', { conclusion: 'failure', agent: agent('running') }, ['retry']],
    [
      'a failure after the last attempt',
      { conclusion: 'failure', agent: agent('exhausted') },
      ['fix', 'retry'],
    ],
    ["a fork's failure", { conclusion: 'failure', isFork: true }, ['retry']],
    ['a plan', { conclusion: 'failure', agent: agent('plan_waiting') }, ['confirm', 'retry']],
    ['a fork that waits', { conclusion: 'action_required', isFork: true }, ['approve']],
    ['a fault of ours', { conclusion: 'cancelled', errorMessage: 'Disk full.' }, ['retry']],
    ['success', {}, []],
    ['a running one', { status: 'in_progress', conclusion: null }, undefined],
  ])('of %s', (_name, changes, expected) => {
    expect(buttons(changes)).toEqual(expected);
  });
});

it('a running check has no conclusion and no end', () => {
  const { body } = renderCheck(pipelineView({ status: 'in_progress', conclusion: null, completedAt: null }));
  expect(body).not.toHaveProperty('conclusion');
  expect(body).not.toHaveProperty('completed_at');
});

describe('titles', () => {
  const failing = (total: number, failed: number, blame: 'new' | 'base' | undefined) => ({
    conclusion: 'failure' as const,
    stages: stages(['test', 'failure', 10, 'exit code 1']),
    results: {
      ...emptyResults(),
      tests: testReport(
        Array.from({ length: total }, (_, index) =>
          testCase(index < failed ? { status: 'failed', blame } : {}),
        ),
      ),
    },
  });
  it.each<[Partial<PipelineView>, string]>([
    [failing(42, 1, undefined), 'Test failed: 1 of 42 tests'],
    [failing(42, 2, 'base'), 'Test failed: 2 of 42 tests, also on main'],
    [failing(1, 1, 'new'), 'Test failed: 1 of 1 test'],
    [failing(3, 0, undefined), 'Test failed: exit code 1'],
    [
      { conclusion: 'failure', reason: 'The review found a broken rule.' },
      'Failed: the review found a broken rule',
    ],
    [{ status: 'queued', conclusion: null }, 'Queued'],
    [{ status: 'in_progress', conclusion: null, stages: [] }, 'Starting'],
    [{ conclusion: 'cancelled', reason: 'closed' }, 'Cancelled: closed'],
    [
      { conclusion: 'cancelled', errorMessage: 'GitHub could not be reached.', reason: 'x' },
      'Could not be validated: GitHub could not be reached',
    ],
  ])('%#: %j', (changes, expected) => {
    expect(renderCheck(pipelineView(changes)).body.output.title).toBe(expected);
  });
});

it.each<[Conclusion, string]>([
  ['success', 'success'],
  ['neutral', 'success'],
  ['skipped', 'success'],
  ['failure', 'failure'],
  ['timed_out', 'failure'],
  ['cancelled', 'error'],
  ['action_required', 'pending'],
])('the status of %s is %s', (conclusion, state) => {
  expect(renderStatus(pipelineView({ conclusion })).state).toBe(state);
});

describe('annotations', () => {
  it.each([
    ['src/a.ts', true],
    ['a b/ä.ts', true],
    ['/etc/passwd', false],
    ['../a', false],
    ['a/../../b', false],
    ['./a', false],
    ['a\\b', false],
    ['C:/a', false],
    ['a\nb', false],
    ['', false],
    [undefined, false],
  ])('isRepositoryPath(%j) is %j', (path, expected) => {
    expect(isRepositoryPath(path)).toBe(expected);
  });

  it('come in order of importance, once each, by whose failure it is', () => {
    const place = { status: 'failed' as const, file: 'a.test.ts', message: 'no' };
    const view = pipelineView({
      results: {
        ...emptyResults(),
        findings: [
          {
            source: 'x',
            severity: 'notice',
            title: 'n',
            message: 'n',
            path: 'a.ts',
            startLine: 9,
            endLine: 2,
          },
          { source: 'x', severity: 'failure', title: 'f', message: 'f', path: 'a.ts', startLine: 1 },
          { source: 'x', severity: 'failure', title: 'f', message: 'f', path: 'a.ts', startLine: 1 },
          { source: 'x', severity: 'failure', title: 'nowhere', message: 'nowhere' },
        ],
        tests: testReport([
          testCase({ ...place, line: 1, blame: 'base' }),
          testCase({ ...place, line: 2, blame: 'flaky' }),
          testCase({ ...place, line: 3, blame: 'new' }),
        ]),
      },
    });
    expect(
      renderAnnotations(view).map((a) => [a.annotation_level, a.path, a.start_line, a.end_line]),
    ).toEqual([
      ['failure', 'a.test.ts', 3, 3],
      ['failure', 'a.ts', 1, 1],
      ['warning', 'a.test.ts', 1, 1],
      ['notice', 'a.test.ts', 2, 2],
      ['notice', 'a.ts', 9, 9],
    ]);
  });
});

describe('the comment', () => {
  it.each<[string, Partial<PipelineView>, boolean, boolean]>([
    ['green at the first go', {}, false, false],
    ['green after a failure', {}, true, true],
    ['green after a fix by the agent', { retryCount: 1 }, false, true],
    ['failed', { conclusion: 'failure' }, false, true],
    ['running, nothing said before', { status: 'in_progress', conclusion: null }, false, false],
    ['running, a failure said before', { status: 'in_progress', conclusion: null }, true, true],
    ['superseded', { conclusion: 'cancelled', reason: 'x' }, true, false],
    ['a fault of ours', { conclusion: 'cancelled', errorMessage: 'x' }, false, true],
    ['a fork that waits', { conclusion: 'action_required' }, false, true],
    ['skipped', { conclusion: 'skipped' }, false, false],
    ['nothing to validate', { conclusion: 'neutral' }, false, false],
  ])('%s', (_name, changes, before, said) => {
    expect(renderComment(pipelineView(changes), before) !== null).toBe(said);
  });
});

it('a redacted view holds no secret that markdown would disguise', () => {
  const secret = 'pa_ss*wo[rd]';
  const text = `it is ${secret}!`;
  const view = pipelineView({
    conclusion: 'failure',
    reason: text,
    advice: text,
    headRef: text,
    stages: stages(['setup', 'failure', 1, text]),
    settingsNotes: [text],
    results: {
      ...emptyResults(),
      findings: [
        {
          source: 'x',
          severity: 'failure',
          title: text,
          message: text,
          path: 'a',
          startLine: 1,
          details: text,
        },
      ],
      validations: [
        { validator: 'x', conclusion: 'failure', summary: text, facts: { said: text, number: 1 } },
      ],
      tests: testReport([
        testCase({ status: 'failed', suite: text, name: text, message: text, details: text }),
      ]),
      coverage: null,
      notes: [text],
    },
    logTail: { stage: 'setup', command: text, text, omittedLines: 0 },
    agent: { state: 'plan_waiting', text, url: null, plan: text },
    merge: { state: 'refused', reason: text },
  });
  const redacted = redactView(view, createRedactor([secret]).redact);
  expect(JSON.stringify(redacted)).not.toContain('wo[rd]');
  expect(JSON.stringify(renderCheck(redacted)) + renderComment(redacted)).not.toMatch(/pa.?.?.?_ss/);
  expect(redacted.results.validations[0]!.facts).toEqual({ said: 'it is ***!', number: 1 });
});
