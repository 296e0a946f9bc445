/**
 * TAP 12 to 14 with subtests, as node:test, node-tap, tape, Perl's Test::More and bats write it
 * (https://testanything.org/tap-version-14-specification.html). Lines that are no TAP are passed over, so a
 * log with TAP in it can be read too.
 */
import type { TestStatus } from '../domain/test-report.js';
import type { Format } from './contract.js';
import { dedent, readDiagnostics } from './tap-diagnostics.js';
import { TestList } from './test-list.js';
import { decode, messageFrom, validLine, validMs } from './text.js';

const VERSION = /^[ \t]*TAP version \d+[ \t]*\r?$/m;
const PLAN = /^\d+\.\.(\d+)/;
const POINT = /^(not )?ok\b(?: +(\d+))? *(?:- +)?(.*)$/;

/** Subtests are indented by four spaces each; deeper ones belong to no sane report. */
const DEEPEST = 40;
const KEPT_LINES = 400;
const LINE_LENGTH = 2000;
const MOST_POINTS = 500_000;

interface Point {
  ok: boolean;
  name: string;
  directive: 'skip' | 'todo' | null;
  durationMs: number | null;
  diagnostics: string[];
  /** Comments near a failed point: Test::More and bats explain there, node:test shows a file's stderr. */
  comments: string[];
  children: Point[];
}

export const tap: Format = {
  recognise: (text) => {
    const head = text.slice(0, 100_000);
    return VERSION.test(head) || (/^\d+\.\.\d+/m.test(head) && /^(not )?ok\b/m.test(head));
  },
  read(content) {
    const list = new TestList('tap');
    for (const document of decode(content).split(/^TAP version \d+[ \t]*\r?$/m)) readDocument(document, list);
    return { kind: 'tests', report: list.report(null) };
  },
};

function readDocument(text: string, list: TestList): void {
  const reader = new TapReader();
  for (const line of text.split('\n')) reader.take(line.endsWith('\r') ? line.slice(0, -1) : line);
  const before = list.size;
  for (const point of reader.points) addPoint(list, point, []);
  if (reader.bailedOut !== null) {
    list.add({ suite: '', name: 'Bail out!', status: 'failed', durationMs: null, message: reader.bailedOut });
  }
  const missing = (reader.planned ?? 0) - reader.points.length;
  if (missing > 0 && (list.size > before || missing < 1000)) {
    list.note(`The TAP output ends ${missing} test(s) short of its plan.`);
  }
}

/** Line by line to a tree of points. A subtest's points come before the point that sums them up. */
class TapReader {
  planned: number | null = null;
  bailedOut: string | null = null;
  /** By level: points that no outer point has claimed yet. */
  readonly #open: Point[][] = [];
  /** By level: a buffered subtest ("ok 1 - name {"), whose points follow. */
  readonly #braces: (Point | undefined)[] = [];
  #last: { point: Point; level: number } | null = null;
  #comments: string[] = [];
  #count = 0;
  #block: { lines: string[]; indent: number } | null = null;

  get points(): Point[] {
    return this.#open[0] ?? [];
  }

  take(line: string): void {
    const text = line.trimStart();
    const indent = line.length - text.length;
    if (this.#inBlock(line, text, indent)) return;
    const level = Math.floor(indent / 4);
    if (text === '' || level > DEEPEST) return;
    if (text.startsWith('#')) this.#comment(text);
    else if (text === '---' && this.#last) this.#block = { lines: this.#last.point.diagnostics, indent };
    else if (text === '{' && this.#last) this.#braces[this.#last.level] = this.#last.point;
    else if (text === '}') this.#closeBrace(level);
    else if (text.startsWith('Bail out!')) this.bailedOut ??= text.slice(9).trim() || 'The run was given up.';
    else this.#planOrPoint(text, level);
  }

  #inBlock(line: string, text: string, indent: number): boolean {
    if (!this.#block) return false;
    if (text === '...' && indent === this.#block.indent) this.#block = null;
    // A block that is never closed ends where the next point begins.
    else if (text !== '' && indent < this.#block.indent) {
      this.#block = null;
      return false;
    } else if (this.#block.lines.length < KEPT_LINES) this.#block.lines.push(line.slice(0, LINE_LENGTH));
    return true;
  }

  #comment(text: string): void {
    if (text.startsWith('# Subtest')) return;
    if (this.#comments.length < KEPT_LINES)
      this.#comments.push(text.slice(0, LINE_LENGTH).replace(/^# ?/, ''));
  }

  #planOrPoint(text: string, level: number): void {
    const plan = PLAN.exec(text);
    if (plan) {
      this.#settleComments();
      if (level === 0) this.planned = (this.planned ?? 0) + Number(plan[1]);
      return;
    }
    const match = POINT.exec(text);
    if (!match) return;
    this.#count += 1;
    if (this.#count > MOST_POINTS) throw new Error(`it holds more than ${MOST_POINTS} tests`);
    const point = pointFrom(match);
    this.#settleComments(point);
    const inner = this.#braces[level] ? undefined : this.#open[level + 1];
    if (inner) point.children = inner;
    this.#open.length = Math.min(this.#open.length, level + 1);
    (this.#open[level] ??= []).push(point);
    for (let above = 0; above < level; above += 1) this.#open[above] ??= [];
    this.#last = { point, level };
    if (point.name.endsWith('{')) {
      point.name = point.name.slice(0, -1).trimEnd();
      this.#braces[level] = point;
    }
  }

  #closeBrace(level: number): void {
    const point = this.#braces[level];
    if (!point) return;
    point.children = this.#open[level + 1] ?? [];
    this.#open.length = Math.min(this.#open.length, level + 1);
    this.#braces[level] = undefined;
  }

  /** Comments explain the failed point before them, unless its block did; otherwise the point that follows. */
  #settleComments(next?: Point): void {
    if (this.#comments.length === 0) return;
    const last = this.#last?.point;
    const target = last && !last.ok && last.diagnostics.length === 0 ? last : next;
    if (target && !target.ok) target.comments.push(...this.#comments);
    this.#comments = [];
  }
}

function pointFrom([, not, number = '', rest = '']: RegExpExecArray): Point {
  // A "#" that belongs to the name is written "\#".
  const at = rest.search(/(?:^|[^\\])#/);
  const hash = at < 0 ? -1 : rest.indexOf('#', at);
  const note = hash < 0 ? '' : rest.slice(hash + 1).trim();
  const directive = /^(skip|todo)/i.exec(note)?.[1]?.toLowerCase() ?? null;
  const time = /^time=([\d.]{1,12})\s*(ms|s)?/.exec(note);
  const isNote = directive !== null || time !== null;
  const said = (isNote ? rest.slice(0, hash) : rest).trim().replace(/\\([#\\])/g, '$1');
  const name = said || `test ${number}`.trim();
  return {
    ok: not === undefined,
    // node-tap opens a buffered subtest behind the time: "# time=1ms {".
    name: isNote && note.endsWith('{') ? `${name} {` : name,
    directive: directive as Point['directive'],
    durationMs: time ? validMs(Number(time[1]) * (time[2] === 's' ? 1000 : 1)) : null,
    diagnostics: [],
    comments: [],
    children: [],
  };
}

/** Adds the innermost points, and an outer one only when it failed by itself. True when any failed. */
function addPoint(list: TestList, point: Point, suite: string[]): boolean {
  let failedInside = false;
  for (const child of point.children) {
    if (addPoint(list, child, [...suite, point.name])) failedInside = true;
  }
  const status = statusOf(point);
  const failed = status === 'failed';
  if (point.children.length > 0 && (!failed || failedInside)) return failedInside;
  const duration = /^\s+duration_ms: ([\d.]{1,20})$/m.exec(point.diagnostics.slice(0, 3).join('\n'));
  const durationMs = point.durationMs ?? (duration ? validMs(Number(duration[1])) : null);
  list.add({ suite, name: point.name, status, durationMs, ...(failed && failureOf(point)) });
  return failed;
}

function statusOf(point: Point): TestStatus {
  if (point.directive !== null) return 'skipped';
  return point.ok ? 'passed' : 'failed';
}

function failureOf(point: Point): { message: string; details: string; file?: string; line?: number } {
  const fields = readDiagnostics(point.diagnostics);
  const comments = point.comments.join('\n');
  // Test::More says the place in a line of its own, between the name and what was expected.
  const told = point.comments.filter((line) => !/^\s*at \S+ line \d+\.$/.test(line)).join('\n');
  const said = fields.get('error') ?? fields.get('message') ?? fields.get('diff') ?? compared(fields);
  // What node:test says of a file that didn't load is "test failed"; why, is in its stderr.
  const message = said === undefined || said === 'test failed' ? messageFrom(told) || said : said;
  const details = [dedent(point.diagnostics), comments].filter((part) => part !== '').join('\n');
  return { message: message ?? point.name, details, ...placeOf(fields) };
}

function compared(fields: Map<string, string>): string | undefined {
  const [expected, actual] = [fields.get('expected'), fields.get('actual')];
  if (expected === undefined && actual === undefined) return undefined;
  return `expected: ${expected ?? '?'}\nactual: ${actual ?? '?'}`;
}

/** node:test names the test's place; node-tap the assertion's, which its stack says better where there is one. */
function placeOf(fields: Map<string, string>): { file?: string; line?: number } {
  const location = /^(.*?):(\d+):\d+$/.exec(fields.get('location') ?? '');
  const file = location?.[1] ?? fields.get('at.fileName');
  const at = fields.has('stack') ? undefined : fields.get('at.lineNumber');
  const line = validLine(location?.[2] ?? at);
  return { ...(file !== undefined && { file }), ...(line !== undefined && { line }) };
}
