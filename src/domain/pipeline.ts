/**
 * The vocabulary of a validation pipeline. Status and conclusion are GitHub's pair with GitHub's values,
 * so nothing has to be translated on its way to a check run.
 */
import type { Blame, CoverageReport, TestReport } from './test-report.js';

export const STAGE_NAMES = ['clone', 'setup', 'deploy', 'validate', 'test', 'report'] as const;
export type StageName = (typeof STAGE_NAMES)[number];

export const PIPELINE_STATUSES = ['queued', 'in_progress', 'completed'] as const;
export type PipelineStatus = (typeof PIPELINE_STATUSES)[number];

export const CONCLUSIONS = [
  'success',
  'failure',
  'cancelled',
  'timed_out',
  'action_required',
  'skipped',
  'neutral',
] as const;
export type Conclusion = (typeof CONCLUSIONS)[number];

/** A stage ends with the subset of GitHub's conclusions that makes sense for a part of a pipeline. */
export type StageConclusion = Extract<
  Conclusion,
  'success' | 'failure' | 'cancelled' | 'timed_out' | 'skipped' | 'neutral'
>;

/** One stage as it is stored, shown on the check and answered by the API. */
export interface StageRecord {
  name: StageName;
  status: PipelineStatus;
  conclusion: StageConclusion | null;
  startedAt: Date | null;
  completedAt: Date | null;
  /** One line for the stage table, plain text. */
  summary: string;
}

export const SEVERITIES = ['notice', 'warning', 'failure'] as const;
export type Severity = (typeof SEVERITIES)[number];

/** One reported problem. `path` is relative to the repository's root; lines count from 1. */
export interface Finding {
  /** Who found it: a stage's or validator's name, or a report format. */
  source: string;
  severity: Severity;
  title: string;
  message: string;
  path?: string;
  startLine?: number;
  endLine?: number;
  /** Further detail for whoever unfolds it: a diff, a stack. */
  details?: string;
  /** Absent where there is nothing to compare with. */
  blame?: Blame;
}

/** What one validator measured; kept on the pipeline and compared with the base branch's. */
export interface ValidationResult {
  validator: string;
  conclusion: StageConclusion;
  summary: string;
  /** Named scores from 0 to 100, e.g. accessibility. */
  scores?: Record<string, number>;
  /** The same scores of the base branch's last result, where known. */
  baseScores?: Record<string, number>;
  facts?: Record<string, string | number | boolean | null>;
}

/** The end of the output of the stage that failed. */
export interface LogTail {
  stage: StageName;
  /** The script that ran. */
  command: string;
  text: string;
  /** Lines before `text` that are only in the full log. */
  omittedLines: number;
}

/** Everything a pipeline found out, in the form in which it is stored and reported. */
export interface PipelineResults {
  findings: Finding[];
  validations: ValidationResult[];
  tests: TestReport | null;
  coverage: CoverageReport | null;
  logTail: LogTail | null;
  /** Remarks for the report that are no findings, e.g. which commands were detected. */
  notes: string[];
  /** The base branch's commit that failures and scores were compared with; absent where with none. */
  baseline?: { sha: string };
}

export const emptyResults = (): PipelineResults => ({
  findings: [],
  validations: [],
  tests: null,
  coverage: null,
  logTail: null,
  notes: [],
});
