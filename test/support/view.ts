import {
  emptyResults,
  type StageConclusion,
  type StageName,
  type StageRecord,
} from '../../src/domain/pipeline.js';
import { STAGE_NAMES } from '../../src/domain/pipeline.js';
import type { TestCase, TestReport } from '../../src/domain/test-report.js';
import type { PipelineView } from '../../src/github/view.js';

const START = Date.UTC(2025, 0, 2, 3, 4, 5);
export const at = (milliseconds: number): Date => new Date(START + milliseconds);

/** Stages that ran one after the other; those not named are still waiting. */
export function stages(
  ...ran: [name: StageName, conclusion: StageConclusion | 'running', milliseconds: number, summary: string][]
): StageRecord[] {
  let now = 0;
  return STAGE_NAMES.map((name) => {
    const found = ran.find(([ranName]) => ranName === name);
    if (!found) {
      return { name, status: 'queued', conclusion: null, startedAt: null, completedAt: null, summary: '' };
    }
    const [, conclusion, milliseconds, summary] = found;
    const startedAt = conclusion === 'skipped' ? null : at(now);
    now += milliseconds;
    return conclusion === 'running'
      ? { name, status: 'in_progress', conclusion: null, startedAt, completedAt: null, summary }
      : { name, status: 'completed', conclusion, startedAt, completedAt: startedAt && at(now), summary };
  });
}

/** A pipeline that passed with nothing special; change what a test is about. */
export function pipelineView(changes: Partial<PipelineView> = {}): PipelineView {
  return {
    id: '7b0e8a52-3c1f-4a58-9c6e-0d3f5a1b2c4d',
    repository: 'acme/shop',
    pullRequestNumber: 7,
    pullRequestUrl: 'https://github.com/acme/shop/pull/7',
    headSha: '3f2a9c41d0e8b7a6951c2d3e4f5061728394a5b6',
    headRef: 'add-vat',
    baseRef: 'main',
    status: 'completed',
    conclusion: 'success',
    reason: '',
    errorMessage: null,
    advice: '',
    currentStep: null,
    stages: stages(
      ['clone', 'success', 412, 'checked out 3f2a9c4'],
      ['setup', 'success', 21_300, 'npm ci'],
      ['deploy', 'success', 2_100, 'answered at http://127.0.0.1:41873/'],
      ['validate', 'success', 9_800, 'health 200 in 34 ms, accessibility 96'],
      ['test', 'success', 8_200, '42 tests passed'],
      ['report', 'success', 120, ''],
    ),
    results: emptyResults(),
    logTail: null,
    attempt: 1,
    retryCount: 0,
    deploymentUrl: null,
    pageUrl: 'https://codegenapp.example.com/pipelines/7b0e8a52-3c1f-4a58-9c6e-0d3f5a1b2c4d',
    createdAt: at(0),
    startedAt: at(0),
    completedAt: at(41_932),
    isFork: false,
    settingsNotes: [],
    baseline: null,
    agent: null,
    merge: null,
    ...changes,
  };
}

export const testCase = (changes: Partial<TestCase> = {}): TestCase => ({
  suite: 'cart',
  name: 'adds up',
  status: 'passed',
  durationMs: 12,
  ...changes,
});

export function testReport(cases: TestCase[]): TestReport {
  const having = (status: TestCase['status']) => cases.filter((test) => test.status === status).length;
  return {
    formats: ['junit'],
    passed: having('passed'),
    failed: having('failed'),
    skipped: having('skipped'),
    durationMs: cases.reduce((sum, test) => sum + (test.durationMs ?? 0), 0),
    cases,
    notes: [],
  };
}
