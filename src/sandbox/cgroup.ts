/** Totals over all processes of a pipeline, by Linux control groups, where they can be had. */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { totalmem } from 'node:os';
import { messageOf } from '../domain/errors.js';
import { startInGroup, startProgram } from '../spawner/spawner.js';
import {
  directoriesOf,
  isEmptied,
  isLeftOver,
  isRemoved,
  listsOf,
  makeGroup,
  memoryKills,
  PREFIX,
  removeGroup,
  type Group,
  type TotalLimits,
} from './cgroup-group.js';
import { findCgroupPlace, type CgroupPlace } from './cgroup-place.js';
import { SandboxError } from './contract.js';
import { isAlive, untilGone } from './processes.js';

export type { TotalLimits };

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
    startInGroup(found.programs);
    await removeStale(found);
    const totals: Totals = { create: (own) => takeGroup(found, { ...limits, ...own }) };
    await tryOut(totals, found);
    return totals;
  } catch (error) {
    if (error instanceof SandboxError) throw error;
    throw new SandboxError(`control groups (cgroups) can't be made: ${messageOf(error)}`, { cause: error });
  }
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
  const lists = listsOf(group.directories);
  let removed: Promise<void> | undefined;
  return {
    limits,
    lists,
    memoryKills: () => memoryKills(place, group),
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
  try {
    // It waits for what it shall say until it is ended.
    const { pid, entry, kill } = await startProgram({
      commandLine: ['/bin/cat'],
      environment: {},
      directory: '/',
      channels: ['later', 'ignore', 'ignore'],
      maxSaidBytes: 0,
      lists: group.lists,
    });
    try {
      const inside = readFileSync(`/proc/${pid}/cgroup`, 'utf8');
      const expected = place.version === 2 ? 1 : new Set([place.memory, place.pids]).size;
      if (inside.split('\n').filter((line) => line.includes(PREFIX)).length < expected)
        throw new SandboxError('control groups (cgroups) do not hold the processes that are put in');
      if (entry) await Promise.all([group.remove(), untilGone('A process', () => !isAlive(entry))]);
    } finally {
      kill();
    }
  } finally {
    await group.remove();
  }
}
