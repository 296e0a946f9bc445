import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from '@jest/globals';
import { median, record } from './figures.js';

const ROUNDS = 25;
const ALLOWED_MS = 50;

describe('the sandbox', () => {
  it('costs a stage', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'codegenapp-bench-'));
    const child = fork(join(import.meta.dirname, 'sandboxes.mjs'), [folder], { execArgv: [] });
    const answer = async <Answer>() => ((await once(child, 'message')) as Answer[])[0]!;
    const { name } = await answer<{ name: string }>();
    const stage: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      child.send('run');
      stage.push((await answer<{ ms: number }>()).ms);
    }
    // The shell itself is not taken off: how long it takes to start is the machine's matter, not ours.
    record({
      name: `a stage that does nothing in ${name}, against 50 ms`,
      ours: median(stage),
      reference: ALLOWED_MS,
      unit: 'ms',
      ratio: median(stage) / ALLOWED_MS,
      bound: { most: 1 },
      rounds: ROUNDS,
    });
    child.disconnect();
    await once(child, 'exit');
    rmSync(folder, { recursive: true });
  });
});
