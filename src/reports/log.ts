/** Reports that tools print: TAP, `go test -json` and Jest's JSON between the other lines of a log. */
import { LIMITS, type ParsedReport } from './contract.js';
import { go } from './go.js';
import { jest } from './jest.js';
import { tap } from './tap.js';
import { decode } from './text.js';

/** Without one of these, none of the readers below finds anything. */
const MARKERS = ['TAP version ', '"Action":"', '{"num'].map((text) => Buffer.from(text));
/** What has to be read again with the next piece, so that none is missed between them. */
export const MARKER_OVERLAP = Math.max(...MARKERS.map(({ length }) => length)) - 1;

/** Whether readLog() may find a report in a log with this piece in it: most logs have none, which costs next to nothing to see. */
export const mayHoldReport = (piece: Buffer): boolean => MARKERS.some((marker) => piece.includes(marker));

/**
 * Every report found in a stage's log; none is normal. Of a log longer than LIMITS.fileBytes the end is read.
 * Never throws: a log that only looks like a report is no report.
 */
export function readLog(content: Buffer | string): ParsedReport[] {
  const tail = content.slice(Math.max(0, content.length - LIMITS.fileBytes));
  let text: string;
  try {
    text = decode(tail);
  } catch {
    return [];
  }
  return [...readJestLines(text), ...readGoEvents(text), ...readTap(text)].filter(
    (parsed) => parsed.kind === 'coverage' || parsed.report.cases.length > 0,
  );
}

/** Jest and vitest print the whole report as one line. */
function readJestLines(text: string): ParsedReport[] {
  const reports: ParsedReport[] = [];
  for (const match of text.matchAll(/\{"num(?:FailedTestSuites|TotalTestSuites)":.*/g)) {
    const line = match[0].slice(0, match[0].lastIndexOf('}') + 1);
    if (jest.recognise(line)) reports.push(...attempt(() => jest.read(line)));
  }
  return reports;
}

function readGoEvents(text: string): ParsedReport[] {
  return /^\{.*"Action":"(?:start|run|output|pass|fail)"/m.test(text) ? attempt(() => go.read(text)) : [];
}

/** Only with its version line: a plan and an "ok" occur in other output too. */
function readTap(text: string): ParsedReport[] {
  const start = text.search(/^TAP version \d+[ \t]*\r?$/m);
  return start < 0 ? [] : attempt(() => tap.read(text.slice(start)));
}

function attempt(read: () => ParsedReport): ParsedReport[] {
  try {
    return [read()];
  } catch {
    return [];
  }
}
