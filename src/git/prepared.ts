import { addAbortListener } from 'node:events';
import { execa, type Options, type Result } from 'execa';

/** Programs that wait, started but for their first act. */
export interface Prepared {
  /** Lets them begin; resolves when both have ended, whatever became of them. */
  run(): Promise<Result>;
  /** They shall never begin. Nothing happens where they have. */
  cancel(): void;
}

/** $1 is how many arguments the first of the two command lines has. */
const PROGRAM = 'read -r || exit 0; "${@:2:$1}" & "${@:2+$1}" && wait $!';

/**
 * Starting a program takes this process as long as many a program runs: so a shell is started while something else
 * is waited for, and starts them when told to. Nothing happens where this process ends before.
 * @param before what the shell is started through, as setpriv
 * @param commandLines of two programs, which run at the same time and fail together
 * @param signal ends them; run() resolves when they are gone
 */
export function prepare(
  before: string[],
  [first, second]: [string[], string[]],
  options: Omit<Options, 'cancelSignal'>,
  signal?: AbortSignal,
): Prepared {
  // A pipe of Node is a socket, and with one for its stdin bash takes itself for a remote shell and reads ~/.bashrc,
  // with -p too (bash(1), INVOCATION).
  const shell = ['/bin/bash', '--norc', '-p', '-c', PROGRAM, 'prepared', String(first.length)];
  const [file = '', ...args] = [...before, ...shell, ...first, ...second];
  // In a group of their own, so that the shell can be ended with what it has started.
  const more = { cleanup: false, detached: true, stdin: 'pipe', reject: false } as const;
  const child = execa(file, args, { ...options, ...more });
  child.stdin.on('error', () => undefined);
  const end = () => killGroup(child.pid, 'SIGKILL');
  const listener = signal && addAbortListener(signal, end);
  const ended = child.finally(() => listener?.[Symbol.dispose]());
  return {
    run: async () => {
      child.stdin.end('\n');
      return await ended;
    },
    cancel: () => child.stdin.end(),
  };
}

/** Nothing happens where all of it has ended. */
export function killGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // Nothing of it is left.
  }
}
