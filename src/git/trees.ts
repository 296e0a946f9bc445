/**
 * Checkouts that cost no copy: a tree of ours for each repository, brought up to date in place and mounted under a
 * workspace copy-on-write.
 */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rm, stat, utimes } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { bringTo, checkout, readCheckout, repair, type Checkout, type CheckoutRequest } from './checkout.js';
import { RepositoryError } from './errors.js';
import { withLock } from './lock.js';
import { removeTree, sizeOf } from './remove-tree.js';
import type { RepositoryCache } from './repository-cache.js';
import { cachePath, isSha } from './source.js';
import { beginChange, endChange, readState, type TreeState } from './tree-state.js';
import type { WorkspaceMounts } from './workspace-mounts.js';

export interface TreesOptions {
  /** DATA_DIR; the trees are in `trees/HOST/OWNER/NAME.git/RANDOM` in it. */
  directory: string;
  cache: RepositoryCache;
  mounts: WorkspaceMounts;
  /** Removes workspaces that nobody needs any more; resolves with whether there were any. */
  clearWorkspaces?: (() => Promise<boolean>) | undefined;
  /** Of one repository; with all of them in use the next workspace gets files of its own. */
  maxTrees?: number;
}

interface Chosen {
  tree: string;
  /** What can be built on. */
  state: TreeState | null;
  isShared: boolean;
}

interface Found {
  tree: string;
  /** Null where there is nothing to build on. */
  state: TreeState | null;
  usedMs: number;
  /** No workspace uses it. */
  isFree: boolean;
}

const RANDOM = /^[0-9a-f]{16}$/;
/** A tree is made in less than some workspaces take to be removed. */
const CLEARING_MS = 500;
/** With more packs than this, git would look for objects longer than it takes to copy them all. */
const MAX_ADDITIONS = 24;

/**
 * No code ever runs in these trees, and none can reach one but through an overlay, which keeps to itself what is
 * written. A tree is changed only while no workspace has it mounted; several may have it at the same commit.
 */
export class Trees {
  readonly #root: string;
  readonly #maxTrees: number;

  constructor(private readonly options: TreesOptions) {
    this.#root = path.resolve(options.directory, 'trees');
    this.#maxTrees = options.maxTrees ?? 16;
  }

  /** As checkout(), into the tree of a workspace; a damaged tree is made anew and does not show. */
  async checkout(request: CheckoutRequest): Promise<Checkout> {
    const { cache, mounts } = this.options;
    if (!isSha(request.sha)) throw new TypeError(`Not a full commit sha: ${JSON.stringify(request.sha)}`);
    const canMount = mounts.holds(request.into) && !request.isCopied;
    const chosen = canMount ? await this.#choose(request) : null;
    if (chosen === null) return checkout(request, cache);
    const made = await this.#make(chosen, request);
    const lower = path.join(chosen.tree, 'tree');
    await mounts.mount(request.into, [lower]);
    return { ...made, lower };
  }

  /** Removes trees that no workspace uses, the longest unused first, until all together take at most `maxBytes`. */
  async prune(maxBytes: number): Promise<void> {
    const all: { tree: string; usedMs: number; bytes: number }[] = [];
    for (const pool of await this.#pools())
      for (const tree of await treesOf(pool))
        all.push({ tree, usedMs: await usedAt(tree), bytes: await sizeOf(tree) });
    let total = all.reduce((sum, { bytes }) => sum + bytes, 0);
    for (const { tree, bytes } of all.sort((a, b) => a.usedMs - b.usedMs)) {
      if (total <= maxBytes) return;
      await withLock(lockOf(path.dirname(tree)), undefined, async () => {
        if ((await this.options.mounts.inUse()).has(path.join(tree, 'tree'))) return;
        await removeTree(tree);
        total -= bytes;
      });
    }
  }

  /** A tree that the workspace uses from now on: at the commit already, or else one that nobody else uses. */
  async #choose(request: CheckoutRequest): Promise<Chosen | null> {
    const { mounts } = this.options;
    const pool = cachePath(this.#root, request.source);
    mounts.begin(request.into);
    if (!existsSync(pool)) await mkdir(pool, { recursive: true, mode: 0o700 });
    return withLock(lockOf(pool), request.signal, async () => {
      let trees = await this.#look(pool);
      let chosen = bestOf(trees, request);
      if (!chosen && trees.some(({ isFree }) => !isFree) && (await this.#clearWorkspaces())) {
        trees = await this.#look(pool);
        chosen = bestOf(trees, request);
      }
      const free = trees.filter(({ isFree }) => isFree);
      // Never in their place: git of a process that was killed may still be writing there.
      const spoilt = free.filter(({ state }) => !state);
      for (const { tree } of spoilt) await removeTree(tree).catch(() => undefined);
      let tree = chosen?.tree;
      if (!tree && trees.length - spoilt.length < this.#maxTrees)
        tree = path.join(pool, randomBytes(8).toString('hex'));
      tree ??= free.filter(({ state }) => state).at(-1)?.tree;
      if (!tree) return null;
      if (tree !== chosen?.tree) await mkdir(tree, { recursive: true, mode: 0o700 });
      const state = chosen?.state ?? null;
      if (state && chosen?.isFree) await beginChange(tree);
      const now = new Date();
      await utimes(tree, now, now);
      await mounts.note(request.into, path.join(tree, 'tree'));
      return { tree, state, isShared: chosen !== undefined && !chosen.isFree };
    });
  }

  async #clearWorkspaces(): Promise<boolean> {
    const cleared = this.options.clearWorkspaces?.() ?? false;
    return Promise.race([cleared, sleep(CLEARING_MS, true, { ref: false })]);
  }

  /** The trees of a repository, the latest used first. */
  async #look(pool: string): Promise<Found[]> {
    const inUse = await this.options.mounts.inUse();
    const found = await Promise.all(
      (await treesOf(pool)).map(async (tree) => ({
        tree,
        state: await readState(tree),
        usedMs: await usedAt(tree),
        isFree: !inUse.has(path.join(tree, 'tree')),
      })),
    );
    return found.sort((a, b) => b.usedMs - a.usedMs);
  }

  async #make({ tree, state, isShared }: Chosen, request: CheckoutRequest): Promise<Omit<Checkout, 'lower'>> {
    // Somebody has it mounted, so it can only be looked at.
    if (isShared) return readCheckout({ ...request, into: path.join(tree, 'tree') });
    try {
      return await this.#bring(tree, request, state);
    } catch (error) {
      request.signal?.throwIfAborted();
      const isDamaged = error instanceof RepositoryError ? error.cacheSuspected : isMissing(error);
      if (!isDamaged) throw error;
      if (!state) await this.options.cache.discard(request.source, request.signal);
      return this.#bring(tree, request, null);
    }
  }

  async #bring(tree: string, request: CheckoutRequest, state: TreeState | null) {
    const { sha, depth } = request;
    const wanted = { ...request, into: path.join(tree, 'tree') };
    if (!state) {
      await removeTree(tree);
      await mkdir(wanted.into, { recursive: true, mode: 0o700 });
    }
    let isTouched = state === null;
    const add = state !== null && depth === 1 && state.additions < MAX_ADDITIONS;
    const there = state ? { have: add ? state.sha : undefined, begins: () => (isTouched = true) } : undefined;
    try {
      const brought = isAt(state, request)
        ? await repair(wanted)
        : await bringTo(wanted, this.options.cache, there);
      if (state && brought.isComplete) await removeOtherPacks(wanted.into, brought.packs);
      const additions = brought.isComplete ? 0 : (state?.additions ?? 0) + 1;
      await endChange(tree, { sha, depth, additions });
      return brought.checkout;
    } catch (error) {
      if (state && !isTouched) await endChange(tree);
      throw error;
    }
  }

  async #pools(): Promise<string[]> {
    const found: string[] = [];
    for (const host of await readdir(this.#root).catch(() => []))
      for (const owner of await readdir(path.join(this.#root, host)).catch(() => []))
        for (const name of await readdir(path.join(this.#root, host, owner)).catch(() => []))
          if (name.endsWith('.git')) found.push(path.join(this.#root, host, owner, name));
    return found;
  }
}

const lockOf = (pool: string): string => `${pool}.lock`;

const usedAt = async (tree: string): Promise<number> =>
  (await stat(tree).catch(() => undefined))?.mtimeMs ?? 0;

async function treesOf(pool: string): Promise<string[]> {
  const names = await readdir(pool).catch(() => []);
  return names.filter((name) => RANDOM.test(name)).map((name) => path.join(pool, name));
}

/** With the whole history also branches and tags count, which have moved on. */
const isAt = (state: TreeState | null, { sha, depth }: CheckoutRequest): boolean =>
  state !== null && depth > 0 && state.sha === sha && state.depth === depth;

/** The one that is quickest brought to the wanted commit. */
const bestOf = (trees: Found[], request: CheckoutRequest): Found | undefined =>
  trees.find(({ state }) => isAt(state, request)) ??
  trees.find(({ state, isFree }) => isFree && state?.depth === request.depth);

const isMissing = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ENOENT';

async function removeOtherPacks(into: string, kept: string[]): Promise<void> {
  const folder = path.join(into, '.git', 'objects', 'pack');
  for (const file of await readdir(folder))
    if (!kept.includes(file)) await rm(path.join(folder, file), { force: true });
}
