import { secretsOf } from '../secrets.js';
import { ConfigError, readConfig, type Config } from '../config.js';
import { createRedactor } from '../domain/redaction.js';
import { messageOf } from '../domain/errors.js';
import { fail, ok, type Check, type Verdict } from './doctor/contract.js';
import { githubApp, githubToken } from './doctor/github.js';
import { browser, database, disk, git, overlays, sandbox } from './doctor/machine.js';
import { projects } from './doctor/projects.js';
import { codegen, gemini } from './doctor/services.js';

/** In the order they are reported. */
const CHECKS: readonly Check[] = [
  githubApp,
  githubToken,
  database,
  projects,
  disk,
  git,
  sandbox,
  overlays,
  browser,
  codegen,
  gemini,
];

const SIGNS = { ok: '✓', warn: '!', fail: '✗' } as const;

/**
 * Checks all that a server needs, by really using it, and says what to do.
 * @returns 1 where something does not work, otherwise 0
 */
export async function doctorCommand(
  env: NodeJS.ProcessEnv = process.env,
  print: (line: string) => void = console.log,
): Promise<number> {
  let config: Config;
  try {
    config = readConfig(env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const problem of error.problems) report(print, 'Configuration', fail(problem, ''));
    print('Everything else is checked once this is mended.');
    return 1;
  }
  const redactor = createRedactor(secretsOf(config));
  const safe = (line: string) => print(redactor.redact(line));
  report(safe, 'Configuration', ok('It has no mistakes.'));

  let failed = false;
  for (const check of CHECKS) {
    const verdicts = await check
      .run(config)
      .catch((error: unknown) => [
        fail(
          `The check itself broke: ${messageOf(error)}`,
          'Look whether the network or the service is down.',
        ),
      ]);
    for (const verdict of verdicts) report(safe, check.name, verdict);
    failed ||= verdicts.some(({ level }) => level === 'fail');
  }
  return failed ? 1 : 0;
}

function report(print: (line: string) => void, name: string, { level, says, advice }: Verdict): void {
  print(`${SIGNS[level]} ${name}: ${says}`);
  if (advice && level !== 'ok') print(`    ${advice}`);
}
