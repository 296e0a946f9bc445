/** What a merged test report tells its readers. */
import type { Finding } from '../domain/pipeline.js';
import { fullName, type TestCase, type TestReport } from '../domain/test-report.js';
import { clip } from './text.js';

/** GitHub's longest annotation title: https://docs.github.com/en/rest/checks/runs. */
const TITLE = 255;

/** Every failed test that is listed, as a finding at its file and line. */
export function findingsOf(report: TestReport): Finding[] {
  return report.cases.filter((test) => test.status === 'failed').map((test) => toFinding(test, report));
}

function toFinding(test: TestCase, report: TestReport): Finding {
  return {
    source: report.formats.join(', '),
    severity: 'failure',
    title: clip(fullName(test).replace(/\s+/g, ' '), TITLE),
    message: test.message ?? 'The test failed; its report does not say why.',
    ...(test.file !== undefined && { path: test.file }),
    ...(test.file !== undefined && test.line !== undefined && { startLine: test.line, endLine: test.line }),
    ...(test.details !== undefined && { details: test.details }),
  };
}

/** The `count` tests that took longest, longest first; those of unknown duration are left out. */
export function slowest(report: TestReport, count: number): TestCase[] {
  return report.cases
    .filter((test) => test.durationMs !== null)
    .sort((a, b) => (b.durationMs ?? 0) - (a.durationMs ?? 0))
    .slice(0, count);
}
