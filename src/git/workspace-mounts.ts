import { chown, mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Overlay } from './overlay.js';
import { removeTree } from './remove-tree.js';

const USES = 'uses.json';
const LAYERS = 'layers';

/**
 * The overlays of workspaces, and what lies under them. Which lower folders a workspace needs is noted in it before
 * they are mounted: nobody may change or delete those until the workspace is gone, whatever became of its process.
 */
export class WorkspaceMounts {
  readonly #workspaces: string;
  /** What this process has noted, by the name of the workspace: nobody else changes that. */
  readonly #noted = new Map<string, readonly string[]>();

  /** @param directory DATA_DIR */
  constructor(
    directory: string,
    private readonly overlay: Overlay,
    private readonly owner?: { uid: number; gid: number },
  ) {
    this.#workspaces = path.resolve(directory, 'workspaces');
  }

  /** See Overlay. */
  get renamesFolders(): boolean {
    return this.overlay.renamesFolders;
  }

  /** Whether a folder is the tree or home of a workspace. */
  holds(place: string): boolean {
    return path.dirname(path.dirname(place)) === this.#workspaces;
  }

  /** To be called when this process begins with the workspace of this place: nothing is noted in it yet. */
  begin(place: string): void {
    const name = path.basename(path.dirname(place));
    if (!this.#noted.has(name)) this.#noted.set(name, []);
  }

  /** The lower folders that workspaces use. */
  async inUse(): Promise<Set<string>> {
    const names = await namesIn(this.#workspaces);
    for (const name of this.#noted.keys()) if (!names.includes(name)) this.#noted.delete(name);
    return lowersOf(names.map((name) => this.#usesOf(name)));
  }

  /** Notes that the workspace of this place uses a lower folder from now on. */
  async note(place: string, lower: string): Promise<void> {
    await this.#changeUses(place, (uses) => uses.add(lower));
  }

  /** Takes a note back: the lower folder is not mounted in that workspace any more. */
  async release(place: string, lower: string): Promise<void> {
    await this.#changeUses(place, (uses) => uses.delete(lower));
  }

  async #changeUses(place: string, change: (uses: Set<string>) => void): Promise<void> {
    const folder = path.dirname(place);
    const name = path.basename(folder);
    const before = await this.#usesOf(name);
    const uses = new Set(before);
    change(uses);
    if (uses.size === before.length) return;
    const file = path.join(folder, USES);
    await writeFile(`${file}.new`, JSON.stringify([...uses]), { mode: 0o600 });
    await rename(`${file}.new`, file);
    this.#noted.set(name, [...uses]);
  }

  async #usesOf(name: string): Promise<readonly string[]> {
    return this.#noted.get(name) ?? readUses(path.join(this.#workspaces, name, USES));
  }

  /**
   * Mounts lower folders, the uppermost first, on a workspace's tree or home. What was mounted there before is taken
   * away, with all that was written to it; where that is nothing it stays below, which saves a process. Nothing may
   * run in it.
   */
  async mount(place: string, lowers: string[]): Promise<void> {
    for (const lower of lowers) await this.note(place, lower);
    let below = await this.#mountedOn(place);
    if (!(await areUntouched(below))) {
      await this.unmount(place);
      below = [];
    }
    const folder = path.join(this.#layersOf(place), String(below.length + 1));
    try {
      await this.overlay.mount({ target: place, lowers, folder, owner: this.owner });
    } catch (error) {
      await removeTree(folder);
      throw error;
    }
  }

  /**
   * Takes away what is mounted on a place, with all that was written to it; nothing being mounted there is fine.
   * Throws where it is in use.
   */
  async unmount(place: string): Promise<void> {
    const { length } = await this.#mountedOn(place);
    if (length === 0) return;
    await this.overlay.unmount(place, length);
    await removeTree(this.#layersOf(place));
  }

  /** Where what is written to a mounted place is kept. */
  async upperOf(place: string): Promise<string> {
    return path.join((await this.#mountedOn(place)).at(-1)!, 'upper');
  }

  /**
   * Takes away what is mounted on a place, and makes what was written to it a folder of its own.
   * @param to not there yet, on the same disk
   * @returns false where it is in use and stays as it is
   */
  async moveUpper(place: string, to: string): Promise<boolean> {
    const mounted = await this.#mountedOn(place);
    try {
      await this.overlay.unmount(place, mounted.length);
    } catch {
      return false;
    }
    await rename(path.join(mounted.at(-1)!, 'upper'), to);
    await removeTree(this.#layersOf(place));
    return true;
  }

  /** A folder that was moved away is there again, empty. */
  async renew(place: string): Promise<void> {
    await mkdir(place, { mode: 0o700 });
    if (this.owner) await chown(place, this.owner.uid, this.owner.gid);
  }

  /** The folders of all that is mounted on a place, the lowest first. */
  async #mountedOn(place: string): Promise<string[]> {
    const names = await readdir(this.#layersOf(place)).catch((): string[] => []);
    return names
      .map(Number)
      .sort((a, b) => a - b)
      .map((n) => path.join(this.#layersOf(place), String(n)));
  }

  #layersOf(place: string): string {
    return path.join(path.dirname(place), LAYERS, path.basename(place));
  }
}

/** The lower folders that the workspaces in a folder use. */
export async function lowersInUse(workspaces: string): Promise<Set<string>> {
  const names = await namesIn(workspaces);
  return lowersOf(names.map((name) => readUses(path.join(workspaces, name, USES))));
}

const namesIn = (workspaces: string): Promise<string[]> => readdir(workspaces).catch((): string[] => []);

const lowersOf = async (uses: Promise<readonly string[]>[]): Promise<Set<string>> =>
  new Set((await Promise.all(uses)).flat());

async function readUses(file: string): Promise<string[]> {
  const text = await readFile(file, 'utf8').catch(() => '[]');
  try {
    return JSON.parse(text) as string[];
  } catch {
    return [];
  }
}

/** Whether nothing was written to what is mounted of these folders. */
async function areUntouched(folders: string[]): Promise<boolean> {
  const written = await Promise.all(folders.map((folder) => readdir(path.join(folder, 'upper'))));
  return written.flat().length === 0;
}
