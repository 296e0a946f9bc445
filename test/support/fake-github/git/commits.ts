import type { GitStore } from './store.js';
import { changeTree, readTree, writeTree, type FileChanges, type Tree } from './trees.js';

export interface Signature {
  name: string;
  email: string;
  /** Seconds since 1970. */
  time: number;
}
export interface Commit {
  sha: string;
  tree: string;
  parents: string[];
  author: Signature;
  committer: Signature;
  message: string;
}

const line = (who: Signature) => `${who.name} <${who.email}> ${who.time} +0000`;

/** Stores a commit and returns its sha. */
export function writeCommit(store: GitStore, commit: Omit<Commit, 'sha'>): string {
  const header = [
    `tree ${commit.tree}`,
    ...commit.parents.map((parent) => `parent ${parent}`),
    `author ${line(commit.author)}`,
    `committer ${line(commit.committer)}`,
  ];
  return store.write('commit', Buffer.from(`${header.join('\n')}\n\n${commit.message}\n`));
}

/** The commit of that sha, or undefined where there is none. */
export function readCommit(store: GitStore, sha: string): Commit | undefined {
  const object = store.read(sha);
  if (object?.type !== 'commit') return undefined;
  const text = object.content.toString();
  const end = text.indexOf('\n\n');
  const headers = text.slice(0, end).split('\n');
  const all = (name: string) =>
    headers.filter((header) => header.startsWith(`${name} `)).map((header) => header.slice(name.length + 1));
  const signature = (name: string): Signature => {
    const match = /^(.*) <(.*)> (\d+)/.exec(all(name)[0] ?? '');
    return { name: match?.[1] ?? '', email: match?.[2] ?? '', time: Number(match?.[3] ?? 0) };
  };
  return {
    sha,
    tree: all('tree')[0] ?? '',
    parents: all('parent'),
    author: signature('author'),
    committer: signature('committer'),
    message: text.slice(end + 2).replace(/\n$/, ''),
  };
}

/** Every file of a commit; of none, none. */
export function treeOf(store: GitStore, sha: string | undefined): Tree {
  if (sha === undefined) return new Map();
  const commit = readCommit(store, sha);
  if (!commit) throw new Error(`There is no commit ${sha}.`);
  return readTree(store, commit.tree);
}

/**
 * Stores a commit of the files of another one with changes, and returns its sha.
 * @param change.parents where they are not just that other one
 */
export function commitChanges(
  store: GitStore,
  from: string | undefined,
  change: { files: FileChanges; parents?: string[]; message: string; by: Signature },
): string {
  const { files, parents = from === undefined ? [] : [from], message, by } = change;
  const tree = writeTree(store, changeTree(store, treeOf(store, from), files));
  return writeCommit(store, { tree, parents, author: by, committer: by, message });
}

/** The commit and everything it descends from, nearest first. */
export function ancestors(store: GitStore, sha: string): Commit[] {
  const found = new Map<string, Commit>();
  for (let level = [sha]; level.length > 0;) {
    const commits = level.filter((each) => !found.has(each)).map((each) => readCommit(store, each));
    level = [];
    for (const commit of commits) {
      if (!commit || found.has(commit.sha)) continue;
      found.set(commit.sha, commit);
      level.push(...commit.parents);
    }
  }
  return [...found.values()];
}

/** The nearest common ancestor; with several (criss-cross merges) the one nearest to `theirs`. */
export function mergeBase(store: GitStore, ours: string, theirs: string): string | undefined {
  const known = new Set(ancestors(store, ours).map((commit) => commit.sha));
  return ancestors(store, theirs).find((commit) => known.has(commit.sha))?.sha;
}

/** The commits of `head` that `base` does not have, oldest first. */
export function commitsBetween(store: GitStore, base: string, head: string): Commit[] {
  const known = new Set(ancestors(store, base).map((commit) => commit.sha));
  return ancestors(store, head)
    .filter((commit) => !known.has(commit.sha))
    .reverse();
}
