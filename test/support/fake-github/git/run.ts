import { spawnSync } from 'node:child_process';

/** Independent of whoever runs the tests: no configuration of the user's or the machine's, no prompt. */
export const GIT_ENVIRONMENT = {
  PATH: process.env['PATH'] ?? '',
  HOME: '/nonexistent',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_TERMINAL_PROMPT: '0',
};

/** Runs git and waits. Throws when it fails, unless that is asked about. */
export function runGit(
  args: string[],
  options: { allowFailure?: boolean } = {},
): { status: number; stdout: Buffer } {
  const result = spawnSync('git', args, { env: GIT_ENVIRONMENT, maxBuffer: 256 * 1024 * 1024 });
  if (result.error) throw result.error;
  if (result.status !== 0 && !options.allowFailure) {
    throw new Error(`git ${args.join(' ')} failed: ${result.stderr.toString()}`);
  }
  return { status: result.status ?? -1, stdout: result.stdout };
}

/** Whether git takes this as the name of a branch. */
export function isBranchName(name: string): boolean {
  if (/^[a-z0-9][a-z0-9_-]*(\/[a-z0-9][a-z0-9_-]*)*$/i.test(name)) return true;
  return runGit(['check-ref-format', `refs/heads/${name}`], { allowFailure: true }).status === 0;
}
