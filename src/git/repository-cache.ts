import { copyFile, mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { git } from './command.js';
import { RepositoryError } from './errors.js';
import { fetchAdded } from './fetch-added.js';
import { gitFetch } from './fetch.js';
import { withLock } from './lock.js';
import { removeTree, sizeOf } from './remove-tree.js';
import { cachePath, isSafeRef, nameOf, type RepositorySource } from './source.js';
import type { Delivered, Wanted } from './wanted.js';

export interface RepositoryCacheOptions {
  /** DATA_DIR; the caches are in `mirrors/HOST/OWNER/NAME.git` in it. */
  directory: string;
  /** Before the second, third, … try of a fetch that failed on its way. */
  retryDelaysMs?: readonly number[];
  /** For one fetch, all its tries together. */
  timeLimitMs?: number;
  /** A transfer without a byte for so long is given up, and tried again. */
  stallSeconds?: number;
  /** Heads kept as common ground for the next fetch; with twice as many packs a cache is packed anew. */
  keptHeads?: number;
}

const FETCHED = 'refs/codegenapp';
/** Folder in a cache for the pack that is being made for a workspace. */
const DELIVERY = 'delivery';

/**
 * One bare repository for each repository that pipelines run for, so that a push transfers what is new in it.
 *
 * Every fetched head is kept under a ref of its own: it is what the next fetch names to the server as known. All
 * that reads or writes a cache does so under its lock, held for the fetch and for the copy of the objects, and not
 * while files are checked out. A workspace gets a pack of its own, no link and no alternates: nothing that runs
 * in it can see or reach the cache.
 */
export class RepositoryCache {
  readonly #mirrors: string;
  readonly #retryDelaysMs: readonly number[];
  readonly #timeLimitMs: number;
  readonly #stallSeconds: number;
  readonly #keptHeads: number;

  constructor(options: RepositoryCacheOptions) {
    this.#mirrors = path.resolve(options.directory, 'mirrors');
    this.#retryDelaysMs = options.retryDelaysMs ?? [500, 3_000];
    this.#timeLimitMs = options.timeLimitMs ?? 600_000;
    this.#stallSeconds = options.stallSeconds ?? 60;
    this.#keptHeads = options.keptHeads ?? 32;
  }

  /**
   * Fetches a commit and writes it, as deep as wanted, as one pack into `objects` (the `objects` folder of an
   * initialised git directory). Throws RepositoryError.
   */
  async deliver(wanted: Wanted, objects: string): Promise<Delivered> {
    return this.#locked(wanted.source, wanted.signal, async (gitDir) => {
      await this.#prepare(gitDir, wanted);
      const known = wanted.again === true && (await this.#isKnown(gitDir, wanted));
      const fetchedBytes = known ? 0 : await this.#fetch(gitDir, wanted);
      const refs = wanted.depth === 0 ? await this.#branchesAndTags(gitDir, wanted) : [];
      const tips = [wanted.sha, ...refs.map((ref) => ref.sha)];
      const boundary = await this.#boundary(gitDir, wanted, tips);
      const packs = path.join(gitDir, DELIVERY);
      const full = [...boundary.map((cut) => `--shallow ${cut}`), ...tips];
      // Both are cut: a file that an ancestor of the old commit had and the new one has again is not there.
      const { have } = wanted;
      const less = have === undefined ? null : [`--shallow ${have}`, ...full, `^${have}`];
      const isComplete = !less || !(await this.#pack(gitDir, wanted, packs, less).catch(isNotThere));
      if (isComplete) await this.#pack(gitDir, wanted, packs, full);
      const files = await readdir(packs);
      for (const file of files) await move(path.join(packs, file), path.join(objects, 'pack', file));
      await rm(packs, { recursive: true });
      await this.#maintain(gitDir, wanted);
      return { fetchedBytes, boundary, refs, packs: files, isComplete };
    });
  }

  /** Removes the cache of a repository, to be fetched anew. Waits for whoever uses it. */
  async discard(source: RepositorySource, signal?: AbortSignal): Promise<void> {
    await this.#locked(source, signal, (gitDir) => removeTree(gitDir));
  }

  /** Removes caches, the longest unused first, until all together take at most `maxBytes` on the disk. */
  async pruneCaches(maxBytes: number): Promise<void> {
    const caches = [];
    for (const gitDir of await this.#list()) {
      const used = await stat(gitDir).catch(() => undefined);
      if (used) caches.push({ gitDir, usedMs: used.mtimeMs, bytes: await sizeOf(gitDir) });
    }
    let total = caches.reduce((sum, cache) => sum + cache.bytes, 0);
    for (const cache of caches.sort((a, b) => a.usedMs - b.usedMs)) {
      if (total <= maxBytes) return;
      await withLock(`${cache.gitDir}.lock`, undefined, () => removeTree(cache.gitDir));
      total -= cache.bytes;
    }
  }

  async #locked<T>(
    source: RepositorySource,
    signal: AbortSignal | undefined,
    work: (gitDir: string) => Promise<T>,
  ): Promise<T> {
    const gitDir = cachePath(this.#mirrors, source);
    await mkdir(path.dirname(gitDir), { recursive: true, mode: 0o700 });
    return withLock(`${gitDir}.lock`, signal, () => work(gitDir));
  }

  /** Makes the cache where there is none, and clears away what a process that died in it left. */
  async #prepare(gitDir: string, wanted: Wanted): Promise<void> {
    const format = wanted.sha.length === 64 ? 'sha256' : 'sha1';
    if ((await stat(path.join(gitDir, 'HEAD')).catch(() => undefined)) === undefined) {
      await removeTree(gitDir);
      await mkdir(gitDir, { mode: 0o700 });
      await git(
        ['init', '--bare', '--template=', `--object-format=${format}`],
        this.#options(gitDir, wanted),
      );
    }
    for (const lock of ['shallow.lock', 'packed-refs.lock', 'HEAD.lock', 'config.lock', 'gc.pid'])
      await rm(path.join(gitDir, lock), { force: true });
    await rm(path.join(gitDir, DELIVERY), { recursive: true, force: true });
    const now = new Date();
    await utimes(gitDir, now, now);
  }

  async #isKnown(gitDir: string, wanted: Wanted): Promise<boolean> {
    const found = this.#commitAt(gitDir, wanted, `${FETCHED}/${wanted.sha}`);
    return (await found.catch(() => '')) === wanted.sha;
  }

  /** Leaves the wanted commit under its ref. */
  async #fetch(gitDir: string, wanted: Wanted): Promise<number> {
    const { source, sha } = wanted;
    const kept = `${FETCHED}/${sha}`;
    const added = await this.#fetchAdded(gitDir, wanted, kept);
    if (added !== null) return added;
    let bytes = 0;
    let cause: unknown;
    // By its own name first, for which a server need not list its refs; not every server hands that out.
    for (const name of isSafeRef(wanted.ref) ? [sha, wanted.ref] : [sha]) {
      try {
        bytes += await this.#fetchRefspec(gitDir, wanted, `+${name}:${kept}`);
        if ((await this.#commitAt(gitDir, wanted, kept)) === sha) return bytes;
      } catch (error) {
        if (!(error instanceof RepositoryError && error.reason === 'gone')) throw error;
        cause ??= error;
      }
    }
    await git(['update-ref', '-d', kept], this.#options(gitDir, wanted)).catch(() => {});
    if (!cause) throw new RepositoryError('gone', `${sha.slice(0, 7)} is no commit of ${nameOf(source)}.`);
    throw new RepositoryError(
      'gone',
      `Commit ${sha.slice(0, 7)} can't be had from ${nameOf(source)} any more: it was replaced by a force-push, or its branch was deleted.`,
      { advice: 'Push again, or run it again on the newer head.', cause },
    );
  }

  /** The same where an earlier head is there at depth 1, as is wanted; null where that does not succeed. */
  async #fetchAdded(gitDir: string, wanted: Wanted, kept: string): Promise<number | null> {
    if (wanted.depth !== 1) return null;
    const shallow = path.join(gitDir, 'shallow');
    const cuts = (await readFile(shallow, 'utf8').catch(() => '')).split('\n').filter((line) => line !== '');
    const have = await newestOf(path.join(gitDir, FETCHED), new Set(cuts));
    if (have === undefined || have === wanted.sha) return null;
    const options = { ...this.#options(gitDir, wanted), settings: { 'core.fsync': 'none' } };
    const added = await fetchAdded(wanted, have, options);
    if (added === null) return null;
    if (!cuts.includes(wanted.sha)) {
      await writeFile(`${shallow}.new`, [...cuts, wanted.sha, ''].join('\n'));
      await rename(`${shallow}.new`, shallow);
    }
    await writeFile(path.join(gitDir, kept), `${wanted.sha}\n`);
    return added.fetchedBytes;
  }

  async #fetchRefspec(gitDir: string, wanted: Wanted, refspec: string): Promise<number> {
    const { source, depth, signal } = wanted;
    const deadline = Date.now() + this.#timeLimitMs;
    const all = depth === 0 ? ['+refs/heads/*:refs/heads/*', '+refs/tags/*:refs/tags/*'] : [];
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await gitFetch(source, {
          gitDir,
          refspecs: [refspec, ...all],
          depth,
          prune: depth === 0,
          timeLimitMs: deadline - Date.now(),
          stallSeconds: this.#stallSeconds,
          signal,
        });
      } catch (error) {
        const delay = this.#retryDelaysMs[attempt];
        const again =
          error instanceof RepositoryError && error.reason === 'unreachable' && delay !== undefined;
        if (!again || Date.now() + delay >= deadline) throw error;
        await sleep(delay, undefined, { signal }).catch(() => signal?.throwIfAborted());
      }
    }
  }

  /** The commit that a ref leads to; it leads to itself where it is the one that was asked for. */
  async #commitAt(gitDir: string, wanted: Wanted, ref: string): Promise<string> {
    // As git writes a ref that it made or changed since it last packed them.
    const loose = await readFile(path.join(gitDir, ref), 'utf8').catch(() => '');
    if (loose.trim() === wanted.sha) return wanted.sha;
    const answer = await git(['rev-parse', '--verify', `${ref}^{commit}`], this.#options(gitDir, wanted));
    return answer.trim();
  }

  async #branchesAndTags(gitDir: string, wanted: Wanted): Promise<Delivered['refs']> {
    const answer = await git(
      ['for-each-ref', '--format=%(objectname) %(refname)', 'refs/heads/', 'refs/tags/'],
      this.#options(gitDir, wanted),
    );
    return answer
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => ({ sha: line.slice(0, wanted.sha.length), name: line.slice(wanted.sha.length + 1) }));
  }

  /** Deltas as they came, none searched for: copying is what makes this fast. */
  async #pack(gitDir: string, wanted: Wanted, packs: string, revisions: string[]): Promise<true> {
    await rm(packs, { recursive: true, force: true });
    await mkdir(packs);
    await git(
      ['pack-objects', '--revs', '--delta-base-offset', '--window=0', '-q', path.join(packs, 'pack')],
      {
        ...this.#options(gitDir, wanted),
        settings: { 'core.fsync': 'none' },
        input: [...revisions, ''].join('\n'),
      },
    );
    return true;
  }

  /** The commits within reach at which history was cut, by us or already at the source. */
  async #boundary(gitDir: string, wanted: Wanted, tips: string[]): Promise<string[]> {
    const cut = await readFile(path.join(gitDir, 'shallow'), 'utf8').catch(() => '');
    const cuts = new Set(cut.split('\n').filter((line) => line !== ''));
    if (cuts.size === 0) return [];
    if (wanted.depth === 1 && cuts.has(wanted.sha)) return [wanted.sha];
    const reachable = await git(['rev-list', '--stdin'], {
      ...this.#options(gitDir, wanted),
      input: [...tips, ''].join('\n'),
    });
    return reachable.split('\n').filter((sha) => cuts.has(sha));
  }

  /** Drops the oldest heads and packs the rest anew, now and then. */
  async #maintain(gitDir: string, wanted: Wanted): Promise<void> {
    const files = await readdir(path.join(gitDir, 'objects', 'pack'));
    if (files.filter((file) => file.endsWith('.pack')).length <= 2 * this.#keptHeads) return;
    const options = this.#options(gitDir, wanted);
    const heads = await git(
      ['for-each-ref', '--sort=-committerdate', '--format=%(refname)', FETCHED],
      options,
    );
    const old = heads
      .split('\n')
      .filter((ref) => ref !== '')
      .slice(this.#keptHeads);
    await git(['update-ref', '--stdin'], { ...options, input: old.map((ref) => `delete ${ref}\n`).join('') });
    await git(['gc', '--prune=now'], options);
  }

  async #list(): Promise<string[]> {
    const found: string[] = [];
    for (const host of await readdir(this.#mirrors).catch(() => []))
      for (const owner of await readdir(path.join(this.#mirrors, host)).catch(() => []))
        for (const name of await readdir(path.join(this.#mirrors, host, owner)).catch(() => []))
          if (name.endsWith('.git')) found.push(path.join(this.#mirrors, host, owner, name));
    return found;
  }

  #options(gitDir: string, wanted: Wanted) {
    return { gitDir, name: nameOf(wanted.source), signal: wanted.signal };
  }
}

/** The last written of the refs in a folder that are named like one of these commits. */
async function newestOf(folder: string, commits: ReadonlySet<string>): Promise<string | undefined> {
  const names = (await readdir(folder).catch(() => [])).filter((name) => commits.has(name));
  const times = await Promise.all(
    names.map(async (name) => ({
      name,
      ms: (await stat(path.join(folder, name)).catch(() => undefined))?.mtimeMs ?? 0,
    })),
  );
  return times.sort((a, b) => b.ms - a.ms)[0]?.name;
}

/** The commit that is known elsewhere may be gone from here. */
function isNotThere(error: unknown): false {
  if (error instanceof RepositoryError && error.reason === 'broken') return false;
  throw error;
}

/** Also to another disk, as workspaces may lie on one. */
async function move(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw error;
    await copyFile(from, to);
    await rm(from);
  }
}
