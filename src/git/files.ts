import { git, type GitOptions } from './command.js';

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

export interface Head {
  /** Like the author, whatever somebody wrote: unsafe in every sense. */
  message: string;
  author: { name: string; email: string };
  /** All its files by path. */
  tree: GitTree;
}

const FORMAT = '--format=%T%x00%P%x00%an%x00%ae%x00%B%x00';
const LIST = ['--root', '--raw', '-r', '-z', '--no-abbrev', '--no-renames', '--no-ext-diff'];

/** The command whose answer is for headOf(). */
export const headCommand = (sha: string): string[] => [
  'log',
  '-1',
  '--no-show-signature',
  FORMAT,
  ...LIST,
  sha,
];

/** What a commit says and holds. To be called before its code ran in the checkout. */
export async function readHead(sha: string, options: GitOptions): Promise<Head> {
  return headOf(sha, await git(headCommand(sha), options), options);
}

/** @param answer to headCommand() */
export async function headOf(sha: string, answer: string, options: GitOptions): Promise<Head> {
  const [treeSha = '', parents, name = '', email = '', message = '', , ...changes] = answer.split('\0');
  // At depth 1 it has no parents, and all its files are new.
  const files = parents === '' ? added(changes) : await listTree(sha, options);
  return { message: message.trimEnd(), author: { name, email }, tree: { sha: treeSha, files } };
}

/** git-diff-tree(1), "raw output format": `:000000 MODE 0… SHA A`, and the path behind it. */
function added(changes: string[]): Map<string, GitFile> {
  const files = new Map<string, GitFile>();
  for (let at = 0; at + 1 < changes.length; at += 2) {
    const [, mode, , sha] = changes[at]!.split(' ');
    if (mode !== undefined && sha !== undefined) files.set(changes[at + 1]!, { mode, sha });
  }
  return files;
}

async function listTree(sha: string, options: GitOptions): Promise<Map<string, GitFile>> {
  const answer = await git(['ls-tree', '-r', '-z', '--full-tree', sha], options);
  const files = new Map<string, GitFile>();
  for (const line of answer.split('\0')) {
    const [about = '', name] = line.split('\t', 1).concat(line.slice(line.indexOf('\t') + 1));
    const [mode, , object] = about.split(' ');
    if (name !== undefined && mode !== undefined && object !== undefined)
      files.set(name, { mode, sha: object });
  }
  return files;
}
