import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from '@jest/globals';
import { runScript } from '../../src/sandbox/run-script.js';
import { selectSandbox } from '../../src/sandbox/select.js';
import { sandboxUser } from '../../src/sandbox/user.js';
import { median, record, timed } from './figures.js';

const ROUNDS = 25;
const ALLOWED_MS = 50;

describe('the sandbox', () => {
  it('costs a stage', async () => {
    const { sandbox, totals } = await selectSandbox({
      mode: 'auto',
      production: false,
      loopbackOnly: true,
      log: { info: () => undefined, warn: (warning) => process.stderr.write(`${warning}\n`) },
    });
    const group = totals?.create();
    const folder = mkdtempSync(join(tmpdir(), 'codegenapp-bench-'));
    chmodSync(folder, 0o755);
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
    const stage: number[] = [];
    for (let round = 0; round < ROUNDS; round++)
      stage.push(await timed(() => runScript({ sandbox, command })));
    // The shell itself is not taken off: how long it takes to start depends on the size of this process, not on ours.
    record({
      name: `a stage that does nothing in ${sandbox.name}, against 50 ms`,
      ours: median(stage),
      reference: ALLOWED_MS,
      unit: 'ms',
      ratio: median(stage) / ALLOWED_MS,
      bound: { most: 1 },
      rounds: ROUNDS,
    });
    await group?.remove();
    rmSync(folder, { recursive: true });
  });
});
