/**
 * Structured logs on stdout and, rotated by size, in a file. Every line passes the redactor given and carries the
 * ids of the work that it was written in, also where a library wrote it.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { mkdirSync, openSync, closeSync, fstatSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { pino, type Logger } from 'pino';
import type { Config } from './config.js';
import { messageOf, OperationalError } from './domain/errors.js';

export type { Logger } from 'pino';

const MAX_FILE_BYTES = 10 * 1024 * 1024;
const KEPT_FILES = 5;

export interface LogContext {
  requestId?: string;
  deliveryId?: string;
  eventId?: string;
  pipelineId?: string;
  agentRunId?: string;
}

const contexts = new AsyncLocalStorage<LogContext>();

/** Runs `work` so that every line written in it, by whatever logger with `logMixin`, carries these ids too. */
export const withLogContext = <T>(ids: LogContext, work: () => T): T =>
  contexts.run({ ...contexts.getStore(), ...ids }, work);

/**
 * The same, without the ids that are there already: for work that outlives what set it off, or that is done for
 * others too, such as the look into the queue that a request caused.
 */
export const inOwnLogContext = <T>(ids: LogContext, work: () => T): T => contexts.run({ ...ids }, work);

/**
 * What does this work whoever calls it, with the ids of now. (AsyncResource.bind makes a deprecated property for each
 * function, which costs more than the call.)
 */
export function boundToLogContext(work: () => void): () => void {
  const ids = contexts.getStore();
  return () => contexts.run(ids ?? {}, work);
}

/** Adds ids to the rest of the work under way, such as a request whose delivery is known only now. */
export function addToLogContext(ids: LogContext): void {
  Object.assign(contexts.getStore() ?? {}, ids);
}

/** For pino: the ids of the work under way. A copy, since pino writes into what it gets. */
export const logMixin = (): object => ({ ...contexts.getStore() });

/** @throws OperationalError where the log file can't be written. @param redact hides secrets in one finished line. */
export async function createLogger(
  options: Config['log'],
  redact: (line: string) => string = (line) => line,
): Promise<Logger> {
  const file = options.file === null ? null : openFile(options.file);
  const write = await stdoutWriter(options.format);
  const turns = inTurns((lines) => {
    write(lines);
    file?.write(lines);
  });
  return pino(
    { level: options.level, base: undefined, timestamp: pino.stdTimeFunctions.isoTime, mixin: logMixin },
    { write: (line: string) => turns.write(redact(line)) },
  );
}

const MAX_TURN_CHARACTERS = 64 * 1024;

/** Writes what is logged in one turn of the event loop at once: under load the calls cost more than the lines. */
function inTurns(write: (lines: string) => void): { write(line: string): void } {
  let lines = '';
  const flush = () => {
    const turn = lines;
    lines = '';
    unwritten.delete(flush);
    if (turn !== '') write(turn);
  };
  return {
    write(line) {
      if (lines === '') {
        unwritten.add(flush);
        setImmediate(flush);
      }
      lines += line;
      if (lines.length > MAX_TURN_CHARACTERS) flush();
    },
  };
}

/** What would be lost where the process ends within a turn. */
const unwritten = new Set<() => void>();
process.on('exit', () => unwritten.forEach((flush) => flush()));

function openFile(path: string): RotatingFile {
  try {
    return new RotatingFile(path);
  } catch (error) {
    throw new OperationalError(`The log file ${path} can't be written: ${messageOf(error)}.`, {
      advice: 'Set LOG_FILE to a file that can be, or to nothing to log to stdout alone.',
      cause: error,
    });
  }
}

async function stdoutWriter(format: 'json' | 'pretty'): Promise<(line: string) => void> {
  if (format === 'json') return (line) => void process.stdout.write(line);
  const { getTransformStream } = await import('@probot/pino');
  const pretty = await getTransformStream({ logFormat: 'pretty' });
  pretty.pipe(process.stdout);
  return (line) => void pretty.write(line);
}

/** Appends; at the size limit `x.log` becomes `x.log.1`, that `x.log.2`, and the oldest goes. */
export class RotatingFile {
  private fd = -1;
  private size = 0;

  constructor(
    private readonly path: string,
    private readonly maxBytes = MAX_FILE_BYTES,
  ) {
    mkdirSync(dirname(path), { recursive: true });
    this.open();
  }

  write(line: string): void {
    const bytes = Buffer.from(line);
    try {
      if (this.size > 0 && this.size + bytes.length > this.maxBytes) this.rotate();
      writeSync(this.fd, bytes);
      this.size += bytes.length;
    } catch {
      // A full disk must not end the server; the same line went to stdout.
    }
  }

  private open(): void {
    this.fd = openSync(this.path, 'a', 0o640);
    this.size = fstatSync(this.fd).size;
  }

  private rotate(): void {
    closeSync(this.fd);
    for (let n = KEPT_FILES - 1; n >= 0; n--) {
      try {
        renameSync(n === 0 ? this.path : `${this.path}.${n}`, `${this.path}.${n + 1}`);
      } catch {
        // That many files were not kept yet.
      }
    }
    this.open();
  }
}
