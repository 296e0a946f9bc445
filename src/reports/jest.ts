/** `jest --json`, and vitest's JSON reporter, which follows it. */
import type { TestStatus } from '../domain/test-report.js';
import type { Format } from './contract.js';
import { isRecord, parseJson, recordsOf, textOf, textsOf } from './json.js';
import { TestList, sum } from './test-list.js';
import { decode, messageFrom, validLine, validMs } from './text.js';

export const jest: Format = {
  recognise: (text) =>
    /^\s*\{/.test(text.slice(0, 1000)) &&
    /"numTotalTests"\s*:/.test(text) &&
    /"testResults"\s*:\s*\[/.test(text),
  read(content) {
    const document = parseJson(decode(content));
    if (!isRecord(document) || !Array.isArray(document.testResults)) throw new Error('it has no testResults');
    const list = new TestList('jest');
    const files = recordsOf(document.testResults);
    for (const file of files) addFile(list, file);
    const times = files.map((file) => validMs(Number(file.endTime) - Number(file.startTime)));
    return { kind: 'tests', report: list.report(sum(times)) };
  },
};

function addFile(list: TestList, result: Record<string, unknown>): void {
  const file = textOf(result.name);
  const tests = recordsOf(result.assertionResults);
  for (const test of tests) addTest(list, test, file);
  // A file that broke before its first test: a syntax error, a missing import.
  if (tests.length === 0 && result.status === 'failed') {
    const details = textOf(result.message) ?? '';
    list.add({
      suite: '',
      name: `${file?.split(/[/\\]/).at(-1) ?? 'A test file'} (the file itself failed)`,
      status: 'failed',
      durationMs: null,
      file,
      message: messageFrom(details.replace(/^\s*● Test suite failed to run\s*/, '').trim()),
      details,
    });
  }
}

function addTest(list: TestList, test: Record<string, unknown>, file: string | undefined): void {
  const status = statusOf(test.status);
  const location = isRecord(test.location) ? test.location : {};
  const failures = textsOf(test.failureMessages);
  list.add({
    suite: textsOf(test.ancestorTitles),
    name: textOf(test.title) ?? textOf(test.fullName) ?? '',
    status,
    durationMs: validMs(test.duration),
    file,
    line: validLine(location.line),
    // `jest.retryTimes`
    flaky: Number(test.invocations) > 1,
    ...(status === 'failed' && {
      message: messageFrom(failures[0] ?? ''),
      details: failures.slice(0, 10).join('\n\n'),
    }),
  });
}

function statusOf(status: unknown): TestStatus {
  if (status === 'failed') return 'failed';
  // "focused" is an old name of a test that passed under test.only.
  return status === 'passed' || status === 'focused' ? 'passed' : 'skipped';
}
