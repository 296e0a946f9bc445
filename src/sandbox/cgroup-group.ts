/** One control group: its directories in the kernel's file systems. */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CgroupPlace } from './cgroup-place.js';
import { killNow, readProcess, untilGone } from './processes.js';

export interface TotalLimits {
  memoryBytes: number;
  processes: number;
}

export interface Group {
  name: string;
  directories: string[];
  limits: TotalLimits;
}

export const PREFIX = 'codegenapp-pipeline';

/** Names the process that made it for good, so that what a dead one left is known. @param prefix of two words */
export function newName(prefix: string): string {
  return [
    prefix,
    process.pid,
    readProcess(process.pid)?.startTime ?? '0',
    randomBytes(6).toString('hex'),
  ].join('-');
}

/** Whether the process that made a group of this name is gone. */
export function isLeftOver(name: string): boolean {
  const [, , pid, startTime] = name.split('-');
  return readProcess(Number(pid))?.startTime !== startTime;
}

/** Throws what the kernel answered. */
export function makeGroup(place: CgroupPlace, limits: TotalLimits): Group {
  const name = newName(PREFIX);
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
    // So that what else the server starts, as git for the next pipeline, is not held up by tests.
    if (place.cpu !== null) takeTenth(join(place.cpu, name), place.version);
  } catch (error) {
    for (const directory of directories) if (existsSync(directory)) rmdirSync(directory);
    throw error;
  }
  return { name, directories, limits };
}

/** A tenth of the share of the processor that a group has which nothing was said of, such as one process. */
export function takeTenth(directory: string, version: 1 | 2): void {
  const [file, tenth] = version === 2 ? ['cpu.weight', '10'] : ['cpu.shares', '102'];
  writeIfThere(join(directory, file), tenth);
}

/** Of a group by its name. */
export function directoriesOf({ memory, pids, cpu }: CgroupPlace, name: string): string[] {
  const parents = new Set([memory, pids, ...(cpu === null ? [] : [cpu])]);
  return [...parents].map((parent) => join(parent, name));
}

/** @throws SandboxError where a process does not end */
export async function removeGroup(directories: string[]): Promise<void> {
  const lists = listsOf(directories);
  await untilGone('The control group of a pipeline', () => {
    isEmptied(lists);
    return directories.map(isRemoved).every(Boolean);
  });
}

/** Ends the processes in these lists; whether there were none any more. */
export function isEmptied(lists: string[]): boolean {
  // Not cgroup.kill: it is there from Linux 5.14 on only, and this has to be anyway.
  const pids = lists.flatMap((list) => readIfThere(list).split('\n')).filter((pid) => pid !== '');
  // Processes of other pid namespaces are shown as 0.
  for (const pid of pids.map(Number)) if (pid > 0) killNow(pid);
  return pids.length === 0;
}

/** A group with processes, or with ones that ended a moment ago, is busy: then false. */
export function isRemoved(directory: string): boolean {
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

/** What processes are put into it by, and listed in. */
export const listsOf = (directories: readonly string[]): string[] =>
  directories.map((directory) => join(directory, 'cgroup.procs'));

/** How many of its processes the kernel has ended for want of memory, ever. */
export function memoryKills({ memory, version }: CgroupPlace, { name }: Group): number {
  const events = join(memory, name, version === 2 ? 'memory.events' : 'memory.oom_control');
  return Number(/^oom_kill (\d+)$/m.exec(readIfThere(events))?.[1] ?? 0);
}

function writeIfThere(path: string, content: string): void {
  if (existsSync(path)) writeFileSync(path, content);
}

export function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
