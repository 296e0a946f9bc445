import { runProgram, type RunResult } from '../spawner/run.js';

/** Programs that wait, started but for their first act. */
export interface Prepared {
  /** Lets them begin; resolves when both have ended, whatever became of them. */
  run(): Promise<RunResult>;
  /** They shall never begin. Nothing happens where they have. */
  cancel(): void;
}

/** $1 is how many arguments the first of the two command lines has. */
const PROGRAM = 'read -r || exit 0; "${@:2:$1}" & "${@:2+$1}" && wait $!';
const STDIN = 0;

/**
 * Starting programs takes as long as many of them run: so a shell is started while something else is waited for, and
 * starts them when told to.
 * @param before what the shell is started through, as setpriv
 * @param commandLines of two programs, which run at the same time and fail together
 * @param signal ends them; run() resolves when they are gone
 */
export function prepare(
  before: string[],
  [first, second]: [string[], string[]],
  options: { environment: Record<string, string>; directory: string; maxSaidBytes?: number },
  signal?: AbortSignal,
): Prepared {
  // A pipe of Node is a socket, and with one for its stdin bash takes itself for a remote shell and reads ~/.bashrc,
  // with -p too (bash(1), INVOCATION).
  const shell = ['/bin/bash', '--norc', '-p', '-c', PROGRAM, 'prepared', String(first.length)];
  const commandLine = [...before, ...shell, ...first, ...second];
  const { started, result } = runProgram({ ...options, commandLine, stdin: 'later' }, signal);
  const tell = async (line: string) => (await started).finish(STDIN, Buffer.from(line));
  return {
    run: async () => {
      await tell('\n');
      return await result;
    },
    cancel: () => void tell('').catch(() => undefined),
  };
}
