import path from 'node:path';
import { git } from './command.js';

/** A file, link or submodule of a commit, as git knows it: the same sha is the same content. */
export interface GitFile {
  /** `100644`, `100755`, `120000` for a link, `160000` for a submodule. */
  mode: string;
  sha: string;
}

export interface GitTree {
  /** Of the whole tree: equal for commits with equal files. */
  sha: string;
  files: Map<string, GitFile>;
}

/** All files of a tree by path. To be called before code of its commit ran in the checkout. */
export async function listTree(workTree: string, treeSha: string): Promise<GitTree> {
  const options = { name: workTree, gitDir: path.join(workTree, '.git'), workTree };
  const answer = await git(['ls-tree', '-r', '-z', '--full-tree', treeSha], options);
  const files = new Map<string, GitFile>();
  for (const line of answer.split('\0')) {
    const [about = '', name] = line.split('\t', 1).concat(line.slice(line.indexOf('\t') + 1));
    const [mode, , object] = about.split(' ');
    if (name !== undefined && mode !== undefined && object !== undefined)
      files.set(name, { mode, sha: object });
  }
  return { sha: treeSha, files };
}
