import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { runProgram } from '../../src/spawner/run.js';
import { SHELL } from '../../src/spawner/shell.js';

it('our shell runs nothing of its user before what it is to run, also with a socket as its stdin', async () => {
  const home = mkdtempSync(join(tmpdir(), 'codegenapp-home-'));
  const ofUser = join(home, 'of-user');
  for (const file of ['.bashrc', '.profile', '.bash_profile', '.bash_env'])
    writeFileSync(join(home, file), `touch ${ofUser}\n`);
  const environment = { PATH: '/usr/bin:/bin', HOME: home, BASH_ENV: join(home, '.bash_env') };
  const commandLine = [SHELL, '-c', 'cat'];
  const { started, result } = runProgram({ commandLine, environment, directory: home, stdin: 'socket' });
  (await started).socket!.end('read');
  expect(await result).toMatchObject({ code: 0, stdout: 'read' });
  expect(existsSync(ofUser)).toBe(false);
  rmSync(home, { recursive: true });
});
