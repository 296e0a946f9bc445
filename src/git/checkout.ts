import { appendFile, chown, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { answerOf, canActAs, git, startShell, together, type GitOptions } from './command.js';
import { classifyFailure, RepositoryError } from './errors.js';
import { fetchAdded, type Added } from './fetch-added.js';
import { headCommand, headOf, readHead, type Head } from './files.js';
import { removeFile, removeTree } from './remove-tree.js';
import type { RepositoryCache } from './repository-cache.js';
import { isSha, LOCAL_HOST, nameOf, type RepositorySource } from './source.js';
import type { Delivered } from './wanted.js';

export interface CheckoutRequest {
  source: RepositorySource;
  /** `refs/pull/7/head`, `refs/heads/…`; whatever is named otherwise is fetched by its sha. */
  ref: string;
  /** The commit that is expected there: 40 or 64 lower-case hex digits. */
  sha: string;
  /** Absolute path; made where missing, else an empty folder. */
  into: string;
  /** Commits of history, 1 for the head alone; 0 for all of it with every branch and tag. */
  depth: number;
  /** Who the files shall belong to; needs root. */
  owner?: { uid: number; gid: number };
  /** It was checked out a moment ago: what is still in the cache is not asked for again. */
  again?: boolean;
  /** The files are to be its own, also where a tree of ours could lie under them. */
  isCopied?: boolean;
  signal?: AbortSignal;
}

export interface Checkout extends Head {
  sha: string;
  /** What came over the network, about; 0 where nothing was new. */
  fetchedBytes: number;
  /** The tree of ours that lies under the working tree, which is then an overlay; null where the files are its own. */
  lower: string | null;
}

/**
 * Makes a working tree of its own, detached at the wanted commit, with a git directory that holds that commit's
 * history as deep as asked, no credential, no hook and no way to the cache. The remote `origin` is the plain URL.
 * No filter runs (files of Git LFS stay pointers), no submodule is fetched.
 *
 * Throws RepositoryError (what is then in `into` is of no use), or the signal's reason when aborted. A damaged cache
 * is replaced and does not show.
 */
export async function checkout(request: CheckoutRequest, cache: RepositoryCache): Promise<Checkout> {
  if (!isSha(request.sha)) throw new TypeError(`Not a full commit sha: ${JSON.stringify(request.sha)}`);
  if (!Number.isInteger(request.depth) || request.depth < 0)
    throw new TypeError(`Not a depth: ${request.depth}`);
  await mkdir(request.into, { recursive: true });
  if ((await readdir(request.into)).length > 0) throw new Error(`Not an empty folder: ${request.into}`);
  try {
    return await attempt(request, cache);
  } catch (error) {
    request.signal?.throwIfAborted();
    if (/^(ENOSPC|EDQUOT)$/.test(String((error as NodeJS.ErrnoException).code)))
      throw classifyFailure(nameOf(request.source), 'No space left on device', error);
    if (!(error instanceof RepositoryError && error.cacheSuspected)) throw error;
    await cache.discard(request.source, request.signal);
    for (const entry of await readdir(request.into)) await removeTree(path.join(request.into, entry));
    return attempt(request, cache);
  }
}

async function attempt(request: CheckoutRequest, cache: RepositoryCache): Promise<Checkout> {
  return { ...(await bringTo(request, cache)).checkout, lower: null };
}

export interface Brought {
  checkout: Omit<Checkout, 'lower'>;
  /** See Delivered. */
  packs: string[];
  isComplete: boolean;
}

export interface There {
  /** A commit of the same depth whose objects are there. */
  have?: string | undefined;
  /** Called before the first file is changed. */
  begins?: () => void;
}

/**
 * Makes a folder a checkout of the wanted commit. @param there what is said of a folder that is one of another commit,
 * and that nobody else has written to: then only files that differ are written. Throws as checkout.
 */
export async function bringTo(
  request: CheckoutRequest,
  cache: RepositoryCache,
  there?: There,
): Promise<Brought> {
  const { source, sha, into, owner, signal } = request;
  const gitDir = path.join(into, '.git');
  const as = owner && (await canActAs(owner)) ? owner : undefined;
  const options = { name: nameOf(source), gitDir, workTree: into, as, signal };
  const format = sha.length === 64 ? 'sha256' : 'sha1';
  if (as && !there) await chown(into, as.uid, as.gid);
  if (!there) await git(['init', '--template=', `--object-format=${format}`], options);
  // A workspace does not outlive a power cut: nothing has to reach the disk now.
  const settings = {
    'core.fsync': 'none',
    'core.logAllRefUpdates': 'false',
    'checkout.workers': String(availableParallelism()),
  };
  const writing = { ...options, settings };
  const write = together([headCommand(sha), ['checkout', '--quiet', '--detach', '--force', sha]]);
  const added =
    there?.have === undefined ? null : await add(request, there.have, writing, write, there.begins);
  const { answer, fetchedBytes, packs, isComplete } =
    added ?? (await deliver(request, cache, writing, write, there));
  const head = await headOf(sha, answer, options);
  if (owner && !as) await changeOwner(into, owner, signal);
  return { checkout: { sha, ...head, fetchedBytes }, packs, isComplete };
}

type Written = Added & Pick<Delivered, 'packs' | 'isComplete'>;
type WriteOptions = GitOptions & { gitDir: string };

/** Fetches what is new, and writes the files. @returns null where that can't be had */
async function add(
  request: CheckoutRequest,
  have: string,
  options: WriteOptions,
  write: string,
  begun: There['begins'],
): Promise<Written | null> {
  const then = `echo ${request.sha} >>"$GIT_DIR/shallow" || exit\n${write}`;
  const added = await fetchAdded(request, have, { ...options, then, begun });
  return added && { ...added, packs: [], isComplete: false };
}

/** The same by way of the cache. */
async function deliver(
  request: CheckoutRequest,
  cache: RepositoryCache,
  options: WriteOptions,
  write: string,
  there: There | undefined,
): Promise<Written> {
  const { gitDir, as } = options;
  const delivered = await cache.deliver({ ...request, have: there?.have }, path.join(gitDir, 'objects'));
  there?.begins?.();
  const described = await describe(gitDir, request, delivered, there === undefined);
  if (as) for (const file of described) await chown(file, as.uid, as.gid);
  return { ...delivered, answer: answerOf(await startShell(write, options).result, options) };
}

/** What bringTo answers, of a checkout that is at the commit already: nothing is written. */
export async function readCheckout(request: CheckoutRequest): Promise<Brought['checkout']> {
  const { source, sha, into, signal } = request;
  const options = { name: nameOf(source), gitDir: path.join(into, '.git'), workTree: into, signal };
  return { sha, ...(await readHead(sha, options)), fetchedBytes: 0 };
}

/** Writes again whatever differs from the commit that a checkout of ours is at. Throws as checkout. */
export async function repair(request: CheckoutRequest): Promise<Brought> {
  const { source, sha, into, owner, signal } = request;
  const as = owner && (await canActAs(owner)) ? owner : undefined;
  const gitDir = path.join(into, '.git');
  const options = { name: nameOf(source), gitDir, workTree: into, as, signal };
  await git(['checkout', '--detach', '--force', sha], { ...options, settings: { 'core.fsync': 'none' } });
  if (owner && !as) await changeOwner(into, owner, signal);
  return { checkout: await readCheckout(request), packs: [], isComplete: false };
}

/** Writes what the git directory has to know about the objects in it. @returns the files that it holds by us */
async function describe(
  gitDir: string,
  { source }: CheckoutRequest,
  { boundary, refs, packs, isComplete }: Delivered,
  isNew: boolean,
): Promise<string[]> {
  const written = packs.map((file) => path.join(gitDir, 'objects', 'pack', file));
  const write = async (name: string, lines: string[]): Promise<void> => {
    const file = path.join(gitDir, name);
    if (lines.length === 0) return isNew ? undefined : removeFile(file);
    await writeFile(file, lines.map((line) => `${line}\n`).join(''));
    written.push(file);
  };
  // Where earlier commits are still there, their parents are not either.
  const earlier =
    isComplete || isNew ? '' : await readFile(path.join(gitDir, 'shallow'), 'utf8').catch(() => '');
  const cuts = new Set([...earlier.split('\n').filter((line) => line !== ''), ...boundary]);
  await write('shallow', [...cuts]);
  await write(
    'packed-refs',
    refs.map(({ name, sha }) => `${sha} ${asSeenFromAClone(name)}`),
  );
  // Not for a repository on this machine: a script that pushes must not reach the user's own.
  if (isNew && source.host !== LOCAL_HOST)
    await appendFile(
      path.join(gitDir, 'config'),
      `[remote "origin"]\n\turl = "${source.url}"\n\tfetch = +refs/heads/*:refs/remotes/origin/*\n`,
    );
  return written;
}

const asSeenFromAClone = (ref: string): string => ref.replace(/^refs\/heads\//, 'refs/remotes/origin/');

async function changeOwner(
  folder: string,
  { uid, gid }: { uid: number; gid: number },
  signal: AbortSignal | undefined,
): Promise<void> {
  // One process for all files; -h and -P: links themselves, never what they point to.
  await execa('chown', ['-hRP', `${uid}:${gid}`, '--', folder], { stdin: 'ignore', cancelSignal: signal });
}
