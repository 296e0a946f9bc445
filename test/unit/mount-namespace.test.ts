import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { OperationalError } from '../../src/domain/errors.js';
import { untilGone } from '../../src/sandbox/processes.js';
import { MountNamespace } from '../../src/spawner/mount-namespace.js';
import { runProgram } from '../../src/spawner/run.js';
import { mountTable, seenByPrograms, startProgram, startWithin } from '../../src/spawner/spawner.js';

const opened = await MountNamespace.open().catch((error: unknown) => String(error));
// eslint-disable-next-line no-console
if (typeof opened === 'string') console.warn(`The tests of mount namespaces are skipped: ${opened}`);
else opened.close();

(typeof opened === 'string' ? describe.skip : describe)('programs in a mount namespace', () => {
  let namespace: MountNamespace;
  let folder: string;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'codegenapp-namespace-'));
    namespace = await MountNamespace.open();
    startWithin(namespace);
  });
  afterEach(() => {
    startWithin(undefined);
    namespace.close();
    rmSync(folder, { recursive: true });
  });

  async function run(script: string): Promise<string> {
    const environment = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' };
    const commandLine = ['/bin/sh', '-c', script];
    const { code, stdout, stderr } = await runProgram({ commandLine, environment, directory: '/' }).result;
    if (code !== 0) throw new Error(stderr);
    return stdout;
  }

  const isThere = (): boolean => {
    try {
      return seenByPrograms('/') !== '';
    } catch {
      return false;
    }
  };

  const holder = () => Number(/^\/proc\/(\d+)\//.exec(seenByPrograms('/'))![1]);

  it('may mount, which this process sees by a path of its own alone', async () => {
    expect(await run(`id -u; mount -t tmpfs mine ${folder} && echo there > ${folder}/file`)).toBe('0\n');
    expect(existsSync(join(folder, 'file'))).toBe(false);
    expect(readFileSync(seenByPrograms(join(folder, 'file')), 'utf8')).toBe('there\n');
    expect(readFileSync(mountTable(), 'utf8')).toContain(folder);
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(folder);
    startWithin(undefined);
    expect(seenByPrograms(folder)).toBe(folder);
    expect(await run(`ls ${folder}`)).toBe('');
  });

  it('stay there when a service manager tells every process of the service to end', async () => {
    process.kill(holder(), 'SIGTERM');
    expect(await run('id -u')).toBe('0\n');
    expect(isThere()).toBe(true);
  });

  it('are not started elsewhere once it is gone, and nobody takes its files for missing', async () => {
    process.kill(holder(), 'SIGKILL');
    await untilGone('What holds the namespace', () => !isThere());
    const where = { directory: '/', environment: {}, commandLine: ['/bin/true'] };
    const started = startProgram({ ...where, channels: [], maxSaidBytes: 0 });
    await expect(started).rejects.toThrow(OperationalError);
    expect(() => seenByPrograms(folder)).toThrow(/was ended/);
  });
});
