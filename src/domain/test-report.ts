/** What the readers in reports/ make of a test tool's output, whatever its format. */

export type TestStatus = 'passed' | 'failed' | 'skipped';

/**
 * Whose failure it is, where the base branch's results tell: `new` with this pull request, on the `base` branch
 * as well, or `flaky` (both results were seen on one sha).
 */
export type Blame = 'new' | 'base' | 'flaky';

export interface TestCase {
  /** Suite, class or describe path, outermost first, joined by " › "; empty where the format has none. */
  suite: string;
  name: string;
  status: TestStatus;
  durationMs: number | null;
  /** As the report names it; once collected, relative to the repository's root, or absent. */
  file?: string;
  /** Counts from 1. Once collected: where the test failed, otherwise where it begins. */
  line?: number;
  /** First lines of why it failed, plain text. */
  message?: string;
  /** Stack, diff or output. */
  details?: string;
  /** Failed at first and passed when run again. */
  flaky?: boolean;
  /** Of a failed case; absent where there is nothing to compare with. */
  blame?: Blame;
}

export interface TestReport {
  /** Names of the formats it was read from, e.g. ["junit"]. */
  formats: string[];
  passed: number;
  failed: number;
  skipped: number;
  /** Of the whole run where the report says so. */
  durationMs: number | null;
  /** May hold fewer than were counted; `notes` says so then. */
  cases: TestCase[];
  /** What a reader of the numbers should know: cases left out, tests planned but never run. */
  notes: string[];
}

/** Between the parts of `TestCase.suite`. */
export const SUITE_SEPARATOR = ' › ';

/** A test's whole name, e.g. "calc › divide › throws"; what people call it by. */
export function fullName(test: Pick<TestCase, 'suite' | 'name'>): string {
  return test.suite === '' ? test.name : `${test.suite}${SUITE_SEPARATOR}${test.name}`;
}

/** Line coverage of one file: 1-based line number to hit count. */
export interface FileCoverage {
  path: string;
  lines: Map<number, number>;
}

export interface CoverageReport {
  formats: string[];
  coveredLines: number;
  totalLines: number;
  /** 0 to 100, two decimals; null when there is no line to cover. */
  percent: number | null;
  /** The same over the lines that the pull request changed; null where not known or none can be covered. */
  changedPercent: number | null;
  /** `percent` of the base branch's last result; absent or null where not known. */
  basePercent?: number | null;
}
