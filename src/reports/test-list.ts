import { SUITE_SEPARATOR, type TestCase, type TestReport, type TestStatus } from '../domain/test-report.js';
import { LIMITS } from './contract.js';
import { bounded } from './text.js';

const NOT_ALL_LISTED = 'There are too many tests to list them all; all are counted.';

/** A test as a format's reader finds it: nothing bounded or cleaned yet. */
export interface FoundTest {
  suite: string | string[];
  name: string;
  status: TestStatus;
  durationMs: number | null;
  file?: string | undefined;
  line?: number | undefined;
  message?: string | undefined;
  details?: string | undefined;
  flaky?: boolean | undefined;
}

/** Collects the tests of one report within LIMITS: every test is counted, not every one is listed. */
export class TestList {
  readonly #format: string;
  readonly #counts = { passed: 0, failed: 0, skipped: 0 };
  readonly #cases: TestCase[] = [];
  readonly #notes: string[] = [];
  #listed = { failed: 0, other: 0 };
  #details = 0;

  constructor(format: string) {
    this.#format = format;
  }

  get size(): number {
    return this.#counts.passed + this.#counts.failed + this.#counts.skipped;
  }

  note(note: string): void {
    this.#notes.push(note);
  }

  add(found: FoundTest): void {
    this.#counts[found.status] += 1;
    const kind = found.status === 'failed' ? 'failed' : 'other';
    if (this.#listed[kind] >= (kind === 'failed' ? LIMITS.failures : LIMITS.cases)) return;
    this.#listed[kind] += 1;
    const suite = typeof found.suite === 'string' ? [found.suite] : found.suite;
    const test: TestCase = {
      suite: bounded(suite.filter((part) => part.trim() !== '').join(SUITE_SEPARATOR), LIMITS.name),
      name: bounded(found.name, LIMITS.name) || '(no name)',
      status: found.status,
      durationMs: found.durationMs,
    };
    if (found.file) test.file = bounded(found.file, 1000);
    if (found.line !== undefined) test.line = found.line;
    if (found.message) test.message = bounded(found.message, LIMITS.message);
    if (found.details && this.#details < LIMITS.allDetails) {
      test.details = bounded(found.details, LIMITS.details);
      this.#details += test.details.length;
    }
    if (found.flaky && found.status === 'passed') test.flaky = true;
    this.#cases.push(test);
  }

  /** `durationMs`: of the whole run; where the format doesn't say, the sum of the listed tests is given. */
  report(durationMs: number | null): TestReport {
    const notes = [...this.#notes];
    if (this.#cases.length < this.size) notes.push(NOT_ALL_LISTED);
    return {
      formats: [this.#format],
      ...this.#counts,
      durationMs: durationMs ?? sum(this.#cases.map((test) => test.durationMs)),
      cases: this.#cases,
      notes,
    };
  }
}

/** Keeps the tests of several reports together within LIMITS, as TestList does those of one. */
export class ListingBudget {
  readonly #left: { failed: number; other: number } = { failed: LIMITS.failures, other: LIMITS.cases };

  /** The report without the tests that no longer fit; its counts stay. */
  fit(report: TestReport): TestReport {
    const cases = report.cases.filter((test) => {
      const kind = test.status === 'failed' ? 'failed' : 'other';
      if (this.#left[kind] === 0) return false;
      this.#left[kind] -= 1;
      return true;
    });
    if (cases.length === report.cases.length) return report;
    return { ...report, cases, notes: [...report.notes, NOT_ALL_LISTED] };
  }
}

/** The sum of what is known; null when nothing is. */
export function sum(durations: (number | null)[]): number | null {
  const known = durations.filter((duration) => duration !== null);
  if (known.length === 0) return null;
  return Math.round(known.reduce((total, duration) => total + duration, 0) * 1000) / 1000;
}
