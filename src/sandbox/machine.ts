// Not execa: a child here gets descriptors of ours by number (execa's types stop at 9), some that we write and
// some that we read beyond stderr, and nothing is to be buffered, piped or cleaned up on our exit.
import { constants, setPriority } from 'node:os';
import { spawn } from 'node:child_process';
import type { Duplex } from 'node:stream';
import type { ProcessGroup } from './cgroup.js';
import { killNow } from './processes.js';
import type { SandboxUser } from './user.js';

/** The program that carries a script, or is replaced by it. */
export interface Machine {
  /** Undefined when it could not be started. */
  readonly pid: number | undefined;
  /** Settles when it has ended and its side of every channel is closed. */
  readonly ended: Promise<MachineEnd>;
  /** Resolves with the first match in what was written to a channel; stays pending when it is never written. */
  heard(fd: number, pattern: RegExp): Promise<RegExpExecArray>;
  kill(): void;
}

export interface MachineEnd {
  code: number | null;
  signal: NodeJS.Signals | null;
  /** What was written to each channel that we read. */
  said: Record<number, string>;
  error?: Error;
}

/** No channel says more than a few lines; a script that finds one must not fill our memory. */
const MAX_CHANNEL_CHARACTERS = 64 * 1024;

/**
 * Starts a program in a session of its own, with stdin empty.
 * @param channels by file descriptor (from 1, without gaps): a descriptor of ours to hand on, content to be
 *   read by the program, or `listen` for what it writes
 * @param group joined before the program can read any of that content
 */
export function startMachine(options: {
  commandLine: string[];
  environment: Record<string, string>;
  directory: string;
  user: SandboxUser | undefined;
  channels: Record<number, number | Uint8Array | 'listen'>;
  group?: ProcessGroup | undefined;
}): Machine {
  const [file = '', ...args] = options.commandLine;
  const channels = Object.values(options.channels);
  const child = spawn(file, args, {
    env: options.environment,
    cwd: options.directory,
    detached: true,
    ...options.user,
    stdio: ['ignore', ...channels.map((channel) => (typeof channel === 'number' ? channel : 'pipe'))],
  });
  // The server answers first, however many processes a script starts; with the machine to itself a script loses
  // nothing by it. All of them inherit it, and none can take it back.
  if (child.pid !== undefined) {
    yieldToServer(child.pid);
    if (options.group) join(options.group, child.pid);
  }
  const said: Record<number, string> = {};
  const listeners: (() => void)[] = [];
  channels.forEach((channel, index) => {
    const stream = child.stdio[index + 1] as Duplex | null;
    if (typeof channel === 'number' || !stream) return;
    // A program that ends without reading is told by its end.
    stream.on('error', () => undefined);
    if (channel !== 'listen') {
      stream.resume().end(channel);
      return;
    }
    said[index + 1] = '';
    stream.on('data', (chunk: Buffer) => {
      said[index + 1] = (said[index + 1] + chunk.toString()).slice(0, MAX_CHANNEL_CHARACTERS);
      for (const listener of listeners) listener();
    });
  });
  const ended = new Promise<MachineEnd>((resolve) => {
    let error: Error | undefined;
    child.on('error', (cause) => {
      error = cause;
      if (child.pid === undefined) resolve({ code: null, signal: null, said, error });
    });
    child.on('close', (code, signal) => resolve({ code, signal, said, error }));
  });
  return {
    pid: child.pid,
    ended,
    heard: (fd, pattern) =>
      new Promise((resolve) => {
        const look = () => {
          const match = pattern.exec(said[fd] ?? '');
          if (match) resolve(match);
        };
        listeners.push(look);
        look();
      }),
    kill: () => {
      if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) killNow(child.pid);
    },
  };
}

/** @throws where it can't be put in; it is ended then */
function join(group: ProcessGroup, pid: number): void {
  try {
    group.add(pid);
  } catch (error) {
    // It ended already, and says why.
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return;
    killNow(pid);
    throw error;
  }
}

function yieldToServer(pid: number): void {
  try {
    setPriority(pid, constants.priority.PRIORITY_LOW);
  } catch {
    // It ended already.
  }
}
