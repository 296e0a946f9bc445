import { addAbortListener } from 'node:events';
import type { Program, ProgramEnd } from './protocol.js';
import { startProgram, type Started } from './spawner.js';

export interface RunResult extends ProgramEnd {
  /** Whether it said more than is kept. */
  isCut: boolean;
  stdout: string;
  stderr: string;
}

export interface RunningProgram {
  readonly started: Promise<Started>;
  /** Settles when it has ended; rejects as startProgram. */
  readonly result: Promise<RunResult>;
}

const STDOUT = 1;
const STDERR = 2;
const SAID_BYTES = 1024 ** 2;

/**
 * Starts a program whose stdout and stderr are wanted when it has ended.
 * @param signal ends it, and what it has started, at once
 */
export function runProgram(
  program: Omit<Program, 'channels' | 'maxSaidBytes'> & {
    stdin?: 'ignore' | 'later' | 'socket';
    maxSaidBytes?: number;
  },
  signal?: AbortSignal,
): RunningProgram {
  const { stdin = 'ignore', maxSaidBytes = SAID_BYTES, ...rest } = program;
  const said: Record<number, Buffer[]> = { [STDOUT]: [], [STDERR]: [] };
  const started = startProgram(
    { ...rest, maxSaidBytes, channels: [stdin, 'listen', 'listen'] },
    (fd, chunk) => said[fd]!.push(chunk),
  );
  const run = async (): Promise<RunResult> => {
    const { ended, kill } = await started;
    const listener = signal && addAbortListener(signal, () => kill());
    const end = await ended;
    listener?.[Symbol.dispose]();
    const [stdout, stderr] = [STDOUT, STDERR].map((fd) => Buffer.concat(said[fd]!));
    const isCut = Math.max(stdout!.length, stderr!.length) >= maxSaidBytes;
    return { ...end, isCut, stdout: stdout!.toString(), stderr: stderr!.toString() };
  };
  const result = run();
  // Whoever asks for it is told.
  result.catch(() => undefined);
  return { started, result };
}
