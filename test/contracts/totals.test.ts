import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { basename, dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { messageOf } from '../../src/domain/errors.js';
import { openTotals, type ProcessGroup, type Totals } from '../../src/sandbox/cgroup.js';
import { findCgroupPlace, type CgroupPlace } from '../../src/sandbox/cgroup-place.js';
import type { Sandbox } from '../../src/sandbox/contract.js';
import { exitSentence } from '../../src/sandbox/exit-sentence.js';
import { runScript, startPreview } from '../../src/sandbox/run-script.js';
import { listProcesses } from '../../src/sandbox/processes.js';
import { selectSandbox } from '../../src/sandbox/select.js';
import { runProgram } from '../../src/spawner/run.js';
import { makeSandboxWorkspace, processesWith, type SandboxWorkspace } from '../support/sandbox-workspace.js';

const MIB = 1024 ** 2;
const LIMITS = { memoryBytes: 160 * MIB, processes: 60 };

async function open(): Promise<{ totals: Totals; place: CgroupPlace } | string> {
  try {
    const place = await findCgroupPlace();
    return { place, totals: await openTotals(LIMITS, place) };
  } catch (error) {
    return messageOf(error);
  }
}

const pidsIn = (list: string): number[] => readFileSync(list, 'utf8').trim().split('\n').map(Number);

const opened = await open();
if (typeof opened === 'string') {
  // eslint-disable-next-line no-console
  console.warn(`The tests of totals are skipped: ${opened}`);
  describe.skip('totals', () => it(opened, () => undefined));
} else {
  for (const mode of ['bubblewrap', 'none'] as const) {
    const log = { info: () => undefined, warn: () => undefined };
    const found = await selectSandbox({ mode, production: false, loopbackOnly: true, log }).catch(messageOf);
    if (typeof found === 'string') describe.skip(`totals of ${mode}`, () => it(found, () => undefined));
    else describe(`totals of the ${found.sandbox.name} sandbox`, () => suite(found.sandbox, opened));
  }
}

function suite(sandbox: Sandbox, { totals, place }: { totals: Totals; place: CgroupPlace }): void {
  let workspace: SandboxWorkspace;
  let group: ProcessGroup;

  beforeEach(async () => {
    workspace = await makeSandboxWorkspace();
    group = totals.create();
  });
  afterEach(async () => {
    await group.remove();
    await group.remove();
    // There for the next pipeline, with nothing in it.
    for (const list of group.lists) expect(readFileSync(list, 'utf8')).toBe('');
    expect(processesWith(workspace.marker)).toEqual([]);
    await workspace.remove();
  });

  /** Holds as many bytes until it is told to end. */
  const holder = (mib: number) =>
    `node -e "const held = Buffer.alloc(${mib} * 2 ** 20, 1); console.log('held'); setInterval(() => held, 1000)"`;
  const run = (script: string) =>
    runScript({ sandbox, command: workspace.command(script, { group }), pollMs: 50, timeoutMs: 30_000 });

  it('end a script whose processes each use little, and together too much, and say so', async () => {
    const script = `for n in 1 2 3 4; do ${holder(60)} & done; wait`;
    const result = await run(script);
    expect(result.outcome).toBe('memory_limit');
    expect(exitSentence({ script, result, totalMemoryBytes: LIMITS.memoryBytes })).toMatch(
      /was ended after [\d.]+ s because the processes of this validation used more than 160 MiB of memory altogether\.$/,
    );
  });

  it('leave the processor to the server where both want it, as all that it starts does', async () => {
    // Welcome, but not needed: where it can't be had, there is nothing to see.
    if (place.cpu === null) return;
    // cgroups(7): since Linux 5.15.
    const idle = join(place.cpu, 'cpu.idle');
    if (existsSync(idle)) expect(readFileSync(idle, 'utf8')).toBe('1\n');
    expect(group.lists.map((list) => dirname(dirname(list)))).toContain(place.cpu);

    // Nobody else is next to it, who would stop all pipelines.
    const base = dirname(place.cpu);
    const own = place.version === 2 ? join(base, 'codegenapp-server') : base;
    expect(pidsIn(join(own, 'cgroup.procs'))).toContain(process.pid);
    const parents = new Map(listProcesses().map(({ pid, parent }) => [pid, parent]));
    const isOurs = (pid = 0): boolean => pid === process.pid || (pid > 1 && isOurs(parents.get(pid)));
    expect(pidsIn(join(own, 'cgroup.procs')).filter((pid) => !isOurs(pid))).toEqual([]);

    const waits = { commandLine: ['/bin/cat'], environment: {}, directory: '/', stdin: 'later' as const };
    const { pid, kill } = await runProgram(waits).started;
    expect(pidsIn(place.programs!)).toContain(pid);
    kill();
  });

  it('say so too where the script ends before anyone looks', async () => {
    const command = workspace.command(holder(300), { group });
    const result = await runScript({ sandbox, command, pollMs: 60_000, timeoutMs: 30_000 });
    expect(result.outcome).toBe('memory_limit');
  });

  it('count the preview in', async () => {
    const command = workspace.command(`${holder(70)} & exec ${holder(1)}`, { group });
    const preview = await startPreview({ sandbox, command, pollMs: 50 });
    const result = await run(`${holder(70)} & ${holder(50)}`);
    expect(result.outcome).toBe('memory_limit');
    expect((await preview.stop()).outcome).toMatch(/memory_limit|aborted/);
  });

  (sandbox.isolated ? it : it.skip)('count the private /tmp in', async () => {
    const result = await run('head -c 400M /dev/zero > /tmp/fill; sleep 20');
    expect(result.outcome).toBe('memory_limit');
  });

  it('bound the processes', async () => {
    const program =
      "const { spawn } = require('child_process'); let refused = 0, left = 100;" +
      "const told = () => --left || process.exit(); for (let n = 0; n < 100; n++) spawn('sleep', ['30']).on('spawn', told).on('error', ({ code }) => (console.log(code, ++refused), told()))";
    await run(`node -e "${program}"`);
    expect(await workspace.output()).toMatch(/EAGAIN 4\d/);
  });

  it('are joined before anything of the script runs', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const seen = once(server, 'connection');
    const ended = run(`exec 3<>/dev/tcp/127.0.0.1/${port}; read -r <&3`);
    const [socket] = (await seen) as [{ destroy(): void }];
    for (const list of group.lists) expect(readFileSync(list, 'utf8')).toMatch(/\d/);
    socket.destroy();
    server.close();
    expect((await ended).outcome).toBe('exited');
  });

  it('are taken again, where nobody has them and the limits are the same', async () => {
    const [other, larger] = [totals.create(), totals.create({ processes: 70 })];
    expect(new Set([group, other, larger].flatMap(({ lists }) => lists)).size).toBe(3 * group.lists.length);
    expect(readFileSync(join(place.pids, basename(dirname(larger.lists[0]!)), 'pids.max'), 'utf8')).toBe(
      '70\n',
    );
    await Promise.all([other.remove(), larger.remove()]);
    const again = totals.create();
    expect(again.lists).toEqual(other.lists);

    // Somebody tidies up.
    const removeDirectories = ({ lists }: ProcessGroup) => lists.forEach((list) => rmdirSync(dirname(list)));
    [again, larger].forEach(removeDirectories);
    const made = totals.create({ processes: 70 });
    expect(made.lists).not.toEqual(larger.lists);
    removeDirectories(made);
  });

  it('end what escaped, and what a server that died left', async () => {
    const child = spawn('/bin/sleep', ['1000'], { env: {}, detached: true, stdio: 'ignore' });
    const ended = once(child, 'exit');
    for (const list of group.lists) writeFileSync(list, String(child.pid));
    await group.remove();
    expect(await ended).toEqual([null, 'SIGKILL']);

    const stale = join(place.memory, `codegenapp-pipeline-${process.pid}-1-1`);
    const foreign = join(place.memory, 'another');
    for (const directory of [stale, foreign]) mkdirSync(directory);
    const left = spawn('/bin/sleep', ['1000'], { env: {}, detached: true, stdio: 'ignore' });
    const gone = once(left, 'exit');
    writeFileSync(join(stale, 'cgroup.procs'), String(left.pid));
    try {
      await openTotals(LIMITS, place);
      expect(await gone).toEqual([null, 'SIGKILL']);
      expect([existsSync(stale), existsSync(foreign)]).toEqual([false, true]);
    } finally {
      rmdirSync(foreign);
    }
  });
}
