/** What is noted beside a tree of ours: which commit it is at, and whether somebody is changing it. */
import { readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { isSha } from './source.js';

export interface TreeState {
  sha: string;
  depth: number;
  /** Packs that were added to the first one. */
  additions: number;
}

/** As it is stored. */
interface Noted extends TreeState {
  /** The kernel's: of what was written before a power cut not all may have reached the disk. */
  boot: string;
}

const STATE = 'commit.json';
/** The same, while somebody changes the tree: after a crash that is not to be built on. */
const CHANGING = 'changing.json';

/** Null where there is nothing to build on. */
export async function readState(tree: string): Promise<TreeState | null> {
  try {
    const { boot, ...state } = JSON.parse(await readFile(path.join(tree, STATE), 'utf8')) as Noted;
    return isSha(state.sha) && boot === (await bootId()) ? state : null;
  } catch {
    return null;
  }
}

/** From now on the tree has no state, until the change ends. */
export const beginChange = (tree: string): Promise<void> =>
  rename(path.join(tree, STATE), path.join(tree, CHANGING));

/** @param state that the tree has from now on; without one nothing was changed, and it has that of before */
export async function endChange(tree: string, state?: TreeState): Promise<void> {
  const changing = path.join(tree, CHANGING);
  if (state) {
    const noted: Noted = { ...state, boot: await bootId() };
    await writeFile(changing, JSON.stringify(noted), { mode: 0o600 });
  }
  await rename(changing, path.join(tree, STATE));
}

let boot: Promise<string> | undefined;

const bootId = (): Promise<string> =>
  (boot ??= readFile('/proc/sys/kernel/random/boot_id', 'utf8').then(
    (id) => id.trim(),
    () => 'unknown',
  ));
