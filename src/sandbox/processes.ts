import { readFileSync, readdirSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { SandboxError } from './contract.js';

export interface ProcessEntry {
  pid: number;
  parent: number;
  group: number;
  session: number;
  /** Clock ticks since boot: with the pid it names one process for good. */
  startTime: string;
  /** Ended and only waiting to be reaped. */
  isDead: boolean;
}

/** The process as /proc tells it; undefined when it is gone. */
export function readProcess(pid: number): ProcessEntry | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return undefined;
  }
  // proc(5): the name in parentheses may hold anything, so the fields are counted from behind it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return {
    pid,
    parent: Number(fields[1]),
    group: Number(fields[2]),
    session: Number(fields[3]),
    startTime: fields[19] ?? '',
    // The first thread may have ended while others still hold files and ports.
    isDead: (fields[0] === 'Z' || fields[0] === 'X') && Number(fields[17]) <= 1,
  };
}

/** Those that are not dead. */
export function listProcesses(): ProcessEntry[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => readProcess(Number(name)))
    .filter((entry): entry is ProcessEntry => entry !== undefined && !entry.isDead);
}

/** Whether that very process, not a later one of the same id, still runs. */
export function isAlive({ pid, startTime }: ProcessEntry): boolean {
  const entry = readProcess(pid);
  return entry !== undefined && entry.startTime === startTime && !entry.isDead;
}

/**
 * Whether a process's number is another one's by now: not as long as one is left in its group or session.
 * @param startTime of that process; undefined where it was gone when it was first looked at
 */
export function isReused(pid: number, startTime: string | undefined): boolean {
  const entry = readProcess(pid);
  return entry !== undefined && entry.startTime !== startTime;
}

/**
 * Whether the environment that a process was started with holds `NAME=value`. Undefined when it can't be told: a
 * process has none for a moment while it becomes another program, and one that cleared it for good.
 */
export function wasStartedWith(pid: number, variable: string): boolean | undefined {
  try {
    const environment = readFileSync(`/proc/${pid}/environ`, 'latin1');
    return environment === '' ? undefined : environment.split('\0').includes(variable);
  } catch {
    // Not ours to look at, so not one of ours; or gone.
    return false;
  }
}

/** No error when the process (or, for a negative number, the group) is already gone. */
export function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

export function killNow(pid: number): void {
  sendSignal(pid, 'SIGKILL');
}

const PATIENCE_MS = 20_000;

/**
 * Repeats `isDone` at growing intervals (1 to 50 ms) until it holds.
 * @throws SandboxError after 20 s, the time a killed process may spend in the kernel (a hung disk)
 */
export async function untilGone(what: string, isDone: () => boolean): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  for (let wait = 1; !isDone(); wait = Math.min(wait * 2, 50)) {
    if (performance.now() > deadline) {
      throw new SandboxError(`${what} did not end within ${PATIENCE_MS / 1000} s of SIGKILL.`);
    }
    await delay(wait);
  }
}
