import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openOutputPipe, type OutputPipe } from '../../../src/sandbox/output-pipe.js';
import { ownDirectory } from '../../../src/sandbox/own-directory.js';
import { listProcesses } from '../../../src/sandbox/processes.js';

/** As in sched(7) and linux/sched.h. */
const SCHED_BATCH = 3;

/** The scheduling policies of the programs of this name that this process has started; see proc_pid_stat(5). */
function policiesOf(program: string): number[] {
  return listProcesses()
    .filter(({ parent }) => parent === process.pid)
    .map(({ pid }) => readFileSync(`/proc/${pid}/stat`, 'utf8'))
    .filter((stat) => stat.includes(`(${program})`))
    .map((stat) => Number(stat.split(' ')[40]));
}

const isLinux = process.platform === 'linux';

async function runOn(output: OutputPipe, script: string): Promise<void> {
  const end = openSync(output.path, 'w');
  const child = spawn('bash', ['-c', script], { stdio: ['ignore', end, 'ignore'] });
  closeSync(end);
  output.handedOn();
  await once(child, 'exit');
  await output.written;
}

(isLinux ? describe : describe.skip)('what a script writes', () => {
  let folder: string;
  let file: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'codegenapp-output-'));
    file = join(folder, 'log');
  });
  afterEach(() => rm(folder, { recursive: true }));

  /** Runs a script on a pipe; resolves when all it wrote is in the file. */
  const run = async (script: string): Promise<void> => {
    const output = await openOutputPipe(file);
    await runOn(output, script);
  };

  it('is appended, a little or much, in order', async () => {
    await writeFile(file, 'before\n');
    await run('echo one');
    await run('seq 1 200000; echo done');
    const lines = (await readFile(file, 'utf8')).trimEnd().split('\n');
    expect(lines.slice(0, 2)).toEqual(['before', 'one']);
    expect(lines.slice(2, -1)).toEqual(Array.from({ length: 200_000 }, (_, n) => String(n + 1)));
    expect(lines.at(-1)).toBe('done');
  });

  it('stays where the script opens its output anew', async () => {
    await run('exec 2>&1; echo one; echo two > /dev/stdout; echo three | tee /dev/stderr >/dev/null');
    expect(await readFile(file, 'utf8')).toBe('one\ntwo\nthree\n');
  });

  it('of one is not mixed with that of others', async () => {
    await Promise.all(
      Array.from({ length: 12 }, async (_, n) => {
        const own = join(folder, `log-${n}`);
        const output = await openOutputPipe(own);
        await runOn(output, `seq ${n} ${n + 50_000}`);
        const lines = (await readFile(own, 'utf8')).trimEnd().split('\n');
        expect([lines[0], lines.at(-1), lines.length]).toEqual([String(n), String(n + 50_000), 50_001]);
      }),
    );
  });

  it('is read by who takes the processor from nobody, where it is much', async () => {
    const go = join(folder, 'go');
    const output = await openOutputPipe(file);
    const ended = runOn(output, `seq 1 200000; until [ -e ${go} ]; do sleep 0.01; done`);
    while (!policiesOf('cat').includes(SCHED_BATCH)) await sleep(10);
    await writeFile(go, '');
    await ended;
  });

  it('arrives where somebody has removed the pipes', async () => {
    await run('echo one');
    for (const name of await readdir(ownDirectory()))
      if (name.startsWith('pipe-')) await rm(join(ownDirectory(), name));
    await run('echo two');
    expect(await readFile(file, 'utf8')).toBe('one\ntwo\n');
  });
});
