/** Where what setups made is kept, by key: `setup-layers/PROJECT/SCOPE/KEY.RANDOM` in DATA_DIR. */
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { Mutex } from 'async-mutex';
import { cacheBytes } from '../../git/cache-bytes.js';
import { removeTree } from '../../git/remove-tree.js';
import { lowersInUse } from '../../git/workspace-mounts.js';
import { madeOnce } from '../../made-once.js';
import { listEntries, type Entry } from './difference.js';

/** Whose layers: of a pull request for itself, of a base branch for all on it. */
export type LayerScope = `pull-${number}` | `base-${string}`;

interface Manifest {
  format: 1;
  key: string;
  /** Who made it, as the report says it. */
  by: string;
  madeAt: string;
  /** Of all files in it: a layer that holds something else is damaged. */
  files: number;
  bytes: number;
  roots: string[];
  hasTree: boolean;
  hasHome: boolean;
}

export interface Layer extends Manifest {
  folder: string;
  /** What is to lie over a checkout. */
  tree: string;
  /** What is to be in HOME. */
  home: string;
}

export interface SetupLayersOptions {
  /** DATA_DIR. */
  directory: string;
  /** Of all layers together; by default see cacheBytes(). */
  maxBytes?: number;
}

const SALT_BYTES = 32;
const MANIFEST = 'manifest.json';
const DRAFTS = 'drafts';
const BLOCK_BYTES = 4096;
const DRAFT_MS = 86_400_000;
const NAME = /^[0-9a-f]{64}\.[0-9a-f]{16}$/;

/**
 * A layer appears under its name complete, by a rename, and is not changed from then on. It is looked through once by
 * each process before its first use: what a crash or a power cut left is not taken for whole.
 */
export class SetupLayers {
  readonly #root: string;
  /** Of this process: a DATA_DIR has one worker. */
  readonly #mutex = new Mutex();
  readonly #verified = new Set<string>();
  #salt: Promise<Buffer> | null = null;
  /** Also where this process mounts nothing itself: another one may, on the same DATA_DIR. */
  readonly #inUse: () => Promise<ReadonlySet<string>>;

  constructor(private readonly options: SetupLayersOptions) {
    this.#root = resolve(options.directory, 'setup-layers');
    this.#inUse = () => lowersInUse(resolve(options.directory, 'workspaces'));
  }

  /** Random, and the same for as long as there are layers. */
  async salt(): Promise<Buffer> {
    return (this.#salt ??= this.#readSalt().catch((error: unknown) => {
      this.#salt = null;
      throw error;
    }));
  }

  async #readSalt(): Promise<Buffer> {
    await mkdir(this.#root, { recursive: true, mode: 0o700 });
    const file = join(this.#root, 'salt');
    const salt = await madeOnce(file, () => randomBytes(SALT_BYTES));
    if (salt.length === SALT_BYTES) return salt;
    // Of a version that could be killed while it wrote.
    await rm(file, { force: true });
    return madeOnce(file, () => randomBytes(SALT_BYTES));
  }

  /**
   * The newest sound layer with the key, of the first scope that has one. Damaged ones are removed.
   * @param claim notes that it is used, before anybody else may remove it
   */
  async find(
    project: string,
    scopes: readonly LayerScope[],
    key: string,
    claim: (layer: Layer) => Promise<void> = () => Promise.resolve(),
  ): Promise<Layer | null> {
    return this.#mutex.runExclusive(async () => {
      const layer = await this.#find(project, scopes, key);
      if (layer) await claim(layer);
      return layer;
    });
  }

  async #find(project: string, scopes: readonly LayerScope[], key: string): Promise<Layer | null> {
    for (const scope of scopes) {
      const folder = join(this.#root, project, scope);
      const names = (await readdir(folder).catch((): string[] => [])).filter((name) =>
        name.startsWith(`${key}.`),
      );
      const layers = await Promise.all(names.map((name) => this.#read(join(folder, name))));
      const [newest] = layers
        .filter((layer) => layer !== null)
        .sort((a, b) => (a.madeAt < b.madeAt ? 1 : -1));
      if (!newest) continue;
      const now = new Date();
      await utimes(newest.folder, now, now).catch(() => undefined);
      return newest;
    }
    return null;
  }

  /** A new folder, in which a layer's `tree` and `home` are put together. */
  async draft(): Promise<string> {
    const folder = join(this.#root, DRAFTS, randomBytes(8).toString('hex'));
    await mkdir(folder, { recursive: true, mode: 0o700 });
    return folder;
  }

  /** Makes a draft a layer, in the place of older ones with its key; others go where it gets too much. */
  async publish(
    draft: string,
    project: string,
    scope: LayerScope,
    about: Pick<Manifest, 'key' | 'by' | 'roots'>,
  ): Promise<Layer> {
    const entries = await listEntries(draft);
    const has = (name: string) => entries.some(({ path }) => path.startsWith(`${name}/`));
    const manifest: Manifest = {
      format: 1,
      ...about,
      madeAt: new Date().toISOString(),
      ...sizeOf(entries),
      hasTree: has('tree'),
      hasHome: has('home'),
    };
    await writeFile(join(draft, MANIFEST), JSON.stringify(manifest), { mode: 0o600 });
    const scoped = join(this.#root, project, scope);
    await mkdir(scoped, { recursive: true, mode: 0o700 });
    const older = (await readdir(scoped)).filter((name) => name.startsWith(`${about.key}.`));
    const folder = join(scoped, `${about.key}.${randomBytes(8).toString('hex')}`);
    await rename(draft, folder);
    this.#verified.add(folder);
    await this.#mutex.runExclusive(async () => {
      for (const name of older) await this.#retire(join(scoped, name));
    });
    return layerOf(folder, manifest);
  }

  /** A layer that is not used from now on; where a workspace has it mounted it is removed later. */
  async discard({ folder }: Layer): Promise<void> {
    await this.#mutex.runExclusive(() => this.#retire(folder));
  }

  /** How much one layer may take at most. */
  async maxLayerBytes(): Promise<number> {
    return (await this.#maxBytes()) / 2;
  }

  /** Removes layers that nobody uses, the longest unused first, until all fit; and what crashes left half made. */
  async prune(): Promise<void> {
    const drafts = join(this.#root, DRAFTS);
    for (const name of await readdir(drafts).catch((): string[] => []))
      if ((await usedAt(join(drafts, name))) < Date.now() - DRAFT_MS) await removeTree(join(drafts, name));
    const layers = await Promise.all(
      (await this.#folders()).map(async (folder) => {
        const manifest = await readManifest(folder);
        return { folder, usedMs: await usedAt(folder), bytes: manifest ? costOf(manifest) : Infinity };
      }),
    );
    const maxBytes = await this.#maxBytes();
    const known = layers.filter(({ bytes }) => bytes !== Infinity);
    let total = known.reduce((sum, { bytes }) => sum + bytes, 0);
    for (const { folder, bytes } of layers.sort((a, b) => a.usedMs - b.usedMs)) {
      if (bytes !== Infinity && total <= maxBytes) continue;
      const isGone = await this.#mutex.runExclusive(() => this.#remove(folder));
      if (isGone && bytes !== Infinity) total -= bytes;
    }
  }

  async #maxBytes(): Promise<number> {
    if (this.options.maxBytes !== undefined) return this.options.maxBytes;
    return cacheBytes(dirname(this.#root));
  }

  /** Null where it is damaged. */
  async #read(folder: string): Promise<Layer | null> {
    const manifest = await readManifest(folder);
    if (manifest && (this.#verified.has(folder) || (await isWhole(folder, manifest)))) {
      this.#verified.add(folder);
      return layerOf(folder, manifest);
    }
    await this.#remove(folder);
    return null;
  }

  async #retire(folder: string): Promise<void> {
    await rm(join(folder, MANIFEST), { force: true });
    await this.#remove(folder);
  }

  async #remove(folder: string): Promise<boolean> {
    const inUse = await this.#inUse();
    if (inUse.has(join(folder, 'tree')) || inUse.has(join(folder, 'home'))) return false;
    await removeTree(folder);
    return true;
  }

  async #folders(): Promise<string[]> {
    const found: string[] = [];
    const list = (folder: string) => readdir(folder).catch((): string[] => []);
    for (const project of (await list(this.#root)).filter((name) => name !== DRAFTS))
      for (const scope of await list(join(this.#root, project)))
        for (const name of await list(join(this.#root, project, scope)))
          if (NAME.test(name)) found.push(join(this.#root, project, scope, name));
    return found;
  }
}

const layerOf = (folder: string, manifest: Manifest): Layer => ({
  ...manifest,
  folder,
  tree: join(folder, 'tree'),
  home: join(folder, 'home'),
});

const usedAt = async (folder: string): Promise<number> =>
  (await stat(folder).catch(() => undefined))?.mtimeMs ?? 0;

const costOf = ({ bytes, files }: Manifest): number => bytes + files * BLOCK_BYTES;

export function sizeOf(entries: readonly Entry[]): { files: number; bytes: number } {
  return { files: entries.length, bytes: entries.reduce((sum, { bytes }) => sum + bytes, 0) };
}

async function isWhole(folder: string, { files, bytes }: Manifest): Promise<boolean> {
  const entries = await listEntries(folder).catch(() => []);
  const found = sizeOf(entries.filter(({ path }) => path !== MANIFEST));
  return found.files === files && found.bytes === bytes;
}

async function readManifest(folder: string): Promise<Manifest | null> {
  try {
    const manifest = JSON.parse(await readFile(join(folder, MANIFEST), 'utf8')) as Manifest;
    return manifest.format === 1 && Array.isArray(manifest.roots) ? manifest : null;
  } catch {
    return null;
  }
}
