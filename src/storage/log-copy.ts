import { once } from 'node:events';
import { open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Transform } from 'node:stream';
import { STAGE_NAMES, type StageName } from '../domain/pipeline.js';
import type { Redactor } from '../domain/redaction.js';
import type { Logger } from '../logging.js';
import { ROW_BYTES, type LogRow } from './database.js';

/** How soon what a stage prints is seen elsewhere. */
const EVERY_MS = 250;
/** Of one stage in one write: all that is held in memory. */
const BATCH_BYTES = 4 * ROW_BYTES;

export interface LogCopyOptions {
  /** Of this pipeline's logs, STAGE.log each. */
  folder: string;
  /** Hides what it knows at the moment when a stage begins to print. */
  redactor: Pick<Redactor, 'stream'>;
  /** Stores rows, in place of all of a stage where one is named. Repeated after a throw. */
  write: (rows: AsyncIterable<LogRow[]> | LogRow[][], insteadOf?: StageName) => Promise<void>;
  /** Whether a throw of `write` means that somebody else goes on with the pipeline. */
  isOver(error: unknown): boolean;
  log: Logger;
}

/** Copies a running pipeline's logs, masked, to where other processes see them, without holding up its stages. */
export class LogCopy {
  private readonly stages: StageLog[];
  private readonly running: Promise<void>;
  private readonly closing = new AbortController();

  constructor(private readonly options: LogCopyOptions) {
    const { folder, redactor } = options;
    this.stages = STAGE_NAMES.map((stage) => new StageLog(stage, join(folder, `${stage}.log`), redactor));
    this.running = this.copy();
  }

  /** Ends copying as it goes; what is missing is left to `finish`. */
  async close(): Promise<void> {
    this.closing.abort();
    await this.running;
  }

  /** Copies what is missing, once nobody writes any more. After a throw it may be called again. */
  async finish(): Promise<void> {
    await this.close();
    const { write } = this.options;
    for (const log of this.stages) {
      if (await log.wasReplaced()) {
        await write(log.fromTheBeginning(), log.stage);
        continue;
      }
      while (await this.copySome(log));
      await log.end();
      await this.copySome(log);
    }
  }

  private async copy(): Promise<void> {
    const { signal } = this.closing;
    while (!signal.aborted) {
      try {
        for (let more = true; more && !signal.aborted;) {
          more = false;
          // One that floods does not keep the others back.
          for (const log of this.stages) more = (await this.copySome(log)) || more;
        }
      } catch (error) {
        if (this.options.isOver(error)) return;
        this.options.log.warn({ err: error }, 'a log could not be shown to other processes yet');
      }
      await new Promise<void>((resolve) => {
        const done = () => {
          clearTimeout(timer);
          signal.removeEventListener('abort', done);
          resolve();
        };
        const timer = setTimeout(done, EVERY_MS);
        signal.addEventListener('abort', done);
        if (signal.aborted) done();
      });
    }
  }

  /** @returns whether there was something */
  private async copySome(log: StageLog): Promise<boolean> {
    await log.fill();
    const { length } = log.rows;
    if (length === 0) return false;
    await this.options.write([log.rows.slice(0, length)]);
    log.rows.splice(0, length);
    return true;
  }
}

/** One log, read as it grows; `rows` are those read and not yet stored. */
class StageLog {
  rows: LogRow[] = [];
  private file = 0;
  private position = 0;
  private start = 0;
  private masked: Transform | null = null;
  private ended = false;

  constructor(
    readonly stage: StageName,
    private readonly path: string,
    private readonly redactor: Pick<Redactor, 'stream'>,
  ) {}

  /** Reads on until there is something to store, or nothing more to read. */
  async fill(): Promise<void> {
    while (this.rows.length === 0 && !this.ended) {
      const chunk = await this.readChunk();
      if (!chunk) return;
      await new Promise<void>((resolve, reject) =>
        this.stream().write(chunk, (error) => (error ? reject(error) : resolve())),
      );
    }
  }

  /** Brings out what was held back; afterwards there is nothing more. */
  async end(): Promise<void> {
    if (this.ended) return;
    this.ended = true;
    if (!this.masked) return;
    const ended = once(this.masked, 'end');
    this.masked.end();
    await ended;
  }

  /** Whether the report stage put a shortened log in its place. */
  async wasReplaced(): Promise<boolean> {
    const found = await stat(this.path).catch(() => null);
    return found !== null && this.file !== 0 && found.ino !== this.file;
  }

  async *fromTheBeginning(): AsyncGenerator<LogRow[]> {
    const again = new StageLog(this.stage, this.path, this.redactor);
    for (;;) {
      await again.fill();
      if (again.rows.length === 0) await again.end();
      if (again.rows.length === 0) return;
      yield again.rows.splice(0);
    }
  }

  private async readChunk(): Promise<Buffer | null> {
    // Most stages print nothing for most of the time.
    const found = await stat(this.path).catch(() => null);
    if (!found || found.size <= this.position || (this.file !== 0 && found.ino !== this.file)) return null;
    const file = await open(this.path, 'r');
    try {
      // Asked of what is open: the name may lead to another file by now.
      const { ino, size } = await file.stat();
      if (this.file !== 0 && ino !== this.file) return null;
      this.file = ino;
      const buffer = Buffer.alloc(Math.min(BATCH_BYTES, size - this.position));
      const { bytesRead } = await file.read(buffer, 0, buffer.length, this.position);
      this.position += bytesRead;
      return bytesRead > 0 ? buffer.subarray(0, bytesRead) : null;
    } finally {
      await file.close();
    }
  }

  private stream(): Transform {
    if (this.masked) return this.masked;
    this.masked = this.redactor.stream();
    this.masked.on('data', (bytes: Buffer) => {
      for (let from = 0; from < bytes.length; from += ROW_BYTES) {
        const piece = bytes.subarray(from, from + ROW_BYTES);
        this.rows.push({ stage: this.stage, start: this.start, bytes: piece });
        this.start += piece.length;
      }
    });
    return this.masked;
  }
}
