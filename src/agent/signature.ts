import { createHash } from 'node:crypto';
import stripAnsi from 'strip-ansi';
import type { PipelineResults, StageRecord } from '../domain/pipeline.js';

/**
 * A stable name (32 hex digits) for what failed: two pipelines with the same one failed in the same way. It is
 * made of the failed stages and the names of the failed tests; without failed tests, of the failures found and
 * the last error lines of the log (of the stages' summaries where no log is given), all without what differs
 * from run to run: times, absolute paths, numbers. Null where nothing failed.
 */
export function failureSignature(
  results: PipelineResults,
  stages: readonly StageRecord[],
  logTail = '',
): string | null {
  const failed = stages.filter(isFailed);
  if (failed.length === 0) return null;
  const tests = failedTests(results);
  const parts =
    tests.length > 0
      ? { tests: unique(tests) }
      : {
          findings: unique(
            results.findings
              .filter((finding) => finding.severity === 'failure')
              .map((finding) =>
                [finding.source, finding.path ?? '', finding.title, finding.message].map(normalise).join('|'),
              ),
          ),
          log: errorLines(logTail || failed.map((stage) => stage.summary).join('\n')),
        };
  const what = { stages: failed.map((stage) => `${stage.name} ${stage.conclusion}`), ...parts };
  return createHash('sha256').update(JSON.stringify(what)).digest('hex').slice(0, 32);
}

interface Failure {
  results: PipelineResults;
  stages: readonly StageRecord[];
}

/** Whether tests are all that failed, and every one of them failed in the other one too, which may have more. */
export function failsWithin(one: Failure, other: Failure): boolean {
  const failed = one.stages.filter(isFailed);
  if (failed.length === 0 || failed.some(({ name }) => name !== 'test')) return false;
  const tests = failedTests(one.results);
  const known = new Set(failedTests(other.results));
  return tests.length > 0 && tests.every((test) => known.has(test));
}

const isFailed = ({ conclusion }: StageRecord): boolean =>
  conclusion === 'failure' || conclusion === 'timed_out';

const failedTests = ({ tests }: PipelineResults): string[] =>
  (tests?.cases ?? [])
    .filter(({ status }) => status === 'failed')
    .map(({ suite, name }) => `${suite} › ${name}`);

const ERROR =
  /\b(?:error|errors|err!|failed|failure|fatal|panic|exception|cannot|can't|not found|undefined|denied|refused|assert\w*)\b|error:/i;

/** The last five lines that speak of an error, or else the last three. */
function errorLines(log: string): string[] {
  const lines = stripAnsi(log.slice(-65_536))
    .split(/\r?\n/)
    .map(normalise)
    .filter((line) => line !== '');
  const errors = lines.filter((line) => ERROR.test(line));
  return errors.length > 0 ? errors.slice(-5) : lines.slice(-3);
}

function normalise(text: string): string {
  return (
    text
      .toLowerCase()
      // temporary files have random names, other absolute paths a random beginning
      .replace(/\/(?:tmp|var\/folders)\/[^\s:;,'"`()]+/g, '<path>')
      .replace(/(?<![\w.<~])(?:[a-z]:)?(?:[/\\][\w.@+-]+)+[/\\]([\w.@+-]+)/g, '$1')
      .replace(/\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g, '#')
      .replace(/\b(?=[a-f]*\d)[0-9a-f]{7,}\b/g, '#')
      .replace(/\d[\d.,:_]*(?:\s?(?:ms|s|sec|min|m|h|kb|mb|gb|%)\b)?/g, '#')
      .replace(/\s+/g, ' ')
      .trim()
  );
}

const unique = (values: string[]): string[] => [...new Set(values)].sort();
