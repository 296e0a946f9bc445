/** What every format in this folder takes and gives. */
import type { FileCoverage, TestReport } from '../domain/test-report.js';

/** A file that a stage left behind. */
export interface ReportFile {
  /** Relative to the workspace. */
  path: string;
  content: Buffer | string;
}

export interface ParsedTests {
  kind: 'tests';
  report: TestReport;
}

export interface ParsedCoverage {
  kind: 'coverage';
  format: string;
  files: FileCoverage[];
  /** Folders that the files' paths may be relative to, as the report names them. */
  roots: string[];
}

export type ParsedReport = ParsedTests | ParsedCoverage;

/** One report format: a pure reader and its recogniser. */
export interface Format {
  /** Whether a text is in this format, told from its content alone; cheap, and never throws. */
  recognise(text: string): boolean;
  /** Throws an Error whose message ends the sentence "The report can't be read: …". */
  read(content: Buffer | string): ParsedReport;
}

/** A report file is damaged, hostile, too big, or no report at all. The pull request's doing, never ours. */
export class UnreadableReport extends Error {
  override name = 'UnreadableReport';
  /** False when the file is in no format that we know: matched by a glob, but perhaps no report. */
  readonly recognised: boolean;

  constructor(
    readonly path: string,
    readonly reason: string,
    { recognised = true }: { recognised?: boolean } = {},
  ) {
    super(`The report ${path} can't be read: ${reason}.`);
    this.recognised = recognised;
  }
}

export const LIMITS = {
  /** Bytes of one file; a report of 20,000 tests is about 5 MB. */
  fileBytes: 50 * 1024 ** 2,
  /** Bytes of all files of one stage together. */
  totalBytes: 150 * 1024 ** 2,
  files: 5_000,
  /** Listed tests that did not fail; all are counted. */
  cases: 50_000,
  /** Listed tests that failed; all are counted. */
  failures: 5_000,
  /** Characters. */
  name: 500,
  message: 2_000,
  details: 16_000,
  /** Characters of details of all tests of one report together. */
  allDetails: 4 * 1024 ** 2,
  coveredFiles: 20_000,
  coveredLines: 1_000_000,
} as const;
