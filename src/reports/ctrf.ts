/** Common Test Report Format, https://ctrf.io. */
import type { TestStatus } from '../domain/test-report.js';
import type { Format } from './contract.js';
import { parseJson, isRecord, textOf } from './json.js';
import { TestList } from './test-list.js';
import { decode, validLine, validMs } from './text.js';

export const ctrf: Format = {
  recognise: (text) =>
    /^\s*\{/.test(text.slice(0, 1000)) &&
    (/"reportFormat"\s*:\s*"CTRF"/.test(text) ||
      // Reports from before the format had a name.
      (/"tool"\s*:\s*\{/.test(text) && /"summary"\s*:\s*\{/.test(text) && /"tests"\s*:\s*\[/.test(text))),
  read(content) {
    const document = parseJson(decode(content));
    const results = isRecord(document) ? document.results : undefined;
    if (!isRecord(results) || !Array.isArray(results.tests)) throw new Error('it has no results.tests');
    const list = new TestList('ctrf');
    for (const test of results.tests as unknown[]) if (isRecord(test)) addTest(list, test);
    const summary = isRecord(results.summary) ? results.summary : {};
    return { kind: 'tests', report: list.report(validMs(Number(summary.stop) - Number(summary.start))) };
  },
};

function addTest(list: TestList, test: Record<string, unknown>): void {
  const status = statusOf(test.status);
  const file = textOf(test.filePath);
  const suite = suiteOf(test.suite, file);
  const name = textOf(test.name) ?? '';
  // jest-ctrf-json-reporter repeats the describes in the name.
  const prefix = suite.length === 0 ? '' : `${suite.join(' ')} `;
  const message = textOf(test.message)?.trim();
  const trace = textOf(test.trace);
  list.add({
    suite,
    name: prefix !== '' && name.startsWith(prefix) ? name.slice(prefix.length) : name,
    status,
    durationMs: validMs(test.duration),
    file,
    line: validLine(test.line),
    flaky: test.flaky === true,
    ...(status === 'failed' && {
      message,
      details: trace && message && !trace.includes(message) ? `${message}\n${trace}` : (trace ?? message),
    }),
  });
}

function statusOf(status: unknown): TestStatus {
  if (status === 'passed' || status === 'failed') return status;
  // "other" is what reporters write for todo and the like.
  return 'skipped';
}

/** A list of names, or in older reports one text joined by " > ", perhaps with the file's name in front. */
function suiteOf(suite: unknown, file: string | undefined): string[] {
  const parts = Array.isArray(suite)
    ? suite.filter((part) => typeof part === 'string')
    : (textOf(suite)?.split(' > ') ?? []);
  const first = parts[0];
  return first !== undefined && file !== undefined && (file === first || file.endsWith(`/${first}`))
    ? parts.slice(1)
    : parts;
}
