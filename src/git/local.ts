import { createHash } from 'node:crypto';
import path from 'node:path';
import type { FileChange } from '../domain/changes.js';
import { git } from './command.js';
import { RepositoryError } from './errors.js';
import { isSafeRef, LOCAL_HOST, type RepositorySource } from './source.js';

/** What `codegenapp validate` needs to know about a repository on this machine. */
export interface LocalRevisions {
  /** To be checked out like any other source. */
  source: RepositorySource;
  /** Absolute path of the working tree, or of the git directory of a bare repository. */
  root: string;
  head: { sha: string; ref: string };
  base: { sha: string; ref: string };
  /** Files that are changed or new in the working tree: they are not validated. */
  uncommittedFiles: number;
}

/**
 * Finds the repository that `directory` lies in and the commits that `head` and `base` name in it (a branch, a tag,
 * `HEAD~2`, a sha). Nothing is written there. Throws RepositoryError `missing_repository`, or `gone` for a revision
 * that names no commit.
 */
export async function resolveLocal(
  directory: string,
  revisions: { head: string; base: string },
): Promise<LocalRevisions> {
  const found = await find(path.resolve(directory));
  const { root, gitDir, bare } = found;
  // Of the same repository, whichever of its worktrees it was found from.
  const id = createHash('sha256').update(found.commonDir).digest('hex').slice(0, 12);
  return {
    source: { host: LOCAL_HOST, fullName: `local/${id}`, url: found.commonDir },
    root,
    head: await resolve(root, gitDir, revisions.head),
    base: await resolve(root, gitDir, revisions.base),
    uncommittedFiles: bare ? 0 : await countUncommitted(root, gitDir),
  };
}

/**
 * The files that differ between the point where `head` left `base` and `head`, as GitHub shows a pull request:
 * paths from the root of the repository, a renamed file under both names. `root` as resolveLocal answers it.
 */
export async function changedFiles(root: string, base: string, head: string): Promise<string[]> {
  const { gitDir } = await find(root);
  const options = { name: root, gitDir, cwd: root };
  const from = (await resolve(root, gitDir, base)).sha;
  const to = (await resolve(root, gitDir, head)).sha;
  // Without a common ancestor (a shallow clone, unrelated histories) all differences count.
  const mergeBase = await git(['merge-base', from, to], options).catch(() => from);
  const answer = await git(
    ['diff', '--name-only', '-z', '--no-renames', '--no-ext-diff', '--no-textconv', mergeBase.trim(), to],
    options,
  );
  return answer.split('\0').filter((file) => file !== '');
}

/**
 * The same with its patches, files that are binary or whose names need quoting left out. A renamed file is one that
 * was removed and one that was added.
 */
export async function changesOf(root: string, base: string, head: string): Promise<FileChange[]> {
  const { gitDir } = await find(root);
  const options = { name: root, gitDir, cwd: root };
  const mergeBase = await git(['merge-base', base, head], options).catch(() => base);
  const answer = await git(
    [
      'diff',
      '--no-color',
      '--no-renames',
      '--no-ext-diff',
      '--no-textconv',
      '--src-prefix=a/',
      '--dst-prefix=b/',
    ].concat([mergeBase.trim(), head]),
    { ...options, settings: { 'core.quotePath': 'false' } },
  );
  return answer.split(/^(?=diff --git )/m).flatMap((file) => {
    const patch = /^@@ [\s\S]*/m.exec(file)?.[0].replace(/\n$/, '');
    const path = /^(?:\+\+\+ b|--- a)\/(.*?)\t?$/m.exec(file.replace(/^--- a\/.*\n(?=\+\+\+ b)/m, ''))?.[1];
    if (patch === undefined || path === undefined) return [];
    const lines = patch.split('\n');
    return {
      path,
      status: /^new file/m.test(file) ? 'added' : /^deleted file/m.test(file) ? 'removed' : 'modified',
      additions: lines.filter((line) => line.startsWith('+')).length,
      deletions: lines.filter((line) => line.startsWith('-')).length,
      patch,
    };
  });
}

async function find(directory: string) {
  const ask = [
    'rev-parse',
    '--path-format=absolute',
    '--is-bare-repository',
    '--git-dir',
    '--git-common-dir',
  ];
  const options = { name: directory, cwd: directory };
  try {
    const [bare, gitDir = '', commonDir = ''] = (await git(ask, options)).split('\n');
    const top = bare === 'true' ? gitDir : await git(['rev-parse', '--show-toplevel'], options);
    return { bare: bare === 'true', gitDir, commonDir, root: top.replace(/\n$/, '') };
  } catch (error) {
    throw new RepositoryError('missing_repository', `${directory} is not in a git repository.`, {
      advice: 'Name a folder inside one, that belongs to you.',
      cause: error,
    });
  }
}

async function resolve(
  root: string,
  gitDir: string,
  revision: string,
): Promise<{ sha: string; ref: string }> {
  const options = { name: root, gitDir, cwd: root };
  try {
    if (revision.startsWith('-') || revision.includes('\0')) throw new TypeError('Not a revision');
    const sha = (await git(['rev-parse', '--verify', `${revision}^{commit}`], options)).trim();
    const ref = await git(['rev-parse', '--symbolic-full-name', revision], options).catch(() => '');
    return { sha, ref: isSafeRef(ref.trim()) ? ref.trim() : sha };
  } catch (error) {
    throw new RepositoryError('gone', `${JSON.stringify(revision)} names no commit in ${root}.`, {
      advice: 'Name a branch, a tag or a commit that exists there.',
      cause: error,
    });
  }
}

async function countUncommitted(root: string, gitDir: string): Promise<number> {
  const answer = await git(['status', '--porcelain', '-z', '--no-renames'], {
    name: root,
    gitDir,
    workTree: root,
  });
  return answer.split('\0').filter((entry) => entry !== '').length;
}

/** The text of a file as a commit has it, or null. `root` as resolveLocal answers it, `sha` a full one. */
export async function readFileAt(root: string, sha: string, file: string): Promise<string | null> {
  const { gitDir } = await find(root);
  const options = { name: root, gitDir, cwd: root };
  const listed = await git(['ls-tree', '-z', '--name-only', sha, '--', `:(top,literal)${file}`], options);
  return listed === '' ? null : git(['cat-file', 'blob', `${sha}:${file}`], options);
}
