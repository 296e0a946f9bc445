import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { prepare } from '../../src/git/prepared.js';

it('a prepared shell runs nothing of its user before what it is to run', async () => {
  const home = mkdtempSync(join(tmpdir(), 'codegenapp-home-'));
  const [ofUser, first, second] = ['of-user', 'first', 'second'].map((name) => join(home, name));
  for (const file of ['.bashrc', '.profile', '.bash_profile', '.bash_env'])
    writeFileSync(join(home, file), `touch ${ofUser}\n`);
  const env = { PATH: '/usr/bin:/bin', HOME: home, BASH_ENV: join(home, '.bash_env') };
  const prepared = prepare(
    [],
    [
      ['touch', first!],
      ['touch', second!],
    ],
    { environment: env, directory: home },
  );
  expect((await prepared.run()).code).toBe(0);
  expect([first!, second!, ofUser!].map((file) => existsSync(file))).toEqual([true, true, false]);
  rmSync(home, { recursive: true });
});
