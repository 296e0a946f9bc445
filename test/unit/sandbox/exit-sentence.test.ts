import { describe, expect, it } from '@jest/globals';
import { exitSentence } from '../../../src/sandbox/exit-sentence.js';

const SECOND = 1000;
const MINUTE = 60 * SECOND;

it('takes no long time over a log made for that', () => {
  // Ten times what is ever looked at: in quadratic time that were most of a minute.
  for (const tail of ['1'.repeat(160_000), '1: '.repeat(50_000), `1: x: ${'a '.repeat(80_000)}`])
    for (const code of [126, 127]) {
      const began = performance.now();
      expect(sentence(code, tail)).toContain(`exit code ${code}`);
      expect(performance.now() - began).toBeLessThan(5_000);
    }
});

function sentence(code: number, logTail = '', script = 'npm test'): string {
  return exitSentence({ script, logTail, result: { outcome: 'exited', code, durationMs: 12 * SECOND } });
}

describe('a script that ended', () => {
  it.each([
    [0, '', '`npm test` succeeded after 12 s.'],
    [1, 'anything', '`npm test` ended with exit code 1 after 12 s.'],
    [127, 'x\nbash: line 3: foo: command not found\n', ': the command `foo` was not found (line 3).'],
    [127, 'sh: 1: jest: not found\n', ': the command `jest` was not found.'],
    [
      127,
      'bash: line 1: a: command not found\nbash: line 2: b: command not found',
      '`b` was not found (line 2).',
    ],
    [127, '', ': a command was not found.'],
    [126, 'bash: line 2: ./run.sh: Permission denied\n', '`./run.sh` could not be run: it is not executable'],
    [126, 'bash: line 2: ./dir: Is a directory\n', '`./dir` could not be run: Is a directory.'],
    [134, 'FATAL ERROR: Reached heap limit - JavaScript heap out of memory', ': Node.js ran out of memory'],
    [137, 'Killed', 'killed (SIGKILL), probably because memory ran out (a process may use 4 GiB).'],
    [139, '', 'crashed (SIGSEGV, a segmentation fault).'],
    [143, '', 'terminated (SIGTERM).'],
    [153, '', 'a file grew beyond 2 GiB (SIGXFSZ).'],
    [154, '', 'ended by the signal SIGVTALRM.'],
    [255, '', '`npm test` ended with exit code 255 after 12 s.'],
  ])('with %d and %j', (code, tail, expected) => expect(sentence(code, tail)).toContain(expected));
});

describe('a script that was ended', () => {
  const end = (outcome: Parameters<typeof exitSentence>[0]['result']['outcome'], durationMs: number) =>
    exitSentence({
      script: 'npm test',
      result: { outcome, code: null, durationMs },
      timeoutMs: 10 * MINUTE,
      timeoutSetting: 'stage_timeout_seconds',
      limits: { maxWorkspaceFiles: 250_000 },
    });

  it.each([
    ['timed_out', '`npm test` was ended because it ran longer than 10 min (stage_timeout_seconds).'],
    ['aborted', '`npm test` was ended after 1 min 30 s because the pipeline was cancelled.'],
    ['output_limit', '`npm test` was ended after 1 min 30 s because it wrote more than 1 GiB of output.'],
    [
      'workspace_limit',
      '`npm test` was ended after 1 min 30 s because its files grew beyond 10 GiB or 250,000 in number, or lie too deep (paths of over 4,000 characters).',
    ],
    ['disk_full', '`npm test` was ended after 1 min 30 s because less than 512 MiB of disk were left.'],
  ] as const)('%s', (outcome, expected) => expect(end(outcome, 90 * SECOND)).toBe(expected));
});

describe('the name of a script', () => {
  it.each([
    ['npm test\n', '`npm test` ended'],
    ['# comment\n\nnpm ci\nnpm test', '`npm ci…` ended'],
    [`echo ${'x'.repeat(100)}`, `\`echo ${'x'.repeat(55)}…\` ended`],
    ['echo `date`', "`echo 'date'` ended"],
    ['', 'The script ended'],
  ])('%j', (script, expected) => expect(sentence(1, '', script)).toContain(expected));
});

describe('a duration', () => {
  it.each([
    [40, '0 s'],
    [430, '0.4 s'],
    [9960, '10 s'],
    [59_600, '1 min'],
    [65 * MINUTE, '1 h 5 min'],
  ])('of %d ms', (durationMs, expected) => {
    const result = { outcome: 'exited' as const, code: 1, durationMs };
    expect(exitSentence({ script: 'x', result })).toBe(`\`x\` ended with exit code 1 after ${expected}.`);
  });
});
