import type { TestCase, TestReport } from '../../domain/test-report.js';
import { fullName } from '../../domain/test-report.js';
import { findingsOf } from '../../reports/findings.js';
import { runCommand } from '../command.js';
import type { PipelineRun, Stage, StageResult } from '../stage.js';
import { collectTestResults } from '../test-results.js';

/** Runs the tests, again where they failed and `test_retries` allows, and reads the reports of every run. */
export const test: Stage = {
  name: 'test',
  needs: ['setup'],
  async run(run) {
    const script = run.commands.test;
    if (!script) return { conclusion: 'skipped', summary: 'No test commands' };
    const { network, test_retries: retries } = run.spec.settings;
    const reports: TestReport[] = [];
    let result = await runTests(run, script, network, reports);
    let again = 0;
    while (result.conclusion === 'failure' && again < retries) {
      again++;
      result = await runTests(run, script, network, reports);
    }
    if (again > 0)
      run.results.notes.push(`The tests were run ${again + 1} times, because they failed at first.`);

    run.results.tests = markFlaky(reports);
    if (run.results.tests) run.results.findings.push(...findingsOf(run.results.tests));
    return judge(run, result);
  },
};

async function runTests(
  run: PipelineRun,
  script: string,
  network: 'shared' | 'none',
  reports: TestReport[],
): Promise<StageResult> {
  const result = await runCommand(run, 'test', script, { network });
  const { tests, coverage, notes } = await collectTestResults(run);
  if (tests) reports.push(tests);
  run.results.coverage = coverage;
  run.results.notes.push(...notes.filter((note) => !run.results.notes.includes(note)));
  return result;
}

/** The last report, in which tests that failed in an earlier one and pass now are marked. */
function markFlaky(reports: TestReport[]): TestReport | null {
  const last = reports.at(-1);
  if (!last) return null;
  const failedBefore = new Set(
    reports
      .slice(0, -1)
      .flatMap(({ cases }) => cases.filter(({ status }) => status === 'failed').map(fullName)),
  );
  const passedBefore = new Set(
    reports
      .slice(0, -1)
      .flatMap(({ cases }) => cases.filter(({ status }) => status === 'passed').map(fullName)),
  );
  const cases = last.cases.map((testCase): TestCase => {
    const name = fullName(testCase);
    if (testCase.status === 'passed' && failedBefore.has(name)) return { ...testCase, flaky: true };
    // A test of the same name may have failed and another passed: then neither is told from the other.
    if (testCase.status === 'failed' && passedBefore.has(name) && !failedBefore.has(name))
      return { ...testCase, blame: 'flaky' };
    return testCase;
  });
  return { ...last, cases };
}

/** What the reports say, where the exit code alone says less. */
function judge({ results, spec }: PipelineRun, result: StageResult): StageResult {
  const { tests, coverage } = results;
  const { min_coverage: minimum } = spec.settings;
  if (result.conclusion === 'failure' && tests && tests.failed > 0)
    return {
      conclusion: 'failure',
      summary: `${tests.failed} of ${tests.failed + tests.passed} tests failed`,
    };
  if (result.conclusion !== 'success') return result;
  if (minimum !== null && typeof coverage?.percent === 'number' && coverage.percent < minimum)
    return {
      conclusion: 'failure',
      summary: `Coverage is ${coverage.percent} %, less than min_coverage ${minimum} %`,
    };
  if (!tests) return result;
  const flaky = tests.cases.filter((testCase) => testCase.flaky).length;
  const parts = [
    `${tests.passed} passed`,
    tests.skipped && `${tests.skipped} skipped`,
    flaky && `${flaky} flaky`,
  ];
  return { conclusion: 'success', summary: parts.filter(Boolean).join(', ') };
}
