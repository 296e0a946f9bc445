import type { Blame, TestCase } from '../domain/test-report.js';
import type { Finding, Severity } from '../domain/pipeline.js';
import { testTitle } from './failures.js';
import { cleanText } from './clean.js';
import { plainLines, plainText } from './text.js';
import { truncateEnd } from './truncate.js';
import type { PipelineView } from './view.js';

/** As GitHub's REST API takes it; columns are never given. */
export interface Annotation {
  path: string;
  start_line: number;
  end_line: number;
  annotation_level: Severity;
  message: string;
  title: string;
  raw_details?: string;
}

/** GitHub says 64 KB without saying of which kind. */
const MESSAGE_BYTES = 64_000;
const TITLE_CHARACTERS = 255;
const LAST_LINE = 2 ** 31 - 1;

/**
 * Every failed test and finding that has a place in the repository, the most important first. GitHub takes 50 in
 * one request; later ones append.
 */
export function renderAnnotations(view: PipelineView): Annotation[] {
  const { tests, findings } = view.results;
  const all = [
    ...(tests?.cases ?? []).filter(isWorthAnnotating).map((test) => ofTest(test, view.baseRef)),
    ...findings.map((finding) => ofFinding(finding, view.baseRef)),
  ].filter((annotation) => annotation !== null);
  const unique = new Map(
    all.map((annotation) => [
      `${annotation.path}\0${annotation.start_line}\0${annotation.message}`,
      annotation,
    ]),
  );
  const rank: Record<Severity, number> = { failure: 0, warning: 1, notice: 2 };
  return [...unique.values()].sort((a, b) => rank[a.annotation_level] - rank[b.annotation_level]);
}

const isWorthAnnotating = (test: TestCase): boolean => test.status === 'failed' || Boolean(test.flaky);

function ofTest(test: TestCase, baseRef: string): Annotation | null {
  const flaky = test.blame === 'flaky' || (test.status === 'passed' && test.flaky);
  const level: Severity = flaky ? 'notice' : test.blame === 'base' ? 'warning' : 'failure';
  return annotation({
    path: test.file,
    line: test.line,
    level,
    title: testTitle(test) + mark(flaky ? 'flaky' : test.blame, baseRef),
    message:
      test.message || (test.status === 'passed' ? 'Passed only when it was run again.' : 'This test failed.'),
    details: test.details,
  });
}

function ofFinding(finding: Finding, baseRef: string): Annotation | null {
  return annotation({
    path: finding.path,
    line: finding.startLine,
    endLine: finding.endLine,
    level: finding.blame === 'base' && finding.severity === 'failure' ? 'warning' : finding.severity,
    title: finding.title + mark(finding.blame, baseRef),
    message: finding.message || finding.title,
    details: finding.details,
  });
}

function mark(blame: Blame | undefined, baseRef: string): string {
  if (blame === 'base') return ` (also on ${truncateEnd(baseRef, 60)})`;
  return blame === 'flaky' ? ' (flaky)' : '';
}

function annotation(of: {
  path?: string;
  line?: number;
  endLine?: number;
  level: Severity;
  title: string;
  message: string;
  details?: string;
}): Annotation | null {
  if (!isPlace(of.path, of.line)) return null;
  const end = of.endLine !== undefined && isLine(of.endLine) ? Math.max(of.line!, of.endLine) : of.line!;
  const details = of.details && cleanText(of.details.slice(0, 2 * MESSAGE_BYTES));
  return {
    path: of.path!,
    start_line: of.line!,
    end_line: end,
    annotation_level: of.level,
    message: plainLines(of.message, MESSAGE_BYTES).trim() || 'No message was given.',
    title: plainText(of.title, TITLE_CHARACTERS),
    ...(details?.trim() ? { raw_details: truncateEnd(details, MESSAGE_BYTES, 'bytes') } : {}),
  };
}

const isLine = (line: number | undefined): boolean =>
  Number.isInteger(line) && line! >= 1 && line! <= LAST_LINE;

/** Whether this names a line of a file inside the repository; GitHub refuses the whole request otherwise. */
export function isPlace(path: string | undefined, line: number | undefined): boolean {
  return isRepositoryPath(path) && isLine(line);
}

/** A relative path with forward slashes that stays inside the repository. */
export function isRepositoryPath(path: string | undefined): path is string {
  if (!path || path.length > 4096 || path !== cleanText(path) || /[\\\n]|^[a-z]:/i.test(path)) return false;
  return path.split('/').every((part) => part !== '' && part !== '.' && part !== '..' && part !== '.git');
}
