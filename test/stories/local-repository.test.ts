import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { checkout } from '../../src/git/checkout.js';
import { changedFiles, changesOf, resolveLocal } from '../../src/git/local.js';
import { RepositoryCache } from '../../src/git/repository-cache.js';
import { removeFolder, run, SampleRepository, temporaryFolder } from '../support/sample-git.js';

let folder: string;
let repository: SampleRepository;
let user: string;

beforeEach(() => {
  folder = temporaryFolder();
  repository = new SampleRepository(path.join(folder, "it's $HOME"), 'octo/app');
  user = repository.work;
});

afterEach(() => removeFolder(folder));

/** Path, size and time of everything in a folder. */
function snapshot(root: string): string[] {
  return readdirSync(root, { recursive: true, encoding: 'utf8' }).map((name) => {
    const { size, mtimeMs } = statSync(path.join(root, name));
    return `${name} ${size} ${mtimeMs}`;
  });
}

describe('a repository on this machine', () => {
  it('is checked out without being touched, and without what is not committed', async () => {
    run(user, 'checkout', '--quiet', '-b', 'topic');
    const sha = repository.commit({ 'a b/ü.txt': 'committed' });
    writeFileSync(path.join(user, 'README.md'), 'changed');
    writeFileSync(path.join(user, 'new.txt'), 'new');
    mkdirSync(path.join(user, 'sub'));
    const before = snapshot(user);

    const found = await resolveLocal(path.join(user, 'a b'), { head: 'HEAD', base: 'main' });
    expect(found).toMatchObject({
      root: user,
      head: { sha, ref: 'refs/heads/topic' },
      base: { sha: run(user, 'rev-parse', 'main'), ref: 'refs/heads/main' },
      uncommittedFiles: 2,
    });
    const cache = new RepositoryCache({ directory: path.join(folder, 'data') });
    for (const depth of [1, 0]) {
      const into = path.join(folder, `into-${depth}`);
      const { source, head } = found;
      await expect(checkout({ source, ...head, into, depth }, cache)).resolves.toMatchObject({ sha });
      expect(readFileSync(path.join(into, 'README.md'), 'utf8')).toBe('hello\n');
      expect(readFileSync(path.join(into, 'a b/ü.txt'), 'utf8')).toBe('committed');
      expect(run(into, 'remote')).toBe('');
    }
    expect(snapshot(user)).toEqual(before);
  });

  it('may be a shallow clone, a bare repository or a worktree', async () => {
    const sha = repository.commit({ 'a.txt': '' });
    repository.push('refs/heads/main');
    const shallow = path.join(folder, 'shallow');
    run(folder, 'clone', '--quiet', '--depth=1', `file://${repository.bare}`, shallow);
    const worktree = path.join(folder, 'tree');
    run(user, 'worktree', 'add', '--quiet', '--detach', worktree, sha);
    const cache = new RepositoryCache({ directory: path.join(folder, 'data') });
    for (const place of [shallow, repository.bare, worktree]) {
      const { source, head } = await resolveLocal(place, { head: 'HEAD', base: 'HEAD' });
      for (const depth of [0, 1]) {
        const into = path.join(folder, `into-${path.basename(place)}-${depth}`);
        await expect(checkout({ source, ...head, into, depth }, cache)).resolves.toMatchObject({ sha });
        expect(run(into, 'fsck')).toBe('');
      }
    }
  });

  it('says which files a branch changed since it left its base', async () => {
    run(user, 'checkout', '--quiet', '-b', 'topic');
    run(user, 'mv', 'README.md', 'READ ME.md');
    const head = repository.commit({ 'src/ü.ts': '', 'a\nb.txt': '' });
    run(user, 'checkout', '--quiet', 'main');
    repository.commit({ 'only-on-main.txt': '' });
    await expect(changedFiles(user, 'main', head)).resolves.toEqual([
      'READ ME.md',
      'README.md',
      'a\nb.txt',
      'src/ü.ts',
    ]);
  });

  it('says what a branch changed, also where lines look like the heads of a patch', async () => {
    const base = repository.commit({ 'gone.txt': '-- a/x\n', 'ü x.js': 'a\nb\n', bin: Buffer.from([0, 1]) });
    run(user, 'rm', '--quiet', 'gone.txt');
    const head = repository.commit({
      'new.txt': '++ b/other\n',
      'ü x.js': 'a\nB\nc\n',
      bin: Buffer.from([0, 2]),
    });
    await expect(changesOf(user, base, head)).resolves.toEqual([
      { path: 'gone.txt', status: 'removed', additions: 0, deletions: 1, patch: '@@ -1 +0,0 @@\n--- a/x' },
      { path: 'new.txt', status: 'added', additions: 1, deletions: 0, patch: '@@ -0,0 +1 @@\n+++ b/other' },
      {
        path: 'ü x.js',
        status: 'modified',
        additions: 2,
        deletions: 1,
        patch: '@@ -1,2 +1,3 @@\n a\n-b\n+B\n+c',
      },
    ]);
  });

  it('that is none, or lacks the revision, is said plainly', async () => {
    await expect(resolveLocal(folder, { head: 'HEAD', base: 'main' })).rejects.toMatchObject({
      reason: 'missing_repository',
      message: `${folder} is not in a git repository.`,
    });
    for (const head of ['nope', '--all', 'HEAD:README.md', ''])
      await expect(resolveLocal(user, { head, base: 'main' })).rejects.toMatchObject({
        reason: 'gone',
        message: `${JSON.stringify(head)} names no commit in ${user}.`,
      });
  });
});
