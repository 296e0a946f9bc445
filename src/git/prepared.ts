import { runProgram, type RunResult } from '../spawner/run.js';
import { SHELL, shellWords } from '../spawner/shell.js';

/** Programs that wait, started but for their first act. */
export interface Prepared {
  /** Lets them begin; resolves when both have ended, whatever became of them. */
  run(): Promise<RunResult>;
  /** They shall never begin. Nothing happens where they have. */
  cancel(): void;
}

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
  // (Not bash: a pipe of Node is a socket, and with one for its stdin that takes itself for a remote shell and reads
  // ~/.bashrc. As sh it does not.)
  const program = `read -r _ || exit 0; ${shellWords(first)} & ${shellWords(second)} && wait $!`;
  const commandLine = [...before, SHELL, '-c', program];
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
