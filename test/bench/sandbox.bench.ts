import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from '@jest/globals';
import { median, record } from './figures.js';
import { startProgram } from './own-process.js';

const ROUNDS = 25;
const ALLOWED_MS = 50;

describe('the sandbox', () => {
  it('costs a stage', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'codegenapp-bench-'));
    const child = startProgram(join(import.meta.dirname, 'sandboxes.mjs'), [folder]);
    const { name } = await child.said<{ name: string }>();
    const stage: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      child.send('run');
      stage.push((await child.said<{ ms: number }>()).ms);
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
    await child.ended();
    rmSync(folder, { recursive: true });
  });
});
