/** What our own parts cost against the plain shell, measured interleaved in one run. */
import { chown, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import parse from 'yargs-parser';
import { runScript } from '../sandbox/run-script.js';
import { selectSandbox } from '../sandbox/select.js';
import { sandboxUser } from '../sandbox/user.js';

const ROUNDS = 25;

/** `--json FILE` writes the figures there too. Exit code 0. */
export async function benchCommand(args: string[]): Promise<number> {
  const options = parse(args, { string: ['json'] });
  const { sandbox, totals } = await selectSandbox({
    mode: 'auto',
    production: false,
    loopbackOnly: true,
    log: { info: () => undefined, warn: (warning) => console.error(warning) },
  });
  const group = totals?.create();
  const folder = await mkdtemp(join(tmpdir(), 'codegenapp-bench-'));
  try {
    const workspace = join(folder, 'workspace');
    await mkdir(workspace);
    const user = sandboxUser();
    if (user) await chown(workspace, user.uid, user.gid);
    const command = {
      script: 'true',
      workspace,
      environment: {},
      output: join(folder, 'log'),
      network: 'shared' as const,
      group,
    };
    const shell: number[] = [];
    const stage: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      shell.push(await timed(() => execa('/bin/bash', ['-c', 'true'])));
      stage.push(await timed(() => runScript({ sandbox, command })));
    }
    const figures = {
      sandbox: sandbox.name,
      rounds: ROUNDS,
      shellMs: median(shell),
      stageMs: median(stage),
      costMs: Number((median(stage) - median(shell)).toFixed(1)),
    };
    console.log(`A script that does nothing, median of ${ROUNDS}:`);
    console.log(`  bash -c true            ${figures.shellMs.toFixed(1).padStart(7)} ms`);
    console.log(`  a stage in ${sandbox.name.padEnd(12)} ${figures.stageMs.toFixed(1).padStart(7)} ms`);
    console.log(`  cost of a stage         ${figures.costMs.toFixed(1).padStart(7)} ms`);
    if (options['json']) await writeFile(String(options['json']), `${JSON.stringify(figures, null, 2)}\n`);
    return 0;
  } finally {
    await group?.remove();
    await rm(folder, { recursive: true, force: true });
  }
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

const median = (values: number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
