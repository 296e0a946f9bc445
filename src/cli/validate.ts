import { writeFile } from 'node:fs/promises';
import parse from 'yargs-parser';
import { readConfig } from '../config.js';
import { runLocally } from './local-run.js';
import { printVerdict, TerminalObserver } from './terminal.js';

/** Exit code: 0 passed, 1 failed, 2 could not run. */
export async function validateCommand(args: string[]): Promise<number> {
  const options = parse(args, { string: ['base', 'head', 'json'], default: { base: 'main', head: 'HEAD' } });
  const unknown = Object.keys(options).filter((name) => !['_', 'base', 'head', 'json'].includes(name));
  if (unknown.length > 0 || options._.length > 1) {
    console.error(
      `validate does not take ${unknown.map((name) => `--${name}`).join(', ') || 'several folders'}.`,
    );
    return 2;
  }
  const finished = await runLocally({
    directory: String(options._[0] ?? '.'),
    head: String(options['head']),
    base: String(options['base']),
    config: readConfig(),
    observer: new TerminalObserver(),
    say: (sentence) => console.error(sentence),
  });
  printVerdict(finished);
  const { conclusion, reason, stages, run } = finished;
  if (options['json'])
    await writeFile(
      String(options['json']),
      `${JSON.stringify({ headSha: run.spec.headSha, conclusion, reason, stages, ...run.results }, null, 2)}\n`,
    );
  if (conclusion === 'success') return 0;
  return conclusion === 'failure' || conclusion === 'timed_out' ? 1 : 2;
}
