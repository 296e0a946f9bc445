import type { PipelineResults } from '../domain/pipeline.js';
import type { TestCase } from '../domain/test-report.js';

/** Failed and unsteady tests by whose failure they are. */
export interface Failures {
  /** New with the pull request, or not known to be anybody else's. */
  fresh: TestCase[];
  onBase: TestCase[];
  /** Failed, but also passed on the same sha; and passed only when run again. */
  flaky: TestCase[];
  /** Whether they were compared with the base branch. */
  compared: boolean;
}

export function sortFailures(results: PipelineResults): Failures {
  const cases = results.tests?.cases ?? [];
  const failed = cases.filter((test) => test.status === 'failed');
  return {
    fresh: failed.filter((test) => test.blame === undefined || test.blame === 'new'),
    onBase: failed.filter((test) => test.blame === 'base'),
    flaky: cases.filter(
      (test) =>
        (test.status === 'failed' && test.blame === 'flaky') || (test.status === 'passed' && test.flaky),
    ),
    compared: failed.some((test) => test.blame !== undefined),
  };
}

/** "suite › name" as it is, untrusted. */
export const testTitle = (test: TestCase): string =>
  [test.suite, test.name].filter((part) => part !== '').join(' › ') || 'a test without a name';
