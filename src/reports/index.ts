/** The report formats, and which of them a file is in. To add one: a file here, a line below, a fixture. */
import { cobertura } from './cobertura.js';
import { LIMITS, UnreadableReport, type Format, type ParsedReport } from './contract.js';
import { ctrf } from './ctrf.js';
import { go } from './go.js';
import { jest } from './jest.js';
import { junit } from './junit.js';
import { lcov } from './lcov.js';
import { tap } from './tap.js';
import { decode } from './text.js';
import { trx } from './trx.js';

/** Asked in this order: the strict recognisers first, those that accept other lines around a report last. */
export const formats = {
  junit,
  trx,
  cobertura,
  jest,
  ctrf,
  lcov,
  go,
  tap,
} satisfies Record<string, Format>;

export type FormatName = keyof typeof formats;

/**
 * Reads one report, whatever its format; `name` (its path) is only for messages. Throws UnreadableReport.
 * Takes time and memory in proportion to the content: for files of a pull request use parseReports.
 */
export function readReport(name: string, content: Buffer | string): ParsedReport {
  if (Buffer.byteLength(content) > LIMITS.fileBytes) throw tooBig(name, Buffer.byteLength(content));
  let format: Format | undefined;
  try {
    const text = decode(content);
    if (text.trim() === '') throw new Error('it is empty');
    format = Object.values(formats).find((candidate) => candidate.recognise(text));
    if (format) return format.read(text);
  } catch (error) {
    throw new UnreadableReport(name, reasonOf(error), { recognised: format !== undefined });
  }
  throw new UnreadableReport(name, `it is in no format known here (${Object.keys(formats).join(', ')})`, {
    recognised: false,
  });
}

/** A file refused for its size, before anything of it is read. */
export function tooBig(name: string, bytes: number): UnreadableReport {
  const megabytes = (count: number): number => Math.round(count / 1024 ** 2);
  return new UnreadableReport(
    name,
    `it has ${megabytes(bytes)} MB, and ${megabytes(LIMITS.fileBytes)} MB is the most that is read`,
  );
}

/** One line, whatever a parser says. */
function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replace(/\s+/g, ' ').replace(/\.$/, '').slice(0, 300);
}
