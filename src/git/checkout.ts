import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { git } from './command.js';
import { classifyFailure, RepositoryError } from './errors.js';
import { removeTree } from './remove-tree.js';
import type { Delivered, RepositoryCache } from './repository-cache.js';
import { isSha, LOCAL_HOST, nameOf, type RepositorySource } from './source.js';

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
  signal?: AbortSignal;
}

export interface Checkout {
  sha: string;
  /** Of the head commit. Like its author, it is whatever somebody wrote: unsafe in every sense. */
  message: string;
  author: { name: string; email: string };
  /** What came over the network, about; 0 where nothing was new. */
  fetchedBytes: number;
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
  const { source, sha, into, owner, signal } = request;
  const gitDir = path.join(into, '.git');
  const options = { name: nameOf(source), gitDir, workTree: into, signal };
  const format = sha.length === 64 ? 'sha256' : 'sha1';
  await git(['init', '--template=', `--object-format=${format}`], options);
  const delivered = await cache.deliver(request, path.join(gitDir, 'objects'));
  await describe(gitDir, request, delivered);
  // A workspace does not outlive a power cut: nothing has to reach the disk now.
  const settings = { 'core.fsync': 'none', 'checkout.workers': String(availableParallelism()) };
  await git(['checkout', '--detach', '--force', sha], { ...options, settings });
  const head = await readHead(sha, options);
  if (owner) await changeOwner(into, owner, signal);
  return { sha, ...head, fetchedBytes: delivered.fetchedBytes };
}

/** Writes what the git directory has to know about the objects in it. */
async function describe(gitDir: string, { source }: CheckoutRequest, delivered: Delivered): Promise<void> {
  if (delivered.boundary.length > 0)
    await writeFile(path.join(gitDir, 'shallow'), delivered.boundary.map((sha) => `${sha}\n`).join(''));
  const refs = delivered.refs.map(({ name, sha }) => `${sha} ${asSeenFromAClone(name)}\n`);
  if (refs.length > 0) await writeFile(path.join(gitDir, 'packed-refs'), refs.join(''));
  // Not for a repository on this machine: a script that pushes must not reach the user's own.
  if (source.host !== LOCAL_HOST)
    await writeFile(
      path.join(gitDir, 'config'),
      `[remote "origin"]\n\turl = "${source.url}"\n\tfetch = +refs/heads/*:refs/remotes/origin/*\n`,
      { flag: 'a' },
    );
}

const asSeenFromAClone = (ref: string): string => ref.replace(/^refs\/heads\//, 'refs/remotes/origin/');

async function readHead(
  sha: string,
  options: Parameters<typeof git>[1],
): Promise<Pick<Checkout, 'author' | 'message'>> {
  const answer = await git(['log', '-1', '--no-show-signature', '--format=%an%x00%ae%x00%B', sha], options);
  const [name = '', email = '', ...message] = answer.split('\0');
  return { author: { name, email }, message: message.join('\0').trimEnd() };
}

async function changeOwner(
  folder: string,
  { uid, gid }: { uid: number; gid: number },
  signal: AbortSignal | undefined,
): Promise<void> {
  // One process for all files; -h and -P: links themselves, never what they point to.
  await execa('chown', ['-hRP', `${uid}:${gid}`, '--', folder], { stdin: 'ignore', cancelSignal: signal });
}
