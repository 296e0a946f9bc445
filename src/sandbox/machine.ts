import type { Channel } from '../spawner/protocol.js';
import { startProgram } from '../spawner/spawner.js';
import type { ProcessGroup } from './cgroup.js';
import { killAll } from './kill-all.js';
import type { ProcessEntry } from './processes.js';
import type { SandboxUser } from './user.js';
import { MARK } from './watchdog.js';

/** The program that carries a script, or is replaced by it. */
export interface Machine {
  readonly pid: number;
  /** As /proc had it when it began. */
  readonly entry: ProcessEntry | undefined;
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
const MAX_CHANNEL_BYTES = 64 * 1024;

/**
 * Starts a program in a session of its own, with stdin empty. Where nobody will learn how it ends, as the process that
 * starts programs ended itself, all that carries its mark is ended.
 * @param mark a value of MARK, which is put into its environment
 * @param channels by file descriptor (from 1, without gaps)
 * @param group joined before the program can read any of that content
 * @throws where it can't be started
 */
export async function startMachine(options: {
  commandLine: string[];
  environment: Record<string, string>;
  mark: string;
  directory: string;
  user: SandboxUser | undefined;
  channels: Record<number, Channel>;
  group?: ProcessGroup | undefined;
}): Promise<Machine> {
  const { channels, group, mark, environment, ...rest } = options;
  const said: Record<number, string> = {};
  const listeners: (() => void)[] = [];
  const program = {
    ...rest,
    environment: { ...environment, [MARK]: mark },
    channels: ['ignore' as const, ...Object.values(channels)],
    maxSaidBytes: MAX_CHANNEL_BYTES,
    // The server answers first, however many processes a script starts; with the machine to itself a script loses
    // nothing by it. All of them inherit it, and none can take it back.
    yields: true,
    lists: group?.lists,
  };
  const { pid, entry, ended, kill } = await startProgram(program, (fd, chunk) => {
    said[fd] = (said[fd] ?? '') + chunk.toString();
    for (const listener of listeners) listener();
  }).catch(async (error: unknown) => {
    await killAll(mark);
    throw error;
  });
  return {
    pid,
    entry,
    ended: ended.then(async (end) => {
      if (end.error) await killAll(mark, entry);
      return { ...end, said };
    }),
    heard: (fd, pattern) =>
      new Promise((resolve) => {
        const look = () => {
          const match = pattern.exec(said[fd] ?? '');
          if (match) resolve(match);
        };
        listeners.push(look);
        look();
      }),
    kill: () => kill(),
  };
}
