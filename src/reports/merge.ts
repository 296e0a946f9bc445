/** Several reports of one stage as one. */
import type { TestCase, TestReport, TestStatus } from '../domain/test-report.js';
import { sum } from './test-list.js';

/** The format that says most about a test comes first; what another one adds is kept. */
const BY_DETAIL = ['jest', 'go', 'tap', 'trx', 'junit', 'ctrf'];

const SEVERITY: TestStatus[] = ['passed', 'skipped', 'failed'];

/** Same name, and as many files looked at: more would make a hostile report expensive. */
const SAME_NAME_LOOKED_AT = 20;

/**
 * One report of all. A test that two formats report under one name, and not for different files, is one test:
 * failed if either says so. Within a format nothing is merged, since two files may well hold tests of the same
 * name (packages of a monorepo). Null when there is no report.
 */
export function mergeTests(reports: TestReport[]): TestReport | null {
  if (reports.length === 0) return null;
  const byFormat = new Map<string, TestReport[]>();
  for (const report of reports) {
    const format = report.formats.join();
    byFormat.set(format, [...(byFormat.get(format) ?? []), report]);
  }
  const order = [...byFormat].sort(([a], [b]) => BY_DETAIL.indexOf(a) - BY_DETAIL.indexOf(b));
  const merged: TestReport = {
    formats: order.map(([format]) => format),
    passed: 0,
    failed: 0,
    skipped: 0,
    durationMs: null,
    cases: [],
    notes: [...new Set(reports.flatMap((report) => report.notes))],
  };
  for (const [, group] of order) {
    const known = byName(merged.cases);
    for (const report of group) {
      for (const status of SEVERITY) merged[status] += report[status];
      for (const test of report.cases) {
        const same = takeSame(known, test);
        if (same) absorb(merged, same, test);
        else merged.cases.push({ ...test });
      }
    }
    // Formats describe the same run side by side; files of one format describe parts of it.
    const duration = sum(group.map((report) => report.durationMs));
    if (duration !== null) merged.durationMs = Math.max(merged.durationMs ?? 0, duration);
  }
  return merged;
}

/** The words of suite and name, which formats join differently. */
const words = (test: TestCase): string => `${test.suite} ${test.name}`.replace(/[\s›>]+/g, ' ').trim();

function byName(cases: TestCase[]): Map<string, TestCase[]> {
  const known = new Map<string, TestCase[]>();
  for (const test of cases) {
    const key = words(test);
    const same = known.get(key);
    if (same) same.push(test);
    else known.set(key, [test]);
  }
  return known;
}

/** The test of another format that this one is, each taken once. */
function takeSame(known: Map<string, TestCase[]>, test: TestCase): TestCase | null {
  const same = known.get(words(test)) ?? [];
  const at = same.slice(0, SAME_NAME_LOOKED_AT).findIndex((other) => mayBeSame(other, test));
  return at < 0 ? null : (same.splice(at, 1)[0] ?? null);
}

/** Of a failed test the file may be the one that it failed in, which formats know more or less of. */
function mayBeSame(a: TestCase, b: TestCase): boolean {
  if (a.file === undefined || b.file === undefined || a.file === b.file) return true;
  return a.status === 'failed' && b.status === 'failed';
}

function absorb(report: TestReport, into: TestCase, test: TestCase): void {
  report[into.status] -= 1;
  report[test.status] -= 1;
  if (SEVERITY.indexOf(test.status) > SEVERITY.indexOf(into.status)) into.status = test.status;
  report[into.status] += 1;
  into.durationMs ??= test.durationMs;
  into.message ??= test.message;
  into.details ??= test.details;
  if (into.file === undefined || (into.line === undefined && into.file === test.file)) {
    if (test.file !== undefined) into.file = test.file;
    if (test.line !== undefined) into.line = test.line;
  }
  if (into.status === 'passed' && test.flaky) into.flaky = true;
  if (into.status !== 'passed') delete into.flaky;
}
