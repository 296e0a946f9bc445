/** Whose failures and which change of the scores: a pipeline's results beside those of the base branch. */
import type { Finding, PipelineResults, ValidationResult } from '../domain/pipeline.js';
import { fullName, type Blame, type TestCase, type TestReport } from '../domain/test-report.js';
import { clip } from '../reports/text.js';

export interface Comparison {
  /** Of the base branch: of the sha that the pull request builds on, or the last one known; newest first. */
  base: { sha: string; results: PipelineResults[] } | null;
  /** Earlier results of the very sha that was validated. */
  sameSha: PipelineResults[];
}

/** Writes into `results` what comparing them tells. Safe to do again, with better knowledge. */
export function compare(results: PipelineResults, { base, sameSha }: Comparison): void {
  if (base) results.baseline = { sha: base.sha };
  const baseResults = base?.results ?? [];
  const { tests } = results;
  if (tests) {
    const onBase = outcomesOf(baseResults);
    const here = outcomesOf(sameSha);
    const blames = new Map<string, Blame>();
    for (const test of tests.cases) {
      if (test.status !== 'failed') continue;
      const blame = blameOf(test, onBase, here);
      if (blame === undefined) continue;
      test.blame = blame;
      blames.set(titleOf(test), blame);
    }
    for (const finding of results.findings) {
      const blame = isOfTests(finding, tests) ? blames.get(finding.title) : undefined;
      if (blame !== undefined) finding.blame = blame;
    }
  }
  blameFindings(results, baseResults[0] ?? null);
  for (const validation of results.validations) {
    const before = scoresBefore(validation, baseResults);
    if (validation.scores && before) validation.baseScores = before;
  }
  const coverage = baseResults.find((each) => each.coverage)?.coverage;
  if (results.coverage && coverage) results.coverage.basePercent = coverage.percent;
}

/** How often a test, by its whole name, passed and failed in runs of one sha. */
interface Outcomes {
  passed: Set<string>;
  failed: Set<string>;
  /** Whether there was any report at all. */
  known: boolean;
}

function outcomesOf(all: readonly PipelineResults[]): Outcomes {
  const outcomes: Outcomes = { passed: new Set(), failed: new Set(), known: false };
  for (const { tests } of all) {
    if (!tests) continue;
    outcomes.known = true;
    // Of several tests of one name in a report, one that failed is what counts.
    const failed = new Set(tests.cases.filter(({ status }) => status === 'failed').map(fullName));
    for (const test of tests.cases) {
      const name = fullName(test);
      if (failed.has(name)) outcomes.failed.add(name);
      else if (test.status === 'passed') outcomes.passed.add(name);
      // It failed first and passed when run again.
      if (test.flaky && test.status === 'passed') outcomes.failed.add(name);
    }
  }
  return outcomes;
}

function blameOf(test: TestCase, onBase: Outcomes, here: Outcomes): Blame | undefined {
  const name = fullName(test);
  // Told by the retries of this very run.
  if (test.blame === 'flaky') return 'flaky';
  if (here.passed.has(name) || (onBase.passed.has(name) && onBase.failed.has(name))) return 'flaky';
  if (onBase.failed.has(name)) return 'base';
  return onBase.known ? 'new' : undefined;
}

/** As findings of tests are titled. */
const titleOf = (test: TestCase): string => clip(fullName(test).replace(/\s+/g, ' '), 255);

const isOfTests = (finding: Finding, tests: TestReport): boolean =>
  finding.source === tests.formats.join(', ');

/** Findings of validators that looked at the base branch as well. */
function blameFindings(results: PipelineResults, base: PipelineResults | null): void {
  if (!base || base.validations.length === 0) return;
  const key = ({ source, title, path, message }: Finding) => [source, title, path, message].join('\0');
  const known = new Set(base.findings.map(key));
  for (const finding of results.findings) {
    if (finding.source !== 'axe' && finding.source !== 'lighthouse') continue;
    finding.blame = known.has(key(finding)) ? 'base' : 'new';
  }
}

function scoresBefore(
  { validator }: ValidationResult,
  base: readonly PipelineResults[],
): Record<string, number> | undefined {
  return base
    .flatMap(({ validations }) => validations)
    .find((validation) => validation.validator === validator && validation.scores)?.scores;
}
