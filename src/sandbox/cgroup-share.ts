/**
 * The processor belongs to the server first: a webhook beside tests that keep it busy waits for no time slice of
 * theirs. Weights do not give that (whoever wakes up waits for the end of the other's slice, of 3 ms, whatever the
 * weights; among groups a nice value means nothing), but a group with cpu.idle does. It would stand still beside any
 * busy program next to it, so it lies in a group with the server alone: what else runs on this machine has its share
 * beside that of both together.
 */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  isLeftOver,
  isRemoved,
  listsOf,
  newName,
  readIfThere,
  removeGroup,
  takeTenth,
} from './cgroup-group.js';

/** What a group of a server alone is called; with its process where others are beside it. */
export const SERVER = 'codegenapp-server';
const YIELDING = 'codegenapp-yielding';
const PROGRAMS = 'codegenapp-programs';

export interface YieldingGroup {
  /** Where groups are made that yield to the server. */
  directory: string;
  /** Puts in what is in none of them: git for one pipeline is not to stop the tests of another. */
  programs: string;
}

/** Whether a server has made a group of this name for itself. */
export const isServersOwn = (name: string): boolean => name.startsWith(`${SERVER}-`);

/** Whether this one has. */
export const isOurOwn = (name: string): boolean =>
  name.startsWith(`${SERVER}-${process.pid}-`) && !isLeftOver(name);

/**
 * Makes a group for this server alone in one that others are in too, and removes those of servers that died.
 * @returns its directory; nothing is in it yet. It is removed when this process ends
 */
export async function makeOwn(parent: string): Promise<string> {
  for (const name of readdirSync(parent))
    if (isServersOwn(name) && isLeftOver(name)) await removeGroup(deepestFirst(join(parent, name)));
  const own = join(parent, newName(SERVER));
  mkdirSync(own);
  process.once('exit', () => leave(own, parent));
  return own;
}

/** Makes the group that yields to the others in this one. Throws what the kernel answered. */
export function makeYielding(parent: string, version: 1 | 2, controllers: readonly string[]): YieldingGroup {
  const directory = join(parent, YIELDING);
  const programs = join(directory, PROGRAMS);
  mkdirSync(directory, { recursive: true });
  // Since Linux 5.15. Before, webhooks beside 4 busy pipelines take twice the time.
  const idle = join(directory, 'cpu.idle');
  if (existsSync(idle)) writeFileSync(idle, '1');
  else takeTenth(directory, version);
  if (version === 2) enable(directory, controllers);
  mkdirSync(programs, { recursive: true });
  return { directory, programs: join(programs, 'cgroup.procs') };
}

/** Lets the groups in a group of version 2 have these controllers. Throws what the kernel answered. */
export function enable(directory: string, controllers: readonly string[]): void {
  const list = controllers.map((controller) => `+${controller}`).join(' ');
  writeFileSync(join(directory, 'cgroup.subtree_control'), list);
}

/** A group that one is in can't be removed. */
function leave(own: string, parent: string): void {
  if (!existsSync(own)) return;
  const directories = deepestFirst(own);
  const to = join(parent, 'cgroup.procs');
  for (const list of listsOf(directories))
    for (const pid of readIfThere(list).split('\n').filter(Boolean))
      try {
        writeFileSync(to, pid);
      } catch {
        // It has ended meanwhile. What stays is removed by the next server.
      }
  directories.forEach(isRemoved);
}

function deepestFirst(directory: string): string[] {
  const inside = readdirSync(directory, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return [...inside.flatMap(({ name }) => deepestFirst(join(directory, name))), directory];
}
