/**
 * The lines of a log by number, without ever holding the log: where every 1,000th line begins is found by streaming
 * once and kept; a log that grew is read on from where it ended. Reading some lines costs the same wherever they are.
 */
import { PassThrough } from 'node:stream';
import type { Redactor } from '../domain/redaction.js';

/** What is read from: PipelineLog. */
export interface LogBytes {
  readonly size: number;
  /** The bytes from `start` up to but without `end`. */
  read(start: number, end: number, redactor: Redactor): AsyncIterable<Buffer>;
}

/** A mark is set after so many lines or bytes, whichever comes first: so much is read to find one line. */
const MARK_LINES = 1_000;
const MARK_BYTES = 256 * 1024;
/** More of a line is not answered, and a line can be as long as the log. */
export const MAX_LINE_BYTES = 4 * 1024;
/** Of one answer. */
export const MAX_LINES = 500;
const MAX_ANSWER_BYTES = 512 * 1024;

const LF = 10;

/** Line breaks are never hidden: to count them nothing has to be. What is read with it does not leave this file. */
const COUNTING: Redactor = {
  redact: (text) => text,
  redactBytes: (bytes) => bytes,
  stream: () => new PassThrough(),
  context: 0,
};

export class LineIndex {
  /** Where the lines number 0, MARK_LINES or fewer later, … begin. */
  private marks: { line: number; offset: number }[] = [{ line: 0, offset: 0 }];
  /** How far it was read, and how many line ends there were. */
  private position = 0;
  private ended = 0;
  /** Where the line begins that has not ended yet. */
  private lineStart = 0;
  private work: Promise<void> = Promise.resolve();

  /** How many lines there are; one that has not ended counts where `isOver`. */
  count(isOver: boolean): number {
    return this.ended + (isOver && this.position > this.lineStart ? 1 : 0);
  }

  /** Takes in what the log has grown by. One that became shorter (it was cut, or begun anew) is read from the start. */
  async extend(log: LogBytes, signal?: AbortSignal): Promise<void> {
    const work = this.work.then(async () => {
      if (log.size < this.position) this.clear();
      for await (const chunk of log.read(this.position, log.size, COUNTING)) {
        this.take(chunk);
        signal?.throwIfAborted();
      }
    });
    this.work = work.catch(() => undefined);
    return work;
  }

  /**
   * Lines as they are shown, secrets hidden, at most 500 or some 512 KiB of them, long ones cut.
   * @param from counts from 0
   */
  async read(
    log: LogBytes,
    from: number,
    count: number,
    isOver: boolean,
    redactor: Redactor,
  ): Promise<string[]> {
    const end = Math.min(this.count(isOver), from + Math.min(count, MAX_LINES));
    const lines: string[] = [];
    let bytes = 0;
    let next = Math.max(0, from);
    for (let n = this.markOf(next); n < this.marks.length && next < end; n++) {
      const mark = this.marks[n]!;
      const limit = this.marks[n + 1]?.offset ?? this.position;
      // Beyond this there is only the rest of one long line.
      const piece = await readAll(
        log,
        mark.offset,
        Math.min(limit, mark.offset + MARK_BYTES + MAX_LINE_BYTES),
        redactor,
      );
      let line = mark.line;
      for (let start = 0; start < piece.length && next < end; line++) {
        const at = piece.indexOf(LF, start);
        const stop = at < 0 ? piece.length : at;
        if (line === next) {
          lines.push(shown(piece.subarray(start, stop), at < 0 && mark.offset + stop < limit));
          bytes += Math.min(stop - start, MAX_LINE_BYTES);
          next++;
          if (bytes > MAX_ANSWER_BYTES) return lines;
        }
        start = stop + 1;
      }
    }
    return lines;
  }

  private take(chunk: Buffer): void {
    let from = 0;
    for (let at = chunk.indexOf(LF); at >= 0; at = chunk.indexOf(LF, from)) {
      from = at + 1;
      this.ended++;
      this.lineStart = this.position + from;
      const last = this.marks.at(-1)!;
      if (this.ended - last.line >= MARK_LINES || this.lineStart - last.offset >= MARK_BYTES)
        this.marks.push({ line: this.ended, offset: this.lineStart });
    }
    this.position += chunk.length;
  }

  /** The last mark at or before a line. */
  private markOf(line: number): number {
    let [low, high] = [0, this.marks.length - 1];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (this.marks[middle]!.line <= line) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  private clear(): void {
    this.marks = [{ line: 0, offset: 0 }];
    this.position = this.ended = this.lineStart = 0;
  }
}

function shown(bytes: Buffer, isCut: boolean): string {
  const cut = isCut || bytes.length > MAX_LINE_BYTES;
  const text = bytes.subarray(0, MAX_LINE_BYTES).toString('utf8').replace(/\r$/, '');
  return cut ? `${text} [… the rest is in the whole log]` : text;
}

async function readAll(log: LogBytes, start: number, end: number, redactor: Redactor): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of log.read(start, end, redactor)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

export interface Hit {
  /** Counts from 1. */
  line: number;
  text: string;
}

/** What a line looks like that says that something failed, but for those that say that nothing did. */
const ERROR =
  /\berror\b|\bERR!|\bfatal\b|\bpanic:|\bexception\b|Traceback|^\s*not ok\b|\bFAIL(?:ED|URE)?\b|\bfailed\b|[✗✘✖✕×] |command not found|AssertionError|\w+Error:/i;
const NO_ERROR =
  /\b(?:0|no|without) (?:\w+ )?(?:errors?|failures?|failed)\b|\bfail(?:ed|ures?)?:? 0\b|\berrors?:? 0\b|[#ℹ] fail 0/i;

export const looksLikeError = (text: string): boolean => ERROR.test(text) && !NO_ERROR.test(text);

/**
 * The lines that `matches` likes, from a line on, as they are found. Secrets are hidden before, so nobody can search
 * for one. Of a line some 4 KiB are looked at.
 * @param from counts from 0
 */
export async function* search(
  log: LogBytes,
  index: LineIndex,
  from: number,
  isOver: boolean,
  matches: (text: string) => boolean,
  redactor: Redactor,
): AsyncGenerator<Hit> {
  const total = index.count(isOver);
  for (let next = from; next < total;) {
    const lines = await index.read(log, next, MAX_LINES, isOver, redactor);
    if (lines.length === 0) return;
    for (const [n, text] of lines.entries()) if (matches(text)) yield { line: next + n + 1, text };
    next += lines.length;
  }
}
