/** Visual Studio test results, written by `dotnet test --logger trx`. */
import type { TestStatus } from '../domain/test-report.js';
import type { Format } from './contract.js';
import { TestList } from './test-list.js';
import { decode, validMs } from './text.js';
import { child, parseXml, rootName, type XmlElement } from './xml.js';

export const trx: Format = {
  recognise: (text) => rootName(text) === 'TestRun',
  read(content) {
    const root = parseXml(decode(content));
    if (root.name !== 'TestRun') throw new Error(`it is XML of another kind (<${root.name}>)`);
    const classes = classNames(root);
    const list = new TestList('trx');
    for (const result of child(root, 'Results')?.children ?? []) addResult(list, result, classes);
    return { kind: 'tests', report: list.report(wallTime(child(root, 'Times'))) };
  },
};

/** Test id to the class that holds the method. */
function classNames(root: XmlElement): Map<string, string> {
  const names = new Map<string, string>();
  for (const test of child(root, 'TestDefinitions')?.children ?? []) {
    const className = child(test, 'TestMethod')?.attributes.className;
    // Some adapters write the assembly behind the class: "Shop.CalcTests, Shop.Tests, Version=…".
    if (test.attributes.id && className) names.set(test.attributes.id, className.split(',')[0] ?? className);
  }
  return names;
}

function addResult(list: TestList, result: XmlElement, classes: Map<string, string>): void {
  // A data-driven test holds one result per row; they are the tests, and their sum isn't one more.
  const rows = child(result, 'InnerResults')?.children ?? [];
  if (rows.length > 0) {
    for (const row of rows) addResult(list, row, classes);
    return;
  }
  const { attributes } = result;
  const status = statusOf(attributes.outcome);
  const suite = classes.get(attributes.testId ?? '') ?? '';
  const name = attributes.testName ?? '';
  const output = child(result, 'Output');
  const error = output && child(output, 'ErrorInfo');
  const message = error && child(error, 'Message')?.text.trim();
  const stack = error && child(error, 'StackTrace')?.text.trimEnd();
  list.add({
    suite,
    name: suite !== '' && name.startsWith(`${suite}.`) ? name.slice(suite.length + 1) : name,
    status,
    durationMs: clockToMs(attributes.duration),
    ...(status === 'failed' && {
      message: message || `The outcome is ${attributes.outcome ?? 'missing'}.`,
      details: [message, stack].filter(Boolean).join('\n'),
    }),
  });
}

/** The outcomes of the TRX schema; what never ran is skipped. */
function statusOf(outcome: string | undefined): TestStatus {
  if (outcome && /^(passed|passedButRunAborted|completed|warning)$/i.test(outcome)) return 'passed';
  if (outcome && /^(notExecuted|inconclusive|notRunnable|pending|disconnected)$/i.test(outcome))
    return 'skipped';
  return 'failed';
}

/** "00:00:01.2345678" in milliseconds. */
function clockToMs(clock: string | undefined): number | null {
  const parts = /^(\d{1,3}):(\d{1,2}):(\d{1,2}(?:\.\d{1,9})?)$/.exec(clock ?? '');
  if (!parts) return null;
  return validMs(((Number(parts[1]) * 60 + Number(parts[2])) * 60 + Number(parts[3])) * 1000);
}

function wallTime(times: XmlElement | undefined): number | null {
  const start = Date.parse(times?.attributes.start ?? '');
  return validMs(Date.parse(times?.attributes.finish ?? '') - start);
}
