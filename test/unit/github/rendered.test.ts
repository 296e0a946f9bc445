/** What users read, as files under test/fixtures/rendered: read them as a user would when they change. */
import { describe, it } from '@jest/globals';
import { emptyResults } from '../../../src/domain/pipeline.js';
import { renderCheck } from '../../../src/github/check.js';
import { renderComment } from '../../../src/github/comment.js';
import { renderStatus } from '../../../src/github/status.js';
import type { PipelineView } from '../../../src/github/view.js';
import { expectGolden } from '../../support/golden.js';
import { pipelineView, stages, testCase, testReport } from '../../support/view.js';

const passedTests = [
  ...Array.from({ length: 38 }, (_, index) => testCase({ name: `case ${index + 1}`, durationMs: index })),
  testCase({ suite: 'checkout', name: 'pays by invoice', durationMs: 2_310 }),
];

const measured = [
  { validator: 'health', conclusion: 'success' as const, summary: 'answered 200 in 34 ms' },
  {
    validator: 'lighthouse',
    conclusion: 'success' as const,
    summary: 'accessibility 96, performance 88',
    scores: { accessibility: 96, performance: 88 },
    baseScores: { accessibility: 98, performance: 87.5 },
  },
];

const failedTest: Partial<PipelineView> = {
  conclusion: 'failure',
  stages: stages(
    ['clone', 'success', 412, 'checked out 3f2a9c4'],
    ['setup', 'success', 21_300, 'npm ci'],
    ['deploy', 'success', 2_100, 'answered at http://127.0.0.1:41873/'],
    ['validate', 'success', 9_800, 'health 200 in 34 ms, accessibility 96'],
    ['test', 'failure', 8_200, 'exit code 1'],
    ['report', 'success', 120, ''],
  ),
  results: {
    ...emptyResults(),
    findings: [
      {
        source: 'lighthouse',
        severity: 'warning',
        title: 'Image elements do not have [alt] attributes',
        message: 'img.logo on /: add alt text.',
      },
    ],
    validations: measured,
    tests: testReport([
      ...passedTests,
      testCase({
        suite: 'cart › totals',
        name: 'adds 19 % VAT',
        status: 'failed',
        file: 'test/cart.test.js',
        line: 12,
        message: 'Expected: 119\nReceived: 100',
        details: 'Error: Expected: 119\nReceived: 100\n    at Object.<anonymous> (test/cart.test.js:12:20)',
        blame: 'new',
      }),
      testCase({
        suite: 'mail',
        name: 'reaches the server',
        status: 'failed',
        file: 'test/mail.test.js',
        line: 3,
        message: 'connect ECONNREFUSED 127.0.0.1:25',
        blame: 'base',
      }),
      testCase({ suite: 'search', name: 'finds recent items', flaky: true }),
    ]),
    coverage: {
      formats: ['lcov'],
      coveredLines: 812,
      totalLines: 976,
      percent: 83.2,
      changedPercent: 91.67,
      basePercent: 82.8,
    },
    notes: ['Commands were detected from package.json: npm ci, npm start, npm test.'],
  },
  baseline: { sha: 'b1946ac92492d2347c6235b4d2611184d0e8b7a6' },
  logTail: {
    stage: 'test',
    command: 'npm test',
    text: '> shop@1.0.0 test\n> node --test\n\n✖ adds 19 % VAT\n  Expected: 119\n  Received: 100\n\n# fail 2\n',
    omittedLines: 310,
  },
  agent: { state: 'running', text: '', url: 'https://codegen.com/agent/trace/4711', plan: null },
};

const setupFailed: Partial<PipelineView> = {
  conclusion: 'failure',
  stages: stages(
    ['clone', 'success', 398, 'checked out 3f2a9c4'],
    ['setup', 'failure', 3_900, 'exit code 1'],
    ['deploy', 'skipped', 0, 'not run: setup failed'],
    ['validate', 'skipped', 0, 'not run: setup failed'],
    ['test', 'skipped', 0, 'not run: setup failed'],
    ['report', 'success', 90, ''],
  ),
  logTail: {
    stage: 'setup',
    command: 'npm ci',
    text: 'npm error code EUSAGE\nnpm error `npm ci` can only install packages when your package.json and\nnpm error package-lock.json are in sync. Missing: left-pad@1.3.0 from lock file\n',
    omittedLines: 0,
  },
};

const notRun = (why: string) =>
  stages(
    ['clone', 'skipped', 0, why],
    ['setup', 'skipped', 0, why],
    ['deploy', 'skipped', 0, why],
    ['validate', 'skipped', 0, why],
    ['test', 'skipped', 0, why],
    ['report', 'success', 60, ''],
  );

const cases: Record<string, { view: Partial<PipelineView>; isThere?: true }> = {
  passed: {
    view: {
      stages: stages(
        ['clone', 'success', 412, 'checked out 3f2a9c4'],
        ['setup', 'success', 21_300, 'npm ci'],
        ['deploy', 'success', 2_100, 'answered at http://127.0.0.1:41873/'],
        ['validate', 'success', 9_800, 'health 200 in 34 ms, accessibility 96'],
        ['test', 'success', 8_200, '39 tests passed'],
        ['report', 'success', 120, ''],
      ),
      results: {
        ...emptyResults(),
        validations: measured,
        tests: testReport(passedTests),
        notes: ['Commands were detected from package.json: npm ci, npm start, npm test.'],
      },
      merge: { state: 'scheduled', reason: 'It still waits for one review.' },
    },
  },
  'passed-after-fix': {
    view: { retryCount: 1, merge: { state: 'merged', reason: '' } },
    isThere: true,
  },
  'test-failed': { view: failedTest },
  'setup-failed': { view: setupFailed },
  'timed-out': {
    view: {
      ...setupFailed,
      conclusion: 'timed_out',
      stages: stages(
        ['clone', 'success', 398, 'checked out 3f2a9c4'],
        ['setup', 'timed_out', 600_000, 'ended after 10 min'],
        ['deploy', 'skipped', 0, 'not run: setup failed'],
        ['validate', 'skipped', 0, 'not run: setup failed'],
        ['test', 'skipped', 0, 'not run: setup failed'],
        ['report', 'success', 90, ''],
      ),
      logTail: {
        stage: 'setup',
        command: 'npm ci\n./build.sh',
        text: 'Waiting for database…\nWaiting for database…\n',
        omittedLines: 598,
      },
    },
  },
  'fork-waiting': {
    view: {
      conclusion: 'action_required',
      isFork: true,
      stages: notRun('waits for approval'),
      startedAt: null,
    },
  },
  superseded: {
    view: {
      conclusion: 'cancelled',
      reason: 'Superseded by abc1234.',
      stages: stages(
        ['clone', 'success', 398, 'checked out 3f2a9c4'],
        ['setup', 'cancelled', 1_200, ''],
        ['deploy', 'skipped', 0, ''],
        ['validate', 'skipped', 0, ''],
        ['test', 'skipped', 0, ''],
        ['report', 'success', 10, ''],
      ),
    },
  },
  'our-fault': {
    view: {
      conclusion: 'cancelled',
      errorMessage: 'The repository could not be fetched from github.com: the connection timed out.',
      advice: 'Check that this machine reaches https://github.com and see codegenapp doctor.',
      attempt: 3,
      stages: stages(['clone', 'cancelled', 30_000, 'fetching timed out']),
    },
  },
  'nothing-configured': {
    view: {
      conclusion: 'neutral',
      reason: 'No commands are configured, and none could be detected from the repository.',
      stages: stages(
        ['clone', 'success', 398, 'checked out 3f2a9c4'],
        ['setup', 'skipped', 0, 'no commands'],
        ['deploy', 'skipped', 0, 'no commands'],
        ['validate', 'skipped', 0, 'nothing was started'],
        ['test', 'skipped', 0, 'no commands'],
        ['report', 'success', 60, ''],
      ),
    },
  },
  'skipped-draft': {
    view: {
      conclusion: 'skipped',
      reason: 'Draft pull request; it is validated once it is ready for review.',
      stages: [],
    },
  },
  running: {
    view: {
      status: 'in_progress',
      conclusion: null,
      completedAt: null,
      currentStep: 'deploy',
      stages: stages(
        ['clone', 'success', 412, 'checked out 3f2a9c4'],
        ['setup', 'success', 21_300, 'npm ci'],
        ['deploy', 'running', 0, ''],
      ),
    },
    isThere: true,
  },
  'plan-waiting': {
    view: {
      ...setupFailed,
      agent: {
        state: 'plan_waiting',
        text: '',
        url: 'https://codegen.com/agent/trace/4711',
        plan: '1. Add left-pad to package-lock.json\n2. Run `npm ci`',
      },
    },
  },
  exhausted: {
    view: {
      ...setupFailed,
      retryCount: 3,
      agent: { state: 'exhausted', text: 'Tried 3 times, the last: pinned left-pad.', url: null, plan: null },
    },
  },
};

describe('what users read', () => {
  it.each(Object.entries(cases))('%s', (name, { view, isThere }) => {
    const file = new URL(`../../fixtures/rendered/${name}.md`, import.meta.url);
    expectGolden(file, page(pipelineView(view), isThere));
  });
});

function page(view: PipelineView, isThere = false): string {
  const { body, annotations } = renderCheck(view);
  const { output, actions, ...rest } = body;
  const status = renderStatus(view);
  return [
    `CHECK ${rest.status} ${rest.conclusion ?? ''}: ${output.title}`,
    `STATUS ${status.state}: ${status.description}`,
    `BUTTONS ${(actions ?? []).map((action) => action.label).join(' | ') || 'none'}`,
    ...annotations.map((annotation) => `ANNOTATION ${JSON.stringify(annotation)}`),
    '',
    'SUMMARY',
    '',
    output.summary,
    '',
    `COMMENT${isThere ? ' (there was one before)' : ''}`,
    '',
    renderComment(view, isThere) ?? 'none',
    '',
  ].join('\n');
}
