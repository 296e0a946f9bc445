import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { execa } from 'execa';
import { readIfThere } from './cgroup-group.js';
import { enable, isOurOwn, isServersOwn, makeOwn, makeYielding, SERVER } from './cgroup-share.js';
import { SandboxError } from './contract.js';
import { listProcesses } from './processes.js';

/** The directories below which this process may make control groups; with version 2 they are one. */
export interface CgroupPlace {
  version: 1 | 2;
  memory: string;
  pids: string;
  /** Where it can be had: what is in it yields the processor to the server. */
  cpu: string | null;
  /** The list of what else this process starts; see YieldingGroup. */
  programs: string | null;
}

/** What the kernel says of this process and its mounts; cgroups(7), proc(5). */
export interface CgroupFacts {
  /** /proc/self/cgroup */
  cgroup: string;
  /** /proc/self/mountinfo */
  mountinfo: string;
  /** Whether systemd runs this machine, or this container. */
  hasSystemd: boolean;
}

const NEEDED = ['memory', 'pids'];

/**
 * Finds where groups with totals of memory and processes can be made, and makes that possible where it is allowed:
 * only below this process's own group, and only where nobody else manages that.
 * @throws SandboxError saying why they can't be had
 */
export async function findCgroupPlace(facts: CgroupFacts = readFacts()): Promise<CgroupPlace> {
  const unified = ownDirectory(facts, null);
  if (unified !== null && has(read(unified, 'cgroup.controllers'), NEEDED))
    return await openUnified(unified, facts.hasSystemd);
  const [memory, pids, cpu] = [...NEEDED, 'cpu'].map((controller) => ownDirectory(facts, controller));
  if (!memory || !pids)
    throw new SandboxError('no control groups (cgroups) with memory and pids controllers are mounted');
  return { version: 1, memory, pids, ...(await openProcessor(cpu ?? null)) };
}

/** With version 1. A share of the processor is welcome, but can be done without. */
async function openProcessor(directory: string | null): Promise<Pick<CgroupPlace, 'cpu' | 'programs'>> {
  try {
    if (directory === null) return { cpu: null, programs: null };
    const own = await ownGroup(directory);
    writeFileSync(join(own, 'cgroup.procs'), String(process.pid));
    const { directory: cpu, programs } = makeYielding(own, 1, []);
    return { cpu, programs };
  } catch {
    return { cpu: null, programs: null };
  }
}

/** The group of this server alone, of which `directory`, where it is, is one, or is to hold one. */
async function ownGroup(directory: string): Promise<string> {
  const name = basename(directory);
  if (isOurOwn(name)) return directory;
  // Whoever was started by a server gets a group beside that one's.
  return await makeOwn(isServersOwn(name) ? dirname(directory) : directory);
}

async function openUnified(own: string, hasSystemd: boolean): Promise<CgroupPlace> {
  const base = await openBase(own, hasSystemd);
  const controllers = enableNeeded(base);
  const { directory, programs } = makeYielding(base, 2, controllers);
  const cpu = controllers.includes('cpu') ? directory : null;
  return { version: 2, memory: directory, pids: directory, cpu, programs };
}

/** @returns the group with nothing in it but this server, in a leaf, and the groups that it makes */
async function openBase(own: string, hasSystemd: boolean): Promise<string> {
  if (basename(own) === SERVER) {
    const base = dirname(own);
    return isServersOwn(basename(base)) && !isOurOwn(basename(base)) ? await openBelow(dirname(base)) : base;
  }
  // Only the root of all, which may hold processes beside groups, has no type.
  if (!existsSync(join(own, 'cgroup.type'))) {
    if (hasSystemd)
      throw new SandboxError('systemd manages the control groups, and this process is in none of its units');
    return await openBelow(own);
  }
  if (has(read(own, 'cgroup.subtree_control'), NEEDED))
    throw new SandboxError(`the control group ${own} can't be used`);
  await requireDelegation(own, hasSystemd);
  moveOwnProcesses(own);
  return own;
}

async function openBelow(root: string): Promise<string> {
  enableNeeded(root);
  const base = await makeOwn(root);
  moveToLeaf(base, [process.pid]);
  return base;
}

/** @returns what was enabled */
function enableNeeded(directory: string): string[] {
  enable(directory, NEEDED);
  try {
    enable(directory, ['cpu']);
    return [...NEEDED, 'cpu'];
  } catch {
    // A share of the processor can be done without, here too.
    return NEEDED;
  }
}

/** https://systemd.io/CGROUP_DELEGATION/: what systemd made it also manages, unless its unit says `Delegate=yes`. */
async function requireDelegation(base: string, hasSystemd: boolean): Promise<void> {
  // For another user systemd hands the directory over; in a container without systemd it is ours.
  if (process.getuid?.() !== 0 || !hasSystemd) return;
  const unit = basename(base);
  const args = ['show', '--property=Delegate', '--value', '--', unit];
  const { stdout } = await execa('systemctl', args, { reject: false, timeout: 5000 });
  if (stdout !== 'yes')
    throw new SandboxError(`systemd manages the control group of ${unit}; with Delegate=yes it can be used`);
}

function moveOwnProcesses(base: string): void {
  const parents = new Map(listProcesses().map(({ pid, parent }) => [pid, parent]));
  const isOurs = (pid: number | undefined): boolean =>
    pid !== undefined && (pid === process.pid || isOurs(parents.get(pid)));
  const inside = read(base, 'cgroup.procs').split('\n').filter(Boolean).map(Number);
  if (!inside.every(isOurs))
    throw new SandboxError('other programs are in the control group of this process, such as a shell');
  moveToLeaf(base, inside);
}

/** In a version 2 group with controllers for its children no process may be, so this one goes into a child too. */
function moveToLeaf(base: string, pids: number[]): void {
  const leaf = join(base, SERVER);
  mkdirSync(leaf, { recursive: true });
  for (const pid of pids) writeFileSync(join(leaf, 'cgroup.procs'), String(pid));
}

/** The directory of this process's own group: of a version 1 controller, or (null) of version 2. */
function ownDirectory({ cgroup, mountinfo }: CgroupFacts, controller: string | null): string | null {
  const path = cgroup
    .split('\n')
    .map((line) => /^(\d+):([^:]*):(.*)$/.exec(line))
    .find((match) =>
      controller === null
        ? match?.[1] === '0' && match[2] === ''
        : match?.[2]?.split(',').includes(controller),
    )?.[3];
  if (path === undefined) return null;
  for (const line of mountinfo.split('\n')) {
    const [before = '', after = ''] = line.split(' - ');
    const [type, , options = ''] = after.split(' ');
    const isIt =
      controller === null ? type === 'cgroup2' : type === 'cgroup' && options.split(',').includes(controller);
    const [, , , root = '/', mount = ''] = before.split(' ');
    const below = relative(root, path);
    if (isIt && !below.startsWith('..')) return join(mount, below);
  }
  return null;
}

const has = (list: string, names: string[]): boolean =>
  names.every((name) => list.trim().split(' ').includes(name));

const read = (directory: string, file: string): string => readIfThere(join(directory, file));

function readFacts(): CgroupFacts {
  return {
    cgroup: read('/proc/self', 'cgroup'),
    mountinfo: read('/proc/self', 'mountinfo'),
    // sd_booted(3)
    hasSystemd: existsSync('/run/systemd/system'),
  };
}
