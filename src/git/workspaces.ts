import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import {
  chmod,
  chown,
  mkdir,
  readdir,
  readlink,
  rename,
  rm,
  rmdir,
  stat,
  statfs,
  symlink,
} from 'node:fs/promises';
import path from 'node:path';
import { OperationalError } from '../domain/errors.js';
import { removeTree, removeTrees } from './remove-tree.js';

export interface Workspace {
  /** Unpredictable; identifies it to `remove`. */
  name: string;
  /** Ours alone: for logs and outputs of a pipeline. */
  folder: string;
  /** In it, and the sandbox user's: for the checkout. */
  tree: string;
  /** In it too, and the sandbox user's: HOME of the commands. */
  home: string;
}

export interface WorkspacesOptions {
  /** DATA_DIR; workspaces are in `workspaces/NAME` in it. */
  directory: string;
  /** The user that pull-request code runs as, where it is another than this process's. */
  owner?: { uid: number; gid: number };
  /** Who works in them: from this name `removeStale` tells whether that process still lives. */
  process?: string;
  /** Free bytes without which none is made. */
  minFreeBytes?: number;
}

const NAME = /^[0-9a-f]{32}$/;
/**
 * A link that leads nowhere: unlike a file, it is never there without what it says. Removed last: whose the workspace
 * was is what the next start goes by, where this process is killed meanwhile.
 */
const PROCESS_LINK = 'process';
/** Beside a workspace that is being made whose it is stands first, so that it is told wherever that process is killed. */
const BESIDE = '.process';
const GIB = 1024 ** 3;
/** Without so much free, nothing is checked out. */
export const MIN_FREE_BYTES = GIB;

/** Removing takes as much of the processor as a stage, and those whose pipelines go on are waited for. */
const DISCARDED_MS = 2_000;

/** The folders that pipelines work in: one for each attempt, removed at its end. */
export class Workspaces {
  readonly #directory: string;
  readonly #owner: { uid: number; gid: number } | undefined;
  readonly #minFreeBytes: number;
  readonly #process: string;
  #isOpen = false;
  /** The folders of those discarded, with whom to tell what keeps one from being removed. */
  readonly #discarded = new Map<string, (error: unknown) => void>();
  readonly #removals = new Set<Promise<void>>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: WorkspacesOptions) {
    this.#directory = path.resolve(options.directory, 'workspaces');
    this.#owner = options.owner;
    this.#minFreeBytes = options.minFreeBytes ?? MIN_FREE_BYTES;
    this.#process = options.process ?? 'unknown';
  }

  /** Makes an empty workspace. Throws OperationalError when the disk is nearly full. */
  async create(): Promise<Workspace> {
    // Somebody may have tidied up.
    if (!this.#isOpen || !existsSync(this.#directory)) await this.#open();
    await this.#checkFreeSpace();
    const name = randomBytes(16).toString('hex');
    const folder = path.join(this.#directory, name);
    const tree = path.join(folder, 'tree');
    await symlink(this.#process, folder + BESIDE);
    await mkdir(folder);
    await rename(folder + BESIDE, path.join(folder, PROCESS_LINK));
    await chmod(folder, this.#mode);
    const home = path.join(folder, 'home');
    for (const own of [tree, home]) {
      await mkdir(own, { mode: 0o700 });
      if (this.#owner) await chown(own, this.#owner.uid, this.#owner.gid);
    }
    return { name, folder, tree, home };
  }

  /** Removes a workspace, whatever the code in it did to its permissions; one already removed is fine. */
  async remove(name: string): Promise<void> {
    await removeTree(this.#folderOf(name), PROCESS_LINK);
  }

  /**
   * The workspace is not needed any more: it is removed by the next clear(), within 2 s.
   * @param complain told why it could not be
   */
  discard(name: string, complain: (error: unknown) => void): void {
    this.#discarded.set(this.#folderOf(name), complain);
    this.#timer ??= setTimeout(() => void this.clear(), DISCARDED_MS).unref();
  }

  /** Removes those discarded. Never rejects. @returns when they are gone, whether any was there */
  async clear(): Promise<boolean> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#discarded.size > 0) {
      const removal = this.#removeDiscarded().finally(() => this.#removals.delete(removal));
      this.#removals.add(removal);
    }
    const removals = [...this.#removals];
    await Promise.all(removals);
    return removals.length > 0;
  }

  async #removeDiscarded(): Promise<void> {
    const discarded = [...this.#discarded];
    this.#discarded.clear();
    const folders = discarded.map(([folder]) => folder);
    const errors = await removeTrees(folders, PROCESS_LINK);
    discarded.forEach(([, complain], n) => errors[n] !== undefined && complain(errors[n]));
  }

  #folderOf(name: string): string {
    if (!NAME.test(name)) throw new TypeError(`Not a workspace: ${JSON.stringify(name)}`);
    return path.join(this.#directory, name);
  }

  /** Removes what processes that died left. Answers how many. */
  async removeStale(isDead: (process: string) => boolean): Promise<number> {
    const entries = await readdir(this.#directory).catch(() => []);
    const names = new Set(
      entries.map((entry) => path.basename(entry, BESIDE)).filter((name) => NAME.test(name)),
    );
    let removed = 0;
    for (const name of names) {
      const folder = path.join(this.#directory, name);
      const process = (await saidBy(path.join(folder, PROCESS_LINK))) ?? (await saidBy(folder + BESIDE));
      // Of one that is being removed the link goes last, and then only an empty folder is left.
      if (process === null) await rmdir(folder).catch(() => undefined);
      if (process === null || !isDead(process)) continue;
      await this.remove(name);
      await rm(folder + BESIDE, { force: true });
      removed++;
    }
    return removed;
  }

  /** The names of those that nothing was made in directly for `ms`: what a process that died left. */
  async untouchedFor(ms: number): Promise<string[]> {
    const names = await readdir(this.#directory).catch(() => []);
    const untouched: string[] = [];
    for (const name of names.filter((each) => NAME.test(each))) {
      const found = await stat(path.join(this.#directory, name)).catch(() => undefined);
      if (found && found.mtimeMs < Date.now() - ms) untouched.push(name);
    }
    return untouched;
  }

  /** Another user has to pass through to what is its own, and can't list what else there is. */
  get #mode(): number {
    return this.#owner ? 0o711 : 0o700;
  }

  async #open(): Promise<void> {
    await mkdir(this.#directory, { recursive: true });
    await chmod(this.#directory, this.#mode);
    if (this.#owner) await letThrough(path.dirname(this.#directory), this.#owner.gid);
    this.#isOpen = true;
  }

  async #checkFreeSpace(): Promise<void> {
    const { bavail, bsize } = await statfs(this.#directory);
    const free = bavail * bsize;
    if (free >= this.#minFreeBytes) return;
    if (await this.clear()) return this.#checkFreeSpace();
    throw new OperationalError(
      `The disk of this server is nearly full: ${inGib(free)} free, ${inGib(this.#minFreeBytes)} needed to check out.`,
      { advice: `Free some space on the disk that holds ${this.#directory}.`, retryable: true },
    );
  }
}

/**
 * Lets a group through a directory that is closed to all but us: otherwise a sandbox's workspace has to be mounted
 * elsewhere for each script. One that others may enter in some way stays as somebody wanted it.
 */
async function letThrough(directory: string, group: number): Promise<void> {
  const { mode, uid } = await stat(directory);
  if ((mode & 0o077) !== 0 || uid !== process.getuid?.()) return;
  await chown(directory, uid, group);
  await chmod(directory, (mode & 0o700) | 0o010);
}

const saidBy = (link: string): Promise<string | null> => readlink(link).catch(() => null);

const inGib = (bytes: number): string => `${(bytes / GIB).toFixed(1)} GiB`;
