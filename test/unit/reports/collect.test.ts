import { describe, expect, it } from '@jest/globals';
import { collectReports } from '../../../src/reports/collect.js';
import { findingsOf, slowest } from '../../../src/reports/findings.js';
import { outline, reportFixture } from '../../support/reports.js';

const js = {
  workspace: '/workspace/js',
  files: new Set(['src/calc.js', 'test/calc.test.js', 'test/broken.test.js']),
};
const node = {
  workspace: '/workspace/node',
  files: new Set(['lib/calc.mjs', 'test/calc.test.mjs', 'test/broken.test.mjs']),
};
const file = (path: string, fixture: string) => ({ path, content: reportFixture(fixture) });

describe('the reports of a stage', () => {
  it('count a test once that three formats report', async () => {
    const { tests, notes } = await collectReports(
      [
        file('junit.xml', 'junit/jest-junit.xml'),
        file('ctrf/ctrf-report.json', 'ctrf/jest.json'),
        file('jest.json', 'jest/jest.json'),
      ],
      js,
    );
    expect(notes).toEqual([]);
    expect(tests).toMatchObject({
      formats: ['jest', 'junit', 'ctrf'],
      passed: 2,
      failed: 3,
      skipped: 2,
      durationMs: 715,
    });
    expect(outline(tests!)).toHaveLength(7);
    expect(tests!.cases.every((test) => test.file?.startsWith('test/'))).toBe(true);
  });

  it('count a copied file once, and tests of the same name in two files twice', async () => {
    const xml = (time: string) =>
      `<testsuite name="app"><testcase name="renders" time="${time}"/></testsuite>`;
    const { tests } = await collectReports(
      [
        { path: 'packages/a/junit.xml', content: xml('1') },
        { path: 'packages/b/junit.xml', content: xml('2') },
        { path: 'reports/copy-of-b.xml', content: xml('2') },
      ],
      js,
    );
    expect(tests).toMatchObject({ passed: 2, durationMs: 3000 });
  });

  it('are failed when one format says so', async () => {
    const { tests } = await collectReports(
      [
        { path: 'a.xml', content: '<testsuite name="calc"><testcase name="adds"/></testsuite>' },
        {
          path: 'a.tap',
          content: 'TAP version 13\n# Subtest: calc\n    not ok 1 - adds\n    1..1\nnot ok 1 - calc\n1..1\n',
        },
      ],
      js,
    );
    expect(tests).toMatchObject({ passed: 0, failed: 1 });
  });

  it('are found in the log between other lines', async () => {
    const tap = await collectReports([], node, { log: reportFixture('tap/npm-test.txt') });
    expect(tap.tests).toMatchObject({ formats: ['tap'], passed: 3, failed: 4, skipped: 2 });
    const jest = await collectReports([], js, { log: reportFixture('jest/npm-test.txt') });
    expect(jest.tests).toMatchObject({ formats: ['jest'], passed: 2, failed: 3, skipped: 2 });
    const goLog = `go: downloading\n${reportFixture('go/go-test.json').toString()}exit status 1\n`;
    const go = await collectReports([], node, { log: goLog });
    expect(go.tests).toMatchObject({ formats: ['go'], passed: 3, failed: 3, skipped: 1 });
  });

  it('are not found in a log that only looks like one', async () => {
    const log =
      'ok 1 of 3 checks\n1..3\n{"Action": 1}\n{"numTotalTestSuites": oops "numTotalTests": "testResults": [}\n';
    expect(await collectReports([], node, { log })).toEqual({ tests: null, coverage: null, notes: [] });
  });

  it('count the same run on stdout and in a file once', async () => {
    const { tests } = await collectReports([file('junit.xml', 'junit/node-20.xml')], node, {
      log: reportFixture('tap/npm-test.txt'),
    });
    expect(tests).toMatchObject({ formats: ['tap', 'junit'], passed: 3, failed: 4, skipped: 2 });
  });

  it('name no path of the workspace', async () => {
    const { tests } = await collectReports([file('a.tap', 'tap/node-20.tap')], node);
    expect(JSON.stringify(tests)).not.toContain('/workspace/node');
    expect(tests!.cases[0]).toMatchObject({
      name: 'test/broken.test.mjs',
      file: 'test/broken.test.mjs',
      line: 1,
    });
  });

  it('are nothing where there are none', async () => {
    expect(await collectReports([], js)).toEqual({ tests: null, coverage: null, notes: [] });
  });

  it('note what could not be read, and other files only where the project named them', async () => {
    const files = [
      { path: 'reports/broken.xml', content: '<testsuite name="a">' },
      { path: 'reports/index.json', content: '{"name":"no report"}' },
    ];
    const broken = "The report reports/broken.xml can't be read: it ends in the middle.";
    expect((await collectReports(files, js)).notes).toEqual([broken]);
    const named = await collectReports(files, js, { named: true });
    expect(named.notes).toHaveLength(2);
    expect(named.notes[1]).toMatch(
      /^The report reports\/index.json can't be read: it is in no format known here/,
    );
  });
});

describe('findings', () => {
  it('are the failed tests at their file and line', async () => {
    const { tests } = await collectReports([file('jest.json', 'jest/jest.json')], js);
    expect(findingsOf(tests!)).toEqual([
      expect.objectContaining({
        source: 'jest',
        severity: 'failure',
        title: 'calc › adds & compares <things>',
        path: 'test/calc.test.js',
        startLine: 9,
        endLine: 9,
        message: expect.stringContaining('-   "sum": 4'),
        details: expect.stringContaining('at Object.toEqual (test/calc.test.js:9:32)'),
      }),
      expect.objectContaining({ title: 'calc › divide › throws from the source', startLine: 14 }),
      expect.objectContaining({
        title: 'broken.test.js (the file itself failed)',
        path: 'test/broken.test.js',
        startLine: 1,
      }),
    ]);
  });

  it('are bounded whatever the report holds', async () => {
    const content = `<testsuite name="${'s'.repeat(5000)}"><testcase name="${'n'.repeat(5000)}"><failure message="${'m'.repeat(100_000)}">${'d'.repeat(1_000_000)}</failure></testcase></testsuite>`;
    const { tests } = await collectReports([{ path: 'a.xml', content }], js);
    const [finding] = findingsOf(tests!);
    expect(finding!.title.length).toBeLessThanOrEqual(255);
    expect(finding!.message.length).toBeLessThanOrEqual(2_000);
    expect(finding!.details!.length).toBeLessThanOrEqual(16_000);
    expect(finding).not.toHaveProperty('path');
  });
});

describe('the slowest tests', () => {
  it('come first, and unknown ones not at all', () => {
    const test = (name: string, durationMs: number | null) => ({
      suite: '',
      name,
      status: 'passed' as const,
      durationMs,
    });
    const cases = [test('a', 1), test('b', null), test('c', 30), test('d', 2)];
    const report = { formats: ['tap'], passed: 4, failed: 0, skipped: 0, durationMs: null, cases, notes: [] };
    expect(slowest(report, 2).map(({ name }) => name)).toEqual(['c', 'd']);
    expect(report.cases[0]!.name).toBe('a');
  });
});

describe('coverage', () => {
  it('of two reports of one run is counted once, and over the changed lines apart', async () => {
    const changedLines = new Map([
      ['src/calc.js', new Set([3, 4, 5])],
      ['other.js', new Set([1])],
    ]);
    const { coverage } = await collectReports(
      [
        file('coverage/lcov.info', 'lcov/jest.info'),
        file('coverage/cobertura-coverage.xml', 'cobertura/jest.xml'),
      ],
      js,
      { changedLines: () => Promise.resolve(changedLines) },
    );
    expect(coverage).toEqual({
      formats: ['lcov', 'cobertura'],
      coveredLines: 4,
      totalLines: 6,
      percent: 66.66,
      changedPercent: 50,
    });
  });

  it('maps paths that are relative to a source folder', async () => {
    const { coverage } = await collectReports(
      [file('coverage.xml', 'cobertura/coverage-py.xml')],
      {
        workspace: '/workspace/py',
        files: new Set(['calc.py', 'shop/calc.py']),
      },
      { changedLines: () => Promise.resolve(new Map([['shop/calc.py', new Set([7])]])) },
    );
    expect(coverage).toMatchObject({ percent: 75, changedPercent: 0 });
  });

  it('of no line and of no changed line is not known', async () => {
    const { coverage } = await collectReports([file('lcov.info', 'lcov/jest.info')], {
      workspace: '/workspace/js',
      files: new Set(),
    });
    expect(coverage).toMatchObject({ totalLines: 0, percent: null, changedPercent: null });
  });
});
