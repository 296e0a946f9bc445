import { cleanText } from './clean.js';
import type { Section } from './fit.js';
import { codeBlock, codeBlockOverhead, details } from './text.js';
import { count, keepTail, truncateStart } from './truncate.js';
import type { LogTail } from '../domain/pipeline.js';

/** Bytes that are looked at for each byte shown: escape sequences and overwritten lines take their share. */
const RAW_PER_SHOWN = 8;

/** Less of a log than this helps nobody. */
const LEAST = 200;

/**
 * The end of a failed command's output within `limit` bytes, folded, or open where nothing else tells the cause.
 * The end is kept: that is where the error is.
 */
export function renderLog(
  log: LogTail,
  limit: number,
  options: { open?: boolean; lines?: number } = {},
): string {
  // What cleaning could be made to do stays bounded, whatever the size of the text.
  const raw = truncateStart(log.text, Math.min(limit, 1 << 20) * RAW_PER_SHOWN);
  const clean = cleanText(raw);
  const room = limit - codeBlockOverhead(clean) - 200;
  if (room < LEAST || clean.trim() === '') return '';
  const tail = keepTail(clean, { bytes: room, lines: options.lines });
  const omitted = log.omittedLines + tail.omittedLines;
  const summary =
    omitted > 0
      ? `End of the output of ${log.stage} (${count(omitted, 'line')} before)`
      : `Output of ${log.stage}`;
  return details(summary, codeBlock(tail.text), options.open);
}

/** Lines of an open log: about a screen and a half. */
const OPEN_LINES = 60;

export function logSection(log: LogTail | null, open: boolean): Section {
  return {
    name: 'log',
    priority: 80,
    render: (limit) => (log ? renderLog(log, limit, { open, lines: open ? OPEN_LINES : undefined }) : ''),
  };
}
