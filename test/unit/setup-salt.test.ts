import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { SetupLayers } from '../../src/pipeline/setup-cache/layers.js';

it('the salt of setup layers is one for all who ask at once, and never what was cut short', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'codegenapp-salt-'));
  const file = join(directory, 'setup-layers', 'salt');
  mkdirSync(join(directory, 'setup-layers'));
  writeFileSync(file, 'short');
  const whole = await new SetupLayers({ directory }).salt();
  expect(whole).toHaveLength(32);
  expect(readFileSync(file)).toEqual(whole);
  rmSync(file);
  const layers = new SetupLayers({ directory });
  const salts = await Promise.all(Array.from({ length: 10 }, () => layers.salt()));
  expect(new Set(salts.map((salt) => salt.toString('hex')))).toEqual(new Set([readFileSync(file, 'hex')]));
  rmSync(directory, { recursive: true });
});
