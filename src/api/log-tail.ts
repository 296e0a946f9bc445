import { once } from 'node:events';
import type { Transform } from 'node:stream';
import type { Redactor } from '../domain/redaction.js';

const CHUNK_BYTES = 64 * 1024;
/** What is longer comes in pieces. */
const MAX_LINE_BYTES = 16 * 1024;
const LF = 10;

export interface LogLine {
  text: string;
  /** Where in the log it ends: from here on is what comes next. */
  end: number;
}

/** Reads the lines of one log while it is being written, with secrets masked. */
export class LogTail {
  private readonly masked: Transform;
  private readonly lines: LogLine[] = [];
  private pending: Buffer = Buffer.alloc(0);
  /** Up to where the log was read. */
  private position: number;
  /** Up to where it came out of the redactor. */
  private out: number;
  private isOver = false;

  /**
   * @param read answers its bytes from `start` up to but without `end`
   * @param from where a line begins; those before it are not answered
   */
  constructor(
    private readonly read: (start: number, end: number) => AsyncIterable<Buffer>,
    redactor: Redactor,
    private readonly from: number,
  ) {
    // A secret may have begun before.
    this.position = this.out = Math.max(0, from - redactor.context);
    this.masked = redactor.stream();
    this.masked.on('data', (chunk: Buffer) => this.receive(chunk));
  }

  /** The next lines, at most some 64 KiB of them. @param size of the log, as far as it goes now */
  async next(size: number): Promise<LogLine[]> {
    if (!this.isAtEnd(size)) {
      const chunk = await this.readChunk(size);
      await new Promise<void>((resolve, reject) =>
        this.masked.write(chunk, (error) => (error ? reject(error) : resolve())),
      );
    }
    return this.lines.splice(0);
  }

  /** Whether it was read as far as that. */
  isAtEnd(size: number): boolean {
    return this.isOver || size <= this.position;
  }

  /** What was held back, once no one writes any more. */
  async finish(): Promise<LogLine[]> {
    if (!this.isOver) {
      this.isOver = true;
      const ended = once(this.masked, 'end');
      this.masked.end();
      await ended;
      if (this.pending.length > 0) this.push(this.pending);
    }
    return this.lines.splice(0);
  }

  close(): void {
    this.masked.destroy();
  }

  private async readChunk(size: number): Promise<Buffer> {
    const end = Math.min(this.position + CHUNK_BYTES, size);
    const pieces: Buffer[] = [];
    for await (const piece of this.read(this.position, end)) pieces.push(piece);
    this.position = end;
    return Buffer.concat(pieces);
  }

  private receive(chunk: Buffer): void {
    const wanted = chunk.subarray(Math.max(0, this.from - this.out));
    this.out += chunk.length;
    this.pending = this.pending.length === 0 ? wanted : Buffer.concat([this.pending, wanted]);
    for (;;) {
      const end = this.pending.indexOf(LF);
      if (end >= 0 && end <= MAX_LINE_BYTES) this.push(this.pending.subarray(0, end), 1);
      else if (this.pending.length > MAX_LINE_BYTES) this.push(this.pending.subarray(0, MAX_LINE_BYTES));
      else return;
    }
  }

  private push(line: Buffer, terminator = 0): void {
    this.pending = this.pending.subarray(line.length + terminator);
    this.lines.push({ text: line.toString('utf8'), end: this.out - this.pending.length });
  }
}
