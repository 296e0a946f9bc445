import { constants, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { isAlive, readProcess, untilGone } from '../../src/sandbox/processes.js';
import type { Channel } from '../../src/spawner/protocol.js';
import { runProgram } from '../../src/spawner/run.js';
import { startProgram } from '../../src/spawner/spawner.js';
import { killSpawners } from '../support/kill-spawners.js';

const where = { directory: '/', environment: { PATH: '/usr/bin:/bin' } };
const isLinux = process.platform === 'linux';

describe('a program that is started through the spawner', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'codegenapp-spawner-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  async function run(script: string, channels: Channel[], maxSaidBytes = 1000) {
    const said: Record<number, string> = {};
    const commandLine = ['/bin/sh', '-c', script];
    const started = await startProgram({ ...where, commandLine, channels, maxSaidBytes }, (fd, chunk) => {
      said[fd] = (said[fd] ?? '') + chunk.toString();
    });
    return { ...started, said };
  }

  it('reads what it is given, and is heard', async () => {
    const file = join(folder, 'out');
    const { ended, finish, said } = await run('cat <&3; cat <&4; echo filed >&5; exit 7', [
      ...(['ignore', 'listen', 'listen'] as const),
      { content: Buffer.from('given\n') },
      'later',
      { open: file, flags: constants.O_WRONLY | constants.O_CREAT },
    ]);
    finish(4, Buffer.from('later\n'));
    expect(await ended).toEqual({ code: 7, signal: null });
    expect(said).toEqual({ 1: 'given\nlater\n' });
    expect(readFileSync(file, 'utf8')).toBe('filed\n');
  });

  it('gets all that is written to its socket', async () => {
    const { socket, ended, said } = await run('wc -c', ['socket', 'listen', 'ignore']);
    for (let n = 0; n < 50; n++) socket!.write(Buffer.alloc(10_000));
    socket!.end();
    expect(await ended).toEqual({ code: 0, signal: null });
    expect(said[1]!.trim()).toBe('500000');
  });

  it('has a socket that tells whoever writes to it that nobody reads', async () => {
    const { socket, ended } = await run('exit 1', ['socket', 'ignore', 'ignore']);
    await ended;
    const failure = await new Promise((resolve) => socket!.write('more', resolve));
    expect(failure).toMatchObject({ code: 'EPIPE' });
  });

  it('can fill nobody’s memory', async () => {
    const result = await runProgram({
      ...where,
      commandLine: ['/bin/sh', '-c', 'head -c 3000000 /dev/zero; echo ended >&2'],
      maxSaidBytes: 5000,
    }).result;
    expect(result).toMatchObject({ code: 0, isCut: true, stderr: 'ended\n' });
    expect(result.stdout).toHaveLength(5000);
  });

  it('has no variable and no descriptor but its own', async () => {
    process.env['CODEGENAPP_TEST_SECRET'] = 'a secret';
    const { stdout } = await runProgram({ ...where, commandLine: ['/usr/bin/env'] }).result;
    delete process.env['CODEGENAPP_TEST_SECRET'];
    expect(stdout).toBe(`PATH=${where.environment.PATH}\n`);
    if (!isLinux) return;
    const list = await runProgram({ ...where, commandLine: ['/bin/ls', '/proc/self/fd'] }).result;
    // The last one is the folder itself.
    expect(list.stdout).toBe('0\n1\n2\n3\n');
  });

  it('that is not there is told', async () => {
    const missing = runProgram({ ...where, commandLine: ['/no/such/program'] });
    await expect(missing.result).rejects.toThrow('spawn /no/such/program ENOENT');
  });

  it('is ended with all that it started', async () => {
    const stop = new AbortController();
    const script = 'sleep 100 & echo $!; wait';
    const { started, result } = runProgram({ ...where, commandLine: ['/bin/sh', '-c', script] }, stop.signal);
    await started;
    stop.abort();
    const { signal } = await result;
    expect(signal).toBe('SIGKILL');
  });

  (isLinux ? it : it.skip)('is ended with what outlives it and may still be heard', async () => {
    const { entry, ended, kill, said } = await run('sleep 100 & echo begun', ['ignore', 'listen']);
    await untilGone('The program', () => !isAlive(entry!));
    kill();
    expect(await ended).toEqual({ code: 0, signal: null });
    expect(said).toEqual({ 1: 'begun\n' });
  });

  (isLinux ? it : it.skip)(
    'is told of where the spawner is killed, and the next one is started',
    async () => {
      const first = await run('sleep 100', ['ignore', 'ignore', 'ignore']);
      const spawner = readProcess(first.entry!.parent)!;
      process.kill(spawner.pid, 'SIGKILL');
      const { error } = await first.ended;
      expect(error?.message).toBe('The process that starts programs ended (SIGKILL).');
      expect(isAlive(spawner)).toBe(false);
      // It was told to end; the kernel takes a moment.
      await untilGone('The program', () => !isAlive(first.entry!));
      const { ended } = await run('exit 3', ['ignore', 'ignore', 'ignore']);
      expect(await ended).toEqual({ code: 3, signal: null });
    },
  );

  (isLinux ? it : it.skip)('leaves nothing in its group where the spawner is killed after it', async () => {
    const { entry, ended, said } = await run('sleep 100 & echo $!', ['ignore', 'listen']);
    await untilGone('The program', () => said[1] !== undefined && !isAlive(entry!));
    const left = readProcess(Number(said[1]))!;
    expect(isAlive(left)).toBe(true);
    killSpawners();
    expect((await ended).error).toBeDefined();
    await untilGone('What it left', () => !isAlive(left));
  });
});
