import { chownSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from '@jest/globals';
import { execa } from 'execa';
import { runScript } from '../../src/sandbox/run-script.js';
import { selectSandbox } from '../../src/sandbox/select.js';
import { sandboxUser } from '../../src/sandbox/user.js';
import { median, record, timed } from './figures.js';

const ROUNDS = 25;
const ALLOWED_MS = 50;

describe('the sandbox', () => {
  it('of a stage, against the plain shell', async () => {
    const { sandbox, totals } = await selectSandbox({
      mode: 'auto',
      production: false,
      loopbackOnly: true,
      log: { info: () => undefined, warn: (warning) => process.stderr.write(`${warning}\n`) },
    });
    const group = totals?.create();
    const folder = mkdtempSync(join(tmpdir(), 'codegenapp-bench-'));
    const workspace = join(folder, 'workspace');
    mkdirSync(workspace);
    const user = sandboxUser();
    if (user) chownSync(workspace, user.uid, user.gid);
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
    const cost = median(stage) - median(shell);
    record({
      name: `cost of a stage in ${sandbox.name}, against 50 ms`,
      ours: cost,
      reference: ALLOWED_MS,
      unit: 'ms',
      ratio: cost / ALLOWED_MS,
      bound: { most: 1 },
      rounds: ROUNDS,
      note: `bash -c true ${median(shell).toFixed(1)} ms, a stage ${median(stage).toFixed(1)} ms`,
    });
    await group?.remove();
    rmSync(folder, { recursive: true });
  });
});
