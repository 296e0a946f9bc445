import { readFileSync } from 'node:fs';
import { expect, it } from '@jest/globals';
import { SETTING_KEYS, SETTINGS } from '../../src/domain/settings.js';

const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
const env = readFileSync(new URL('../../.env.example', import.meta.url), 'utf8');
const config = readFileSync(new URL('../../src/config.ts', import.meta.url), 'utf8');

it('the README tells every setting with its default', () => {
  const table = /<!-- settings -->([\s\S]*?)<!-- \/settings -->/.exec(readme)![1]!;
  for (const key of SETTING_KEYS) {
    const { description, default: fallback } = SETTINGS[key];
    const shown = fallback === null ? '-' : `\`${JSON.stringify(fallback)}\``;
    const row = table.split('\n').find((line) => line.startsWith(`| \`${key}\` `));
    expect(row?.split('|').map((cell) => cell.trim())).toEqual(['', `\`${key}\``, description, shown, '']);
  }
});

it('the README and .env.example name every variable that is read', () => {
  const names = new Set(
    [...config.matchAll(/(?:text|integer|choice|url)\(\s*'([A-Z_]+)'/g)].map((match) => match[1]!),
  );
  expect(names.size).toBeGreaterThan(20);
  for (const name of names) {
    expect(readme).toContain(`\`${name}\``);
    expect(env).toContain(name);
  }
});
