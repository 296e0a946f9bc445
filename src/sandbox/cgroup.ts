/** Totals over all processes of a pipeline, by Linux control groups, where they can be had. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import { messageOf } from '../domain/errors.js';
import { findCgroupPlace, type CgroupPlace } from './cgroup-place.js';
import { SandboxError } from './contract.js';
import { isAlive, killNow, readProcess, untilGone } from './processes.js';

export interface TotalLimits {
  memoryBytes: number;
  processes: number;
}

/** What one pipeline's processes are held to together; its sandboxes join it. */
export interface ProcessGroup {
  readonly limits: TotalLimits;
  /** Writing a process's number to each of these puts it in, and what it starts from then on. */
  readonly lists: string[];
  /** How many of its processes the kernel has ended because they used more memory together than they may. */
  memoryKills(): number;
  /** Ends what is in it, and gives it back. Safe to call twice. */
  remove(): Promise<void>;
}

export interface Totals {
  create(limits?: Partial<TotalLimits>): ProcessGroup;
}

const MIB = 1024 ** 2;
const GIB = 1024 * MIB;
/** Of the machine's memory that all pipelines may have. */
const MEMORY_SHARE = 0.75;

/** What each of `concurrency` pipelines may use: its share of three quarters of the memory, at least 1 GiB. */
export function defaultTotals(concurrency: number, memoryBytes = memoryOfMachine()): TotalLimits {
  const share = Math.floor((memoryBytes * MEMORY_SHARE) / concurrency / (256 * MIB)) * 256 * MIB;
  return { memoryBytes: Math.max(GIB, share), processes: 1024 };
}

/** A container may have less than the machine. */
function memoryOfMachine(): number {
  const bound = process.constrainedMemory();
  return bound > 0 ? Math.min(bound, totalmem()) : totalmem();
}

/**
 * Opens the totals after a try with a real process, and removes what servers that died left.
 * @throws SandboxError saying why there are none
 */
export async function openTotals(limits: TotalLimits, place?: CgroupPlace): Promise<Totals> {
  if (process.platform !== 'linux') throw new SandboxError('control groups (cgroups) are a part of Linux');
  try {
    const found = place ?? (await findCgroupPlace());
    await removeStale(found);
    const totals: Totals = { create: (own) => takeGroup(found, { ...limits, ...own }) };
    await tryOut(totals, found);
    return totals;
  } catch (error) {
    if (error instanceof SandboxError) throw error;
    throw new SandboxError(`control groups (cgroups) can't be made: ${messageOf(error)}`, { cause: error });
  }
}

const PREFIX = 'codegenapp-pipeline';

/** Names the process that made it for good, so that what a dead one left is known. */
function newName(): string {
  return [
    PREFIX,
    process.pid,
    readProcess(process.pid)?.startTime ?? '0',
    randomBytes(6).toString('hex'),
  ].join('-');
}

function isLeftOver(name: string): boolean {
  const [, , pid, startTime] = name.split('-');
  return readProcess(Number(pid))?.startTime !== startTime;
}

interface Group {
  name: string;
  directories: string[];
  limits: TotalLimits;
}

/** Groups with nothing in them: to make and to remove one costs the kernel 3 ms. By where they are. */
const free = new Map<string, Group[]>();

function takeGroup(place: CgroupPlace, limits: TotalLimits): ProcessGroup {
  if (free.size === 0) process.once('exit', removeFree);
  const ours = free.get(place.memory) ?? [];
  free.set(place.memory, ours);
  const known = ours.find((group) => isUsable(group, limits));
  if (known) ours.splice(ours.indexOf(known), 1);
  const group = known ?? makeGroup(place, limits);
  const { name, directories } = group;
  const events = join(place.memory, name, place.version === 2 ? 'memory.events' : 'memory.oom_control');
  const lists = directories.map((directory) => join(directory, 'cgroup.procs'));
  let removed: Promise<void> | undefined;
  return {
    limits,
    lists,
    memoryKills: () => Number(/^oom_kill (\d+)$/m.exec(readIfThere(events))?.[1] ?? 0),
    remove: () =>
      (removed ??= untilGone('What a pipeline started', () => isEmptied(lists)).then(
        () => void ours.push(group),
      )),
  };
}

/** Somebody may have tidied up. */
const isUsable = ({ limits, directories }: Group, { memoryBytes, processes }: TotalLimits): boolean =>
  limits.memoryBytes === memoryBytes &&
  limits.processes === processes &&
  directories.every((directory) => existsSync(directory));

function removeFree(): void {
  for (const { directories } of [...free.values()].flat()) directories.forEach(isRemoved);
}

function makeGroup(place: CgroupPlace, limits: TotalLimits): Group {
  const name = newName();
  const directories = directoriesOf(place, name);
  const memory = join(place.memory, name);
  const pids = join(place.pids, name);
  try {
    for (const directory of directories) mkdirSync(directory);
    const { memoryBytes, processes } = limits;
    writeFileSync(join(pids, 'pids.max'), String(processes));
    if (place.version === 2) {
      writeFileSync(join(memory, 'memory.max'), String(memoryBytes));
      writeIfThere(join(memory, 'memory.swap.max'), '0');
    } else {
      writeFileSync(join(memory, 'memory.limit_in_bytes'), String(memoryBytes));
      // Memory and swap together, so that nothing is swapped out instead.
      writeIfThere(join(memory, 'memory.memsw.limit_in_bytes'), String(memoryBytes));
    }
    if (place.cpu !== null) yieldToServer(join(place.cpu, name), place.version);
  } catch (error) {
    for (const directory of directories) if (existsSync(directory)) rmdirSync(directory);
    throw error;
  }
  return { name, directories, limits };
}

/**
 * Among groups a nice value means nothing: without this, each pipeline would have as much of the processor as the
 * server. A quarter, not the least there is: beside other programs that keep the machine busy, scripts of the least
 * weight (or of cpu.idle) stand still until their time is up, and the pull request would be blamed.
 */
function yieldToServer(cpu: string, version: 1 | 2): void {
  const [file, quarter] = version === 2 ? ['cpu.weight', '25'] : ['cpu.shares', '256'];
  writeIfThere(join(cpu, file), quarter);
}

function directoriesOf({ memory, pids, cpu }: CgroupPlace, name: string): string[] {
  const parents = new Set([memory, pids, ...(cpu === null ? [] : [cpu])]);
  return [...parents].map((parent) => join(parent, name));
}

/** @throws SandboxError where a process does not end */
async function removeGroup(directories: string[]): Promise<void> {
  const lists = directories.map((directory) => join(directory, 'cgroup.procs'));
  await untilGone('The control group of a pipeline', () => {
    isEmptied(lists);
    return directories.map(isRemoved).every(Boolean);
  });
}

/** Ends the processes in these lists; whether there were none any more. */
function isEmptied(lists: string[]): boolean {
  // Not cgroup.kill: it is there from Linux 5.14 on only, and this has to be anyway.
  const pids = lists.flatMap((list) => readIfThere(list).split('\n')).filter((pid) => pid !== '');
  // Processes of other pid namespaces are shown as 0.
  for (const pid of pids.map(Number)) if (pid > 0) killNow(pid);
  return pids.length === 0;
}

/** A group with processes, or with ones that ended a moment ago, is busy. */
function isRemoved(directory: string): boolean {
  try {
    rmdirSync(directory);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EBUSY' || code === 'ENOTEMPTY') return false;
    if (code === 'ENOENT') return true;
    throw error;
  }
}

async function removeStale(place: CgroupPlace): Promise<void> {
  const names = new Set(
    [place.memory, place.pids, place.cpu].flatMap((parent) => (parent === null ? [] : readdirSync(parent))),
  );
  for (const name of names)
    if (name.startsWith(`${PREFIX}-`) && isLeftOver(name)) await removeGroup(directoriesOf(place, name));
}

/** Puts a process in and looks whether it is there. */
async function tryOut(totals: Totals, place: CgroupPlace): Promise<void> {
  const group = totals.create();
  const child = spawn('/bin/cat', [], { stdio: ['pipe', 'ignore', 'ignore'] });
  try {
    await once(child, 'spawn');
    const entry = readProcess(child.pid!);
    for (const list of group.lists) writeFileSync(list, String(child.pid));
    const inside = readFileSync(`/proc/${child.pid}/cgroup`, 'utf8');
    const expected = place.version === 2 ? 1 : new Set([place.memory, place.pids]).size;
    if (inside.split('\n').filter((line) => line.includes(PREFIX)).length < expected)
      throw new SandboxError('control groups (cgroups) do not hold the processes that are put in');
    if (entry) await Promise.all([group.remove(), untilGone('A process', () => !isAlive(entry))]);
  } finally {
    child.kill('SIGKILL');
    await group.remove();
  }
}

function writeIfThere(path: string, content: string): void {
  if (existsSync(path)) writeFileSync(path, content);
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
