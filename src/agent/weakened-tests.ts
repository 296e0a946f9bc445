/**
 * Ways in which a change makes tests say less: deleted, skipped or focused tests, assertions that are gone. It
 * reads lines, not syntax, so it points out and does not judge. A line that moved is no change.
 */
import type { Finding, Severity } from '../domain/pipeline.js';
import { changedLines, parseUnifiedDiff } from './diff.js';
import type { ChangedLine, FilePatch } from './diff.js';

const SOURCE = 'weakened-tests';
const MAX_FINDINGS = 50;
/** Longer lines are generated, not written. */
const MAX_LINE = 2_000;

/** What an agent's commits do to the tests, at most 50 findings. Takes a unified diff or its files. */
export function weakenedTests(changes: string | readonly FilePatch[]): Finding[] {
  const files = typeof changes === 'string' ? parseUnifiedDiff(changes) : changes;
  const changed = files.map((file) => ({
    file,
    lines: changedLines(file.patch ?? '').filter((line) => line.text.length <= MAX_LINE),
  }));
  const kept = new Counter(
    textsOf(
      changed.flatMap(({ lines }) => lines),
      'added',
    ),
  );
  const gone = new Counter(
    textsOf(
      changed.flatMap(({ lines }) => lines),
      'removed',
    ),
  );
  const declaredElsewhere = new Counter(
    changed.flatMap(({ lines }) => lines.filter((line) => line.kind === 'added').flatMap(testsIn)),
  );
  return changed
    .flatMap(({ file, lines }) => {
      if (/(?:^|\/)package\.json$/.test(file.path)) return changedTestCommands(file.path, lines);
      if (!mayHoldTests(file.previousPath ?? file.path) && !mayHoldTests(file.path)) return [];
      const added = lines.filter((line) => line.kind === 'added' && !gone.has(line.text.trim()));
      const removed = lines.filter((line) => line.kind === 'removed' && !kept.has(line.text.trim()));
      return [
        ...removedTests(file, lines, declaredElsewhere),
        ...added.flatMap((line) => marked(file.path, line)),
        ...(file.status === 'removed' ? [] : lostAssertions(file.path, added, removed)),
      ];
    })
    .slice(0, MAX_FINDINGS);
}

const DIRECTORY = /(?:^|\/)(?:__tests__|tests?|specs?|e2e|cypress)\//i;
const FILE_NAME =
  /(?:[._-](?:test|spec|cy)\.\w+|(?:^|\/)test_[^/]+\.py|_test\.\w+|(?:^|\/)tests?\.\w+|(?:Tests?|Spec|IT)\.(?:java|kt|scala|groovy|cs|php|swift))$/;
const CODE =
  /\.(?:[cm]?[jt]sx?|vue|py|go|rs|rb|php|java|kt|scala|groovy|cs|swift|dart|exs?|c|cc|cpp|sh|bats|feature)$/;

const isTestFile = (path: string): boolean =>
  CODE.test(path) &&
  (FILE_NAME.test(path) || (DIRECTORY.test(path) && !/\/(?:fixtures|support)\//.test(path)));

/** Rust keeps tests beside the code. */
const mayHoldTests = (path: string): boolean => isTestFile(path) || path.endsWith('.rs');

const SKIPS = [
  /\b(?:it|test|describe|context|suite|specify)(?:\.\w+)*\.(?:skip|todo|skipIf|failing|fails|fixme)\b/,
  /(?<![.\w])x(?:it|test|describe|context|specify)\b\s*[('"`]/,
  /\b(?:this|ctx|t)\.skip\s*\(/,
  /@(?:pytest\.mark\.|unittest\.)?(?:skip|skipif|skipIf|skipUnless|xfail|expectedFailure)\b/,
  /\b(?:pytest\.(?:skip|xfail)|self\.skipTest)\s*\(/,
  /\b[tb]\.Skip(?:f|Now)?\s*\(/,
  /#\[ignore\b/,
  /@(?:Disabled|Ignore)\b/,
  /\[(?:Ignore|(?:Fact|Theory)\s*\(.*\bSkip\s*=)/,
  /\bmarkTest(?:Skipped|Incomplete)\s*\(/,
  /^\s*(?:skip|pending)(?:\s+['"(]|\s*$)/,
  /@tag\s+:?skip\b/,
];

const FOCUSES = [
  /\b(?:it|test|describe|context|suite|specify)(?:\.\w+)*\.only\b/,
  /(?<![.\w])f(?:it|describe|context|specify)\b\s*[('"`]/,
  /\bfocus:\s*true\b|,\s*:focus\b/,
];

const ASSERTION =
  /\bexpect\w*\s*[(<.]|\bassert\w*\b|\.should\b|\bshould\.\w|\b[tb]\.(?:Errorf?|Fatalf?|Fail|FailNow|is|not|equal|same|true|false|throws)\s*\(|\b(?:require|check)\.\w+\(t\b|\bmust_\w+|\bverify\s*\(/i;
const IMPORT = /^\s*(?:import|from|using|use|#include)\b|^\s*require\s*[('"]|=\s*require\(/;
const COMMENT = /^\s*(?:\/\/|#(?!\[)|\*|\/\*|<!--|--\s)/;

const NAMED_TESTS = [
  /(?<![.\w])[xf]?(?:it|test|specify|scenario)\b(?:\.\w+)*(?:\(.*\)\s*\(\s*|[^'"`\w]*)(['"`])(?<name>.+?)\1/,
  /\bdef\s+(?<name>test\w*)\s*\(/,
  /^\s*func\s+(?:\([^)]*\)\s*)?(?<name>(?:Test|Fuzz)\w*)\s*\(/,
  /\bfunction\s+(?<name>test\w+)\s*\(/,
];
const ANNOTATED_TEST =
  /^\s*(?<name>#\[(?:\w+::)*test\b.*\]|@(?:Test|ParameterizedTest|RepeatedTest)\b|\[(?:Fact|Theory|Test|TestMethod|TestCase)\b)/;

/** The tests that a line declares: its name, or the annotation where the name stands on another line. */
function testsIn(line: ChangedLine): string[] {
  if (COMMENT.test(line.text)) return [];
  for (const pattern of [...NAMED_TESTS, ANNOTATED_TEST]) {
    const name = pattern.exec(line.text)?.groups?.['name'];
    if (name !== undefined) return [name];
  }
  return [];
}

/** Takes from `declared` what accounts for a test that was removed here, so that one addition counts once. */
function removedTests(file: FilePatch, lines: readonly ChangedLine[], declared: Counter): Finding[] {
  const all = lines
    .filter((line) => line.kind === 'removed')
    .flatMap((line) => testsIn(line).map((name) => ({ name, line: line.line })));
  const missing = all.filter(({ name }) => !declared.take(name));
  if (file.status === 'removed' && isTestFile(file.path)) {
    if (all.length > 0 && missing.length === 0) return [];
    const tests = missing.length > 0 ? ` with ${count(missing.length, 'test')}` : '';
    return [finding(file.path, undefined, 'Test file deleted', `${file.path} is deleted${tests}.`)];
  }
  const renamedAway =
    file.previousPath !== undefined && isTestFile(file.previousPath) && !isTestFile(file.path)
      ? [
          finding(
            file.path,
            undefined,
            'Test file renamed',
            `${file.previousPath} is now ${file.path}, which is not named like a test: its tests may no longer run.`,
          ),
        ]
      : [];
  return [
    ...renamedAway,
    ...missing.map(({ name, line }) =>
      finding(file.path, line, 'Test removed or renamed', `The test "${name}" is no longer there.`),
    ),
  ];
}

function marked(path: string, line: ChangedLine): Finding[] {
  if (COMMENT.test(line.text)) return [];
  if (SKIPS.some((pattern) => pattern.test(line.text))) {
    return [finding(path, line.line, 'Test skipped', `A test no longer runs: ${quoted(line.text)}`)];
  }
  if (FOCUSES.some((pattern) => pattern.test(line.text))) {
    return [
      finding(path, line.line, 'Test focused', `The tests beside it no longer run: ${quoted(line.text)}`),
    ];
  }
  return [];
}

/** Fewer assertions than before is a warning; as many, but others, a notice. */
function lostAssertions(path: string, added: ChangedLine[], removed: ChangedLine[]): Finding[] {
  const asserts = (line: ChangedLine) =>
    ASSERTION.test(line.text) && !COMMENT.test(line.text) && !IMPORT.test(line.text);
  const before = removed.filter(asserts);
  const after = added.filter(asserts);
  const first = before[0];
  if (!first) return [];
  if (before.length > after.length) {
    const lost = count(before.length - after.length, 'assertion');
    return [
      finding(path, first.line, 'Assertions removed', `${lost} fewer, the first: ${quoted(first.text)}`),
    ];
  }
  const text = `${count(before.length, 'assertion')} changed, the first was: ${quoted(first.text)}`;
  return [finding(path, first.line, 'Assertions changed', text, 'notice')];
}

function changedTestCommands(path: string, lines: readonly ChangedLine[]): Finding[] {
  const after = new Counter(textsOf(lines, 'added').map((text) => text.replace(/,$/, '')));
  return lines
    .filter(
      (line) => line.kind === 'removed' && /^\s*"(?:pre|post)?test(?::[\w-]+)*"\s*:\s*"/.test(line.text),
    )
    .filter((line) => !after.has(line.text.trim().replace(/,$/, '')))
    .map((line) => finding(path, line.line, 'Test command changed', `It was ${quoted(line.text)}`));
}

function finding(
  path: string,
  startLine: number | undefined,
  title: string,
  message: string,
  severity: Severity = 'warning',
): Finding {
  return {
    source: SOURCE,
    severity,
    title,
    message,
    path,
    ...(startLine === undefined ? {} : { startLine }),
  };
}

const textsOf = (lines: readonly ChangedLine[], kind: ChangedLine['kind']): string[] =>
  lines.filter((line) => line.kind === kind).map((line) => line.text.trim());

const quoted = (text: string): string => text.trim().slice(0, 200);

const count = (n: number, noun: string): string => `${n} ${noun}${n === 1 ? '' : 's'}`;

class Counter {
  private readonly counts = new Map<string, number>();

  constructor(values: readonly string[]) {
    for (const value of values) this.counts.set(value, (this.counts.get(value) ?? 0) + 1);
  }

  has(value: string): boolean {
    return (this.counts.get(value) ?? 0) > 0;
  }

  take(value: string): boolean {
    const left = this.counts.get(value) ?? 0;
    if (left > 0) this.counts.set(value, left - 1);
    return left > 0;
  }
}
