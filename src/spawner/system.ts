import { runProgram } from './run.js';

const ENVIRONMENT = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' };
/** What takes longer has met a disk that does not answer. */
const PATIENCE_MS = 60_000;

/**
 * Runs a program of the machine's own, as mount is, without anything of our environment.
 * @returns what it wrote to stdout. Throws with what it said where it failed
 */
export async function runSystem(commandLine: string[], directory = '/'): Promise<string> {
  const patience = AbortSignal.timeout(PATIENCE_MS);
  const program = { commandLine, directory, environment: ENVIRONMENT };
  const { code, signal, error, stdout, stderr } = await runProgram(program, patience).result;
  if (code === 0) return stdout;
  throw new Error(stderr.trim() || `${commandLine[0]} ended with ${signal ?? code}`, { cause: error });
}
