import { readFileSync } from 'node:fs';
import type { FileCoverage, TestReport } from '../../src/domain/test-report.js';
import { readReport } from '../../src/reports/index.js';

/** The bytes of a file in test/fixtures/reports. */
export function reportFixture(name: string): Buffer {
  return readFileSync(new URL(`../fixtures/reports/${name}`, import.meta.url));
}

export function testsIn(name: string, content: Buffer | string = reportFixture(name)): TestReport {
  const parsed = readReport(name, content);
  if (parsed.kind !== 'tests') throw new Error(`${name} holds coverage, not tests`);
  return parsed.report;
}

export function coverageIn(name: string, content: Buffer | string = reportFixture(name)): FileCoverage[] {
  const parsed = readReport(name, content);
  if (parsed.kind !== 'coverage') throw new Error(`${name} holds tests, not coverage`);
  return parsed.files;
}

/** "failed calc › adds" for every case, in order. */
export function outline(report: TestReport): string[] {
  return report.cases.map(
    (test) =>
      `${test.flaky ? 'flaky' : test.status} ${test.suite === '' ? '' : `${test.suite} › `}${test.name}`,
  );
}
