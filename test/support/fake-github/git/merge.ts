import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runGit } from './run.js';
import type { GitStore } from './store.js';
import { commitsBetween, mergeBase, treeOf, writeCommit, type Signature } from './commits.js';
import { writeTree, type Tree, type TreeFile } from './trees.js';

/** The tree of merging two commits, or undefined on a conflict. */
export function mergeCommits(store: GitStore, ours: string, theirs: string): Tree | undefined {
  return mergeTrees(
    store,
    treeOf(store, mergeBase(store, ours, theirs)),
    treeOf(store, ours),
    treeOf(store, theirs),
  );
}

function mergeTrees(store: GitStore, base: Tree, ours: Tree, theirs: Tree): Tree | undefined {
  const merged: Tree = new Map();
  for (const path of new Set([...ours.keys(), ...theirs.keys()])) {
    const [was, our, their] = [base.get(path), ours.get(path), theirs.get(path)];
    let file: TreeFile | undefined | 'conflict';
    if (same(our, their) || same(was, their)) file = our;
    else if (same(was, our)) file = their;
    else file = our && their && was ? mergeFile(store, was, our, their) : 'conflict';
    if (file === 'conflict') return undefined;
    if (file) merged.set(path, file);
  }
  return merged;
}

const same = (a: TreeFile | undefined, b: TreeFile | undefined) => a?.sha === b?.sha && a?.mode === b?.mode;

function mergeFile(store: GitStore, base: TreeFile, ours: TreeFile, theirs: TreeFile): TreeFile | 'conflict' {
  const directory = mkdtempSync(join(tmpdir(), 'fake-github-merge-'));
  try {
    const paths = [ours, base, theirs].map((file, index) => {
      const path = join(directory, String(index));
      writeFileSync(path, store.read(file.sha)?.content ?? '');
      return path;
    });
    const result = runGit(['merge-file', '-p', ...paths], { allowFailure: true });
    if (result.status !== 0) return 'conflict';
    const mode = ours.mode === base.mode ? theirs.mode : ours.mode;
    return { mode, sha: store.write('blob', result.stdout) };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

export type MergeMethod = 'merge' | 'squash' | 'rebase';

/** Merges `head` into `base` and returns the new commit, or undefined on a conflict. */
export function merge(
  store: GitStore,
  base: string,
  head: string,
  options: { method: MergeMethod; message: string; by: Signature },
): string | undefined {
  const { by, message, method } = options;
  if (method === 'rebase') return rebase(store, base, head, by);
  const tree = mergeCommits(store, base, head);
  return (
    tree &&
    writeCommit(store, {
      tree: writeTree(store, tree),
      parents: method === 'merge' ? [base, head] : [base],
      author: by,
      committer: by,
      message,
    })
  );
}

function rebase(store: GitStore, base: string, head: string, committer: Signature): string | undefined {
  let tip = base;
  for (const commit of commitsBetween(store, base, head)) {
    const tree = mergeTrees(
      store,
      treeOf(store, commit.parents[0]),
      treeOf(store, tip),
      treeOf(store, commit.sha),
    );
    if (!tree) return undefined;
    tip = writeCommit(store, { ...commit, tree: writeTree(store, tree), parents: [tip], committer });
  }
  return tip;
}
