/**
 * Reads report files outside this process. What a pull request's commands wrote may be made to exhaust a
 * parser; here that costs one child process with little memory and a time limit, never the event loop.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { compiledModule } from '../compiled-module.js';
import { OperationalError } from '../domain/errors.js';
import { LIMITS, UnreadableReport, type ParsedReport, type ReportFile } from './contract.js';
import { tooBig } from './index.js';
import { ListingBudget } from './test-list.js';
import type { ParseAnswer, ParseMessage, ParseRequest } from './parse-worker.js';

export interface ParseOptions {
  /** For all files together; what is left then is unreadable. Default 60 s. */
  timeoutMs?: number;
  /** For one file. Default 20 s; 20,000 tests take under one, and several where the machine is busy. */
  fileTimeoutMs?: number;
  /** Of the reading process's heap, in MB. Default 512. */
  memoryMb?: number;
}

export interface ParsedFile {
  path: string;
  /** Of the content; equal for copies of a file. */
  digest: string;
  reports: ParsedReport[];
}

export interface ParsedFiles {
  parsed: ParsedFile[];
  unreadable: UnreadableReport[];
}

/**
 * Reads report files and, where given, what was printed to a log. Every file ends up in `parsed` or in
 * `unreadable`; a log without a report in it is in neither. Throws OperationalError when no process can be
 * started.
 */
export async function parseReports(
  files: ReportFile[],
  { timeoutMs = 60_000, fileTimeoutMs = 20_000, memoryMb = 512 }: ParseOptions = {},
  log?: Buffer | string,
): Promise<ParsedFiles> {
  const result: ParsedFiles = { parsed: [], unreadable: [] };
  const requests = withinLimits(files, result.unreadable);
  if (log !== undefined && log.length > 0) requests.push({ path: 'the log', content: log, isLog: true });
  const budget = new ListingBudget();
  const worker = new Worker(memoryMb);
  const deadline = Date.now() + timeoutMs;
  try {
    for (const request of requests) {
      const answer = await worker.ask(request, Math.min(fileTimeoutMs, deadline - Date.now()));
      if ('reports' in answer) {
        const { digest } = answer;
        const reports = answer.reports.map((parsed) => fitted(parsed, budget));
        if (reports.length > 0) result.parsed.push({ path: request.path, digest, reports });
      } else if (!request.isLog) {
        const { reason, recognised } = answer;
        result.unreadable.push(new UnreadableReport(request.path, reason, { recognised }));
      }
    }
  } finally {
    await worker.end();
  }
  return result;
}

function fitted(parsed: ParsedReport, budget: ListingBudget): ParsedReport {
  return parsed.kind === 'tests' ? { ...parsed, report: budget.fit(parsed.report) } : parsed;
}

function withinLimits(files: ReportFile[], unreadable: UnreadableReport[]): Request[] {
  const requests: Request[] = [];
  let total = 0;
  for (const { path, content } of files) {
    const bytes = Buffer.byteLength(content);
    if (bytes > LIMITS.fileBytes) unreadable.push(tooBig(path, bytes));
    else if (requests.length >= LIMITS.files || total + bytes > LIMITS.totalBytes) {
      unreadable.push(new UnreadableReport(path, 'the reports before it were already as many as are read'));
    } else {
      total += bytes;
      requests.push({ path, content, isLog: false });
    }
  }
  return requests;
}

type Request = ParseRequest & Pick<ReportFile, 'content'>;

const CHUNK = 1024 ** 2;

/** In pieces, so that a large file holds up nothing else. A child that is gone is noticed by its exit. */
async function send(child: ChildProcess, request: ParseRequest, content: Buffer | string): Promise<void> {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  const post = (message: ParseMessage): Promise<unknown> =>
    new Promise((resolve) => child.send(message, (error) => resolve(error)));
  for (let at = 0; at < bytes.length && child.connected; at += CHUNK) {
    await post({ chunk: bytes.subarray(at, at + CHUNK) });
  }
  if (child.connected) await post(request);
}

/** One child process at a time, replaced when it had to be killed. */
class Worker {
  #child: ChildProcess | null = null;
  readonly #memoryMb: number;

  constructor(memoryMb: number) {
    this.#memoryMb = memoryMb;
  }

  async ask({ content, ...request }: Request, timeoutMs: number): Promise<ParseAnswer> {
    if (timeoutMs <= 0) return { reason: 'the time for reading reports was up', recognised: true };
    if (hasExited(this.#child)) this.#child = null;
    const child = (this.#child ??= await start(this.#memoryMb));
    return new Promise<ParseAnswer>((resolve) => {
      const settle = (answer: ParseAnswer): void => {
        clearTimeout(timer);
        child.off('message', onMessage).off('exit', onExit);
        resolve(answer);
      };
      const onMessage = (answer: unknown): void => settle(answer as ParseAnswer);
      const onExit = (code: number | null): void => {
        this.#child = null;
        // V8 aborts (by a signal, or 134) when its memory is used up; 1 is an exception of our reader.
        const reason = code === 1 ? 'reading it failed' : 'reading it took too much memory';
        settle({ reason, recognised: true });
      };
      const timer = setTimeout(() => {
        void this.end();
        settle({ reason: `reading it took longer than ${timeoutMs / 1000} s`, recognised: true });
      }, timeoutMs);
      child.on('message', onMessage).on('exit', onExit);
      void send(child, request, content);
    });
  }

  /** Resolves when no process is left. */
  async end(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (!child || hasExited(child)) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
}

const hasExited = (child: ChildProcess | null): boolean =>
  child !== null && (child.exitCode !== null || child.signalCode !== null);

async function start(memoryMb: number): Promise<ChildProcess> {
  const file = compiledModule('reports/parse-worker.js');
  try {
    const child = fork(file, [], {
      // Nothing of the server's environment or flags.
      env: {},
      execArgv: [`--max-old-space-size=${memoryMb}`, '--no-warnings'],
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    await once(child, 'spawn');
    child.on('error', () => undefined);
    return child;
  } catch (error) {
    throw new OperationalError('Test reports could not be read: no process could be started for it.', {
      advice: 'See whether the machine is out of processes or memory.',
      retryable: true,
      cause: error,
    });
  }
}
