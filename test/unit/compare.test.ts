import { describe, expect, it } from '@jest/globals';
import { changedLines, shownLines } from '../../src/domain/changes.js';
import { emptyResults, type Finding, type PipelineResults } from '../../src/domain/pipeline.js';
import type { TestCase } from '../../src/domain/test-report.js';
import { compare } from '../../src/pipeline/compare.js';
import { findingsOf } from '../../src/reports/findings.js';
import { testCase, testReport } from '../support/view.js';

const passed = (name: string, more: Partial<TestCase> = {}) => testCase({ name, ...more });
const failed = (name: string, more: Partial<TestCase> = {}) =>
  testCase({ name, status: 'failed', message: 'no', file: 'a.js', line: 1, ...more });

function results(cases: TestCase[] | null, more: Partial<PipelineResults> = {}): PipelineResults {
  const tests = cases && testReport(cases);
  return { ...emptyResults(), tests, findings: tests ? findingsOf(tests) : [], ...more };
}

const blameOf = ({ tests }: PipelineResults, name: string) =>
  tests!.cases.find((test) => test.name === name)!.blame;

describe('a failed test', () => {
  const sha = 'b'.repeat(40);
  const base = (...runs: PipelineResults[]) => ({ sha, results: runs });

  it('is new where it passes or does not exist on the base branch', () => {
    const here = results([failed('a'), failed('b'), passed('c')]);
    compare(here, { base: base(results([passed('a'), passed('c')])), sameSha: [] });
    expect([blameOf(here, 'a'), blameOf(here, 'b'), blameOf(here, 'c')]).toEqual(['new', 'new', undefined]);
    expect(here.findings.map(({ blame }) => blame)).toEqual(['new', 'new']);
    expect(here.baseline).toEqual({ sha });
  });

  it('is the base branch’s where it fails there', () => {
    const here = results([failed('a')]);
    compare(here, { base: base(results([failed('a')])), sameSha: [] });
    expect(blameOf(here, 'a')).toBe('base');
    expect(here.findings[0]!.blame).toBe('base');
  });

  it('is flaky where one sha, this or the base, has shown both results', () => {
    const onThis = results([failed('a')]);
    compare(onThis, { base: null, sameSha: [results([passed('a')])] });
    expect(blameOf(onThis, 'a')).toBe('flaky');

    const onBase = results([failed('a'), failed('b')]);
    compare(onBase, {
      base: base(results([passed('a', { flaky: true }), failed('b')]), results([passed('b')])),
      sameSha: [],
    });
    expect([blameOf(onBase, 'a'), blameOf(onBase, 'b')]).toEqual(['flaky', 'flaky']);

    const byRetry = results([failed('a', { blame: 'flaky' })]);
    compare(byRetry, { base: base(results([failed('a')])), sameSha: [] });
    expect(blameOf(byRetry, 'a')).toBe('flaky');
  });

  it('is nobody’s where there is nothing to compare with', () => {
    const here = results([failed('a')]);
    compare(here, { base: null, sameSha: [] });
    expect(blameOf(here, 'a')).toBeUndefined();
    compare(here, { base: base(results(null)), sameSha: [] });
    expect(blameOf(here, 'a')).toBeUndefined();
    // Two tests of one name, of which one fails, are not a flaky one.
    compare(here, { base: base(results([passed('a'), failed('a')])), sameSha: [] });
    expect(blameOf(here, 'a')).toBe('base');
  });
});

describe('scores, coverage and what a browser found', () => {
  it('stand beside those of the base branch', () => {
    const axe = (message: string): Finding => ({ source: 'axe', severity: 'warning', title: 'Alt', message });
    const seen = (accessibility: number, findings: Finding[], percent: number) =>
      results(null, {
        findings,
        validations: [
          { validator: 'lighthouse', conclusion: 'success', summary: '', scores: { accessibility } },
        ],
        coverage: { formats: ['lcov'], coveredLines: 1, totalLines: 1, percent, changedPercent: null },
      });
    const here = seen(80, [axe('#old'), axe('#new')], 70);
    compare(here, { base: { sha: 'b', results: [seen(95, [axe('#old')], 75)] }, sameSha: [] });
    expect(here.validations[0]!.baseScores).toEqual({ accessibility: 95 });
    expect(here.findings.map(({ blame }) => blame)).toEqual(['base', 'new']);
    expect(here.coverage!.basePercent).toBe(75);
  });
});

describe('a patch', () => {
  const patch = '@@ -1,3 +1,4 @@\n a\n-b\n+B\n+C\n d\n@@ -20,2 +21,2 @@ function\n x\n-y\n+Y\n\\ No newline';
  it('tells the changed lines, and those that are shown around them', () => {
    const change = { path: 'a.js', status: 'modified' as const, additions: 3, deletions: 2, patch };
    expect(changedLines([change])).toEqual(new Map([['a.js', new Set([2, 3, 22])]]));
    expect(shownLines(patch)).toEqual([
      [1, 4],
      [21, 22],
    ]);
    expect(changedLines([{ ...change, patch: null }])).toEqual(new Map([['a.js', new Set()]]));
  });
});
