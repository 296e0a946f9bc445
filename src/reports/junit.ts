/**
 * JUnit XML. There is no standard, so this reads what pytest, jest-junit, vitest, Maven Surefire, Gradle,
 * gotestsum, PHPUnit, RSpec, node:test and cargo-nextest write; samples of each are in test/fixtures/reports.
 */
import type { TestStatus } from '../domain/test-report.js';
import { LIMITS, type Format } from './contract.js';
import { goFailure, withoutGroups } from './go-output.js';
import { TestList, sum, type FoundTest } from './test-list.js';
import { clip, decode, messageFrom, secondsToMs, validLine } from './text.js';
import { child, parseXml, rootName, type XmlElement } from './xml.js';

const ROOTS = ['testsuites', 'testsuite'];

export const junit: Format = {
  recognise: (text) => ROOTS.includes(rootName(text) ?? ''),
  read(content) {
    const root = parseXml(decode(content));
    if (!ROOTS.includes(root.name)) throw new Error(`it is XML of another kind (<${root.name}>)`);
    const list = new TestList('junit');
    const tests: FoundTest[] = [];
    if (root.name === 'testsuite') readSuite(root, [], tests);
    else readChildren(root, [], tests);
    for (const test of isGo(root) ? withoutGroups(tests) : tests) list.add(test);
    const suites = root.children.filter((element) => element.name === 'testsuite');
    const duration =
      secondsToMs(root.attributes.time) ?? sum(suites.map((suite) => secondsToMs(suite.attributes.time)));
    return { kind: 'tests', report: list.report(duration) };
  },
};

function readSuite(suite: XmlElement, outer: XmlElement[], tests: FoundTest[]): void {
  readChildren(suite, [...outer, suite], tests);
}

function readChildren(parent: XmlElement, suites: XmlElement[], tests: FoundTest[]): void {
  for (const element of parent.children) {
    if (element.name === 'testsuite') readSuite(element, suites, tests);
    else if (element.name === 'testcase') tests.push(readCase(element, suites));
  }
}

function readCase(element: XmlElement, suites: XmlElement[]): FoundTest {
  const { attributes } = element;
  const problem = element.children.find(({ name }) => name === 'failure' || name === 'error');
  const status = statusOf(element, problem);
  const found: FoundTest = {
    ...nameOf(element, suites),
    status,
    durationMs: secondsToMs(attributes.time),
    line: lineOf(element, suites),
    flaky: element.children.some(({ name }) => name === 'flakyFailure' || name === 'flakyError'),
  };
  if (status === 'failed' && problem) Object.assign(found, failureOf(element, problem));
  return found;
}

function statusOf(element: XmlElement, problem: XmlElement | undefined): TestStatus {
  const { status, result } = element.attributes;
  // node:test gives a failed todo test both.
  if (child(element, 'skipped')) return 'skipped';
  if (/^(skipped|ignored|disabled|notrun|suppressed)$/i.test(result ?? status ?? '')) return 'skipped';
  if (!problem) return 'passed';
  // PHPUnit writes a test without assertions as an error, but doesn't fail because of it.
  return problem.attributes.type?.endsWith('RiskyTestError') ? 'passed' : 'failed';
}

function failureOf(element: XmlElement, problem: XmlElement): Pick<FoundTest, 'message' | 'details'> {
  const own = child(problem, 'stackTrace')?.text ?? problem.text;
  const output = child(element, 'system-err')?.text ?? child(element, 'system-out')?.text ?? '';
  const details = clip((own.trim() === '' ? output : own).trimEnd(), LIMITS.details * 4).replace(/^\n+/, '');
  const said = problem.attributes.message?.trim() ?? '';
  // pytest, when a test file can't be imported.
  if (said === 'collection failure') {
    const errors = details.split('\n').filter((line) => line.startsWith('E  '));
    return { message: errors.map((line) => line.slice(1).trim()).join('\n') || said, details };
  }
  // gotestsum says nothing but "Failed".
  if (said === '' || said === 'Failed') {
    if (details.includes('=== RUN ')) return goFailure(details);
    // PHPUnit's first line is the test's name again.
    const title = `${element.attributes.class ?? ''}::${element.attributes.name ?? ''}`;
    const rest = details.startsWith(title) ? details.slice(details.indexOf('\n') + 1) : details;
    return { message: messageFrom(rest) || said || problem.attributes.type, details };
  }
  return { message: said, details };
}

/** Suite, name and file, from wherever the tool puts them. */
function nameOf(element: XmlElement, suites: XmlElement[]): Pick<FoundTest, 'suite' | 'name' | 'file'> {
  const className = element.attributes.classname ?? element.attributes.class ?? '';
  const name = element.attributes.name ?? '';
  const names = suites.map((suite) => suite.attributes.name ?? '');
  const suiteName = names.at(-1) ?? '';
  const inSuite = [...suites].reverse().find((suite) => suite.attributes.file);
  const file = element.attributes.file || inSuite?.attributes.file;

  // jest-junit by default: both hold the whole name, and the suite is the outermost describe.
  if (className === name && name !== '') {
    const whole = name.trim();
    return whole.startsWith(`${suiteName} `)
      ? { suite: suiteName, name: whole.slice(suiteName.length + 1), file }
      : { suite: '', name: whole, file };
  }
  // vitest and Playwright: the class is the file, the name holds the describes.
  if (isSourcePath(className)) {
    const parts = name.split(/ [>›] /);
    return { suite: parts.slice(0, -1), name: parts.at(-1) ?? name, file: file ?? className };
  }
  // node:test has the class "test" everywhere up to version 20, later the suites' names joined by dots.
  if (['', 'test', suiteName, names.join('.')].includes(className)) {
    const testFile = file ?? [name, suiteName].find(isSourcePath);
    // pytest's test file that can't be imported has no class.
    return { suite: suiteName === 'pytest' ? '' : names, name, file: testFile };
  }
  return { suite: className, name, file: file ?? (isSourcePath(suiteName) ? suiteName : undefined) };
}

const isSourcePath = (text: string): boolean =>
  text.length < 500 &&
  !/\s/.test(text) &&
  /\.(?:[cm]?[jt]sx?|py|rb|php|go|rs|java|kt|cs|vue|svelte|bats|sh)$/.test(text);

function lineOf(element: XmlElement, suites: XmlElement[]): number | undefined {
  const line = validLine(element.attributes.line);
  // pytest (xunit1) counts from 0.
  const fromZero = suites.at(-1)?.attributes.name === 'pytest';
  return line !== undefined && fromZero ? line + 1 : line;
}

const isGo = (root: XmlElement): boolean =>
  [root, ...root.children].some((suite) =>
    child(suite, 'properties')?.children.some(({ attributes }) => attributes.name === 'go.version'),
  );
