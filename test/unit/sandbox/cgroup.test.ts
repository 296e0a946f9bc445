import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { defaultTotals } from '../../../src/sandbox/cgroup.js';
import { findCgroupPlace } from '../../../src/sandbox/cgroup-place.js';
import { readProcess } from '../../../src/sandbox/processes.js';

const GIB = 1024 ** 3;

describe('the place of control groups', () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'codegenapp-cgroup-'));
  });
  afterEach(() => rmSync(root, { recursive: true }));

  /** Files of a directory tree that looks like a cgroup file system (which takes more than files can show). */
  function files(tree: Record<string, string>): void {
    for (const [path, content] of Object.entries(tree)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), content);
    }
  }
  const content = (path: string) => readFileSync(join(root, path), 'utf8');
  const find = (more: { cgroup: string; mountRoot?: string; hasSystemd?: boolean; v1?: boolean }) => {
    const types = more.v1
      ? ['memory', 'pids', 'cpu,cpuacct'].map((name) => [
          `${root}/${name}`,
          `cgroup cgroup rw,nosuid,${name}`,
        ])
      : [[root, 'cgroup2 cgroup2 rw,nsdelegate']];
    const mountinfo = types
      .map(([at, type], n) => `${30 + n} 20 0:2${n} ${more.mountRoot ?? '/'} ${at} rw,nosuid - ${type}\n`)
      .join('');
    return findCgroupPlace({ cgroup: more.cgroup, mountinfo, hasSystemd: more.hasSystemd ?? false });
  };
  const service = (procs: string) => ({
    'app.service/cgroup.type': 'domain\n',
    'app.service/cgroup.controllers': 'cpu io memory pids\n',
    'app.service/cgroup.subtree_control': '\n',
    'app.service/cgroup.procs': procs,
  });

  it('of version 2 is its own group, which it leaves for a leaf', async () => {
    files(service(`${process.pid}\n`));
    const place = await find({ cgroup: '0::/app.service\n' });
    const yielding = join(root, 'app.service/codegenapp-yielding');
    expect(place).toEqual({
      version: 2,
      memory: yielding,
      pids: yielding,
      cpu: yielding,
      programs: join(yielding, 'codegenapp-programs/cgroup.procs'),
    });
    expect(content('app.service/codegenapp-server/cgroup.procs')).toBe(String(process.pid));
    expect(content('app.service/codegenapp-yielding/cgroup.subtree_control')).toBe('+memory +pids +cpu');
  });

  it('of version 2 is found again from that leaf', async () => {
    files({
      ...service(''),
      'app.service/cgroup.subtree_control': 'memory pids cpu\n',
      'app.service/codegenapp-server/cgroup.controllers': 'memory pids cpu\n',
    });
    const place = await find({ cgroup: '0::/app.service/codegenapp-server\n' });
    expect(place).toMatchObject({ version: 2, pids: join(root, 'app.service/codegenapp-yielding') });
  });

  it('is not one with other programs in it', async () => {
    files(service(`1\n${process.pid}\n`));
    await expect(find({ cgroup: '0::/app.service\n' })).rejects.toThrow('other programs');
    expect(content('app.service/cgroup.subtree_control')).toBe('\n');
  });

  (process.getuid?.() === 0 ? it : it.skip)('is not one that systemd manages (as root)', async () => {
    files(service(`${process.pid}\n`));
    const found = find({ cgroup: '0::/app.service\n', hasSystemd: true });
    await expect(found).rejects.toThrow('with Delegate=yes it can be used');
    expect(content('app.service/cgroup.subtree_control')).toBe('\n');
  });

  it('of version 2 is one of its own in the root of all, where nothing manages that', async () => {
    files({
      'cgroup.controllers': 'memory pids\n',
      'cgroup.subtree_control': '',
      'cgroup.procs': '1\n2\n',
    });
    await expect(find({ cgroup: '0::/\n', hasSystemd: true })).rejects.toThrow('systemd manages');
    const { memory } = await find({ cgroup: '0::/\n' });
    const own = dirname(memory);
    expect([dirname(own), basename(own)]).toEqual([
      root,
      expect.stringMatching(`^codegenapp-server-${process.pid}-`),
    ]);
    expect(content(`${basename(own)}/codegenapp-server/cgroup.procs`)).toBe(String(process.pid));
    files({ [`${basename(own)}/codegenapp-server/cgroup.controllers`]: 'memory pids\n' });
    expect(await find({ cgroup: `0::/${basename(own)}/codegenapp-server\n` })).toMatchObject({ memory });

    // What another server started does not live in that one's.
    const other = `codegenapp-server-1-${readProcess(1)!.startTime}-abc`;
    files({ [`${other}/codegenapp-server/cgroup.controllers`]: 'memory pids\n' });
    const beside = await find({ cgroup: `0::/${other}/codegenapp-server\n` });
    expect(dirname(dirname(beside.memory))).toBe(root);
    expect(basename(dirname(beside.memory))).toContain(`-${process.pid}-`);
  });

  it('of version 1 is one for each controller, also in a container that shows a part', async () => {
    const cgroup = '4:cpu,cpuacct:/box/1\n3:pids:/box/1/app\n2:memory:/box/1\n0::/\n';
    mkdirSync(join(root, 'cpu,cpuacct'));
    const place = await find({ cgroup, mountRoot: '/box/1', v1: true });
    expect(place).toMatchObject({ version: 1, memory: join(root, 'memory'), pids: join(root, 'pids/app') });
    const own = dirname(place.cpu!);
    expect([dirname(own), basename(own)]).toEqual([
      join(root, 'cpu,cpuacct'),
      expect.stringMatching(`^codegenapp-server-${process.pid}-`),
    ]);
    expect(readFileSync(join(own, 'cgroup.procs'), 'utf8')).toBe(String(process.pid));
  });

  it('is there without a share of the processor where that can not be had', async () => {
    const cgroup = '4:cpu,cpuacct:/gone\n3:pids:/\n2:memory:/\n';
    expect(await find({ cgroup, v1: true })).toMatchObject({ version: 1, cpu: null, programs: null });
  });

  it('is nowhere without the controllers', async () => {
    files({ 'cgroup.controllers': 'hugetlb\n' });
    await expect(find({ cgroup: '0::/\n' })).rejects.toThrow('no control groups');
    await expect(find({ cgroup: '' })).rejects.toThrow('no control groups');
  });
});

describe('the totals of a pipeline', () => {
  it('share three quarters of the memory', () => {
    expect(defaultTotals(4, 16 * GIB).memoryBytes).toBe(3 * GIB);
    expect(defaultTotals(1, 24 * GIB).memoryBytes).toBe(18 * GIB);
    expect(defaultTotals(8, 4 * GIB).memoryBytes).toBe(GIB);
  });
});
