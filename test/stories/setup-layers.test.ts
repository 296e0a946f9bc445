import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Trees } from '../../src/git/trees.js';
import { runProgram } from '../../src/spawner/run.js';
import { mountTable, seenByPrograms } from '../../src/spawner/spawner.js';
import { CachedRuns, whyNotMounted } from '../support/cached-runs.js';

const whyNot = await whyNotMounted();
// eslint-disable-next-line no-console
if (whyNot) console.warn(`The tests of mounted setups are skipped: ${whyNot}`);
const SETUP = 'mkdir -p node_modules && echo good > node_modules/dep';
const TEST = 'grep -q good node_modules/dep';
const LOCK = { 'package-lock.json': '{}\n' };
const FROM_CACHE = /^From cache/;

describe.each(['mounted', 'copied'])('layers of setups, %s,', (way) => {
  if (way === 'mounted' && whyNot) {
    it.skip('need overlays', () => undefined);
    return;
  }
  let runs: CachedRuns;
  beforeEach(async () => {
    runs = await CachedRuns.begin(way === 'mounted');
  });
  afterEach(async () => {
    expect(readFileSync(mountTable(), 'utf8')).not.toContain(runs.folder);
    await runs.end();
  });

  /** The folders of all layers. */
  const layers = () =>
    execFileSync('find', [join(runs.data, 'setup-layers'), '-name', 'manifest.json'], {
      encoding: 'utf8',
    })
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => line.replace('/manifest.json', ''));

  it('of a pull request serve itself, of the base branch all; forks and merge groups leave none', async () => {
    const script = { setup: SETUP, test: TEST };
    expect((await runs.run(LOCK, script)).setup).toMatch(/succeeded/);
    expect((await runs.run({ a: '1' }, script)).setup).toMatch(/^From cache .* by #1$/);
    expect((await runs.run({ a: '2' }, { ...script, pull: 2 })).setup).toMatch(/succeeded/);
    expect((await runs.run({ a: '3' }, { ...script, pull: 3, fork: true })).setup).toMatch(/succeeded/);
    expect((await runs.run({ a: '4' }, { ...script, pull: 3, fork: true })).setup).toMatch(/succeeded/);
    expect(layers()).toHaveLength(2);
    expect((await runs.run({ a: '5' }, { ...script, pull: null })).setup).toMatch(/succeeded/);
    expect((await runs.run({ a: '6' }, { ...script, pull: 4 })).setup).toMatch(/by the base branch$/);
    expect((await runs.run({ a: '7' }, { ...script, pull: 5, fork: true })).setup).toMatch(FROM_CACHE);
    // A layer may hold the secrets that its setup saw.
    const secrets = { NPM_TOKEN: 'hush' };
    expect((await runs.run({ a: '8' }, { ...script, pull: null, secrets })).setup).toMatch(/succeeded/);
    expect((await runs.run({ a: '9' }, { ...script, pull: 4, secrets })).setup).toMatch(FROM_CACHE);
    expect((await runs.run(LOCK, { ...script, setup: `${SETUP}; true`, pull: 4 })).setup).toMatch(
      /succeeded/,
    );
  });

  it('that lead to failing tests are tried without, once, and only what passes then was theirs to blame', async () => {
    const script = { setup: SETUP, test: TEST };
    await runs.run(LOCK, script);
    const [layer] = layers();
    writeFileSync(join(layer!, 'tree/node_modules/dep'), 'bad!\n');
    const mended = await runs.run({ a: '1' }, script);
    expect(mended).toMatchObject({ conclusion: 'success' });
    expect(mended.setup).toMatch(/succeeded/);
    expect(mended.notes.join(' ')).toMatch(
      /came from the cache .* and test failed, so all was set up anew .* discarded/,
    );
    expect(layers()).toHaveLength(1);
    expect(layers()).not.toContain(layer);
    expect((await runs.run({ a: '2' }, script)).setup).toMatch(FROM_CACHE);

    const counted = 'echo run >> "$CODEGENAPP_OUTPUT.x" 2>/dev/null; echo tried; false';
    const failed = await runs.run({ a: '3' }, { ...script, test: counted });
    expect(failed).toMatchObject({ conclusion: 'failure' });
    expect(failed.notes).toHaveLength(1);
    expect(failed.run.results.logTail!.text).toBe('tried\n');
  });

  it('that are damaged or half made are not used; the oldest go where there is no room', async () => {
    const script = { setup: SETUP, test: TEST };
    await runs.run(LOCK, script);
    const [layer] = layers();
    rmSync(join(layer!, 'tree/node_modules/dep'));
    runs.layers = runs.newLayers();
    expect(await runs.run({ a: '1' }, script)).toMatchObject({ conclusion: 'success', notes: [] });
    expect(layers()).toHaveLength(1);
    writeFileSync(join(layers()[0]!, 'manifest.json'), '{"format":1,');
    expect((await runs.run({ a: '2' }, script)).setup).toMatch(/succeeded/);

    await runs.run({ a: '3' }, { ...script, pull: 2 });
    const [old, young] = layers().sort((a, b) =>
      a.includes('pull-1/') ? -1 : b.includes('pull-1/') ? 1 : 0,
    );
    utimesSync(old!, 1, 1);
    const draft = join(runs.data, 'setup-layers/drafts/0123456789abcdef');
    execFileSync('mkdir', ['-p', draft]);
    utimesSync(draft, 1, 1);
    await runs.newLayers(15_000).prune();
    expect([old, young, draft].map((folder) => existsSync(folder!))).toEqual([false, true, false]);
    await runs.newLayers(0).prune();
    expect(layers()).toEqual([]);
  });

  it.each([
    ['rm src/a', 'removed "src/a"'],
    ['rm -rf src; mkdir src; echo 1 > src/a', 'src'],
    ['cd src; echo 2 > a', 'changed "src/a", a file of the commit'],
    ['mkfifo node_modules/pipe', 'made "node_modules/pipe", which is no file'],
    ['mkfifo ~/pipe', 'made "pipe", which is no file'],
    ['git tag v1', 'changed the git directory'],
    ['echo 1 > node_modules/x; chmod u+s node_modules/x', 'a set-user-id program'],
  ])('are not kept of a setup that does `%s`', async (more, reason) => {
    const { conclusion, notes } = await runs.run(
      { ...LOCK, 'src/a': '1\n' },
      { setup: `${SETUP}; ${more}`, test: TEST },
    );
    expect(conclusion).toBe('success');
    expect(notes.join()).toMatch(/^What setup made is not kept for the next time: it /);
    expect(notes.join()).toContain(reason);
    expect(layers()).toEqual([]);
  });

  it('bring back what was added beside files of the commit, and are left out where a commit has such a file', async () => {
    const setup = [
      SETUP,
      '(cd src; echo generated > generated; echo 1 > a); git status > /dev/null',
      'mkdir -p .venv/bin; pwd > .venv/bin/python; ln -s dep node_modules/link; echo ok > ~/tool; chmod 700 ~/tool',
      `echo '{"changed":1}' > package-lock.json`,
    ].join('\n');
    const test = [
      TEST,
      'grep generated src/generated; grep -x "$PWD" .venv/bin/python; grep good node_modules/link; [ -x ~/tool ]',
      'grep changed package-lock.json; grep -x "$WANTED" src/b; git log -1 --format=%H | grep "$HEAD_SHA"',
      '[ -z "$(git status --porcelain src/a src/b)" ]',
    ].join('\n');
    const files = { ...LOCK, 'src/a': '1\n', 'src/b': '1\n' };
    const script = { setup, test };
    expect(await runs.run(files, { ...script, test: `WANTED=1; ${test}` })).toMatchObject({
      conclusion: 'success',
      notes: [],
    });
    const next = await runs.run({ 'src/b': '2\n' }, { ...script, test: `WANTED=2; ${test}` });
    expect(next.setup).toMatch(FROM_CACHE);
    expect(next).toMatchObject({ conclusion: 'success', notes: [] });
    const own = await runs.run({ 'src/generated': 'mine\n' }, { ...script, test: 'true' });
    expect(own.setup).toMatch(/succeeded/);
    expect(own.notes.join()).toContain('changed "src/generated"');
  });

  it('are of the same sources where the setup builds something of them', async () => {
    const script = { setup: `${SETUP}; cat src/a > built`, test: 'cmp src/a built' };
    await runs.run({ ...LOCK, 'src/a': '1\n', 'build.sh': 'cp src/a built\n' }, script);
    expect(await runs.run({ 'src/a': '2\n' }, script)).toMatchObject({ conclusion: 'success', notes: [] });
    const build = { setup: 'bash build.sh # build', test: 'cmp src/a built' };
    await runs.run({ 'src/a': '3\n' }, build);
    expect((await runs.run({ 'src/a': '4\n' }, build)).setup).toMatch(/succeeded/);
    expect(statSync(runs.data).isDirectory()).toBe(true);
  });
});

describe('mounts that a process that died left', () => {
  (whyNot ? it.skip : it)('are taken away with its workspaces, and nothing under them is', async () => {
    const runs = await CachedRuns.begin(true);
    try {
      const { workspaces, mounts, trees, repository } = runs;
      const sha = repository.commit({ 'src/a': '1\n' });
      repository.push('refs/heads/feature');
      const source = { host: 'local', fullName: 'local/app', url: repository.bare };
      const request = { source, ref: 'refs/heads/feature', sha, depth: 1 };
      const [first, second] = [await workspaces.create(), await workspaces.create()];
      const { lower } = await trees!.checkout({ ...request, into: first.tree });
      // The same commit: the same tree under both.
      expect((await trees!.checkout({ ...request, into: second.tree })).lower).toBe(lower);
      writeFileSync(join(seenByPrograms(first.tree), 'src/a'), 'written\n');
      writeFileSync(join(seenByPrograms(first.tree), 'src/b'), 'written\n');
      expect(readFileSync(join(seenByPrograms(second.tree), 'src/a'), 'utf8')).toBe('1\n');

      // Another commit: another tree, as that one is in use.
      const next = repository.commit({ 'src/a': '2\n' });
      repository.push('refs/heads/feature');
      const third = await workspaces.create();
      const other = await trees!.checkout({ ...request, sha: next, into: third.tree });
      expect(other.lower).not.toBe(lower);
      expect(await mounts!.inUse()).toEqual(new Set([lower, other.lower]));
      await trees!.prune(0);

      expect(await workspaces.removeStale((process) => process === 'test')).toBe(3);
      expect(readFileSync(mountTable(), 'utf8')).not.toContain(runs.folder);
      expect(readdirSync(join(lower!, 'src'))).toEqual(['a']);
      expect(readFileSync(join(lower!, 'src/a'), 'utf8')).toBe('1\n');
      expect(await mounts!.inUse()).toEqual(new Set());

      // Damaged trees are mended or made anew.
      writeFileSync(join(other.lower!, 'src/a'), 'damaged\n');
      const fourth = await workspaces.create();
      await trees!.checkout({ ...request, sha: next, into: fourth.tree });
      expect(readFileSync(join(seenByPrograms(fourth.tree), 'src/a'), 'utf8')).toBe('2\n');
      await workspaces.remove(fourth.name);
      for (const tree of [lower!, other.lower!]) rmSync(join(tree, '.git/objects'), { recursive: true });
      const last = repository.commit({ 'src/a': '3\n' });
      repository.push('refs/heads/feature');
      const fifth = await workspaces.create();
      await trees!.checkout({ ...request, sha: last, into: fifth.tree });
      expect(readFileSync(join(seenByPrograms(fifth.tree), 'src/a'), 'utf8')).toBe('3\n');
      const commandLine = ['git', '-c', 'safe.directory=*', 'fsck', '--strict'];
      const environment = { PATH: process.env['PATH']! };
      const fsck = runProgram({ commandLine, environment, directory: fifth.tree });
      expect(await fsck.result).toMatchObject({ code: 0 });
      await workspaces.remove(fifth.name);
      await trees!.prune(0);
      expect(existsSync(lower!)).toBe(false);
    } finally {
      await runs.end();
    }
  });
});

describe('a workspace that is not needed any more', () => {
  const content = (n: number) => `${n}\n`;
  /** Three pushes, the workspace of the first discarded before the last. */
  async function threePushes(runs: CachedRuns, trees: Trees) {
    const { workspaces, repository } = runs;
    const checkedOut = async (n: number) => {
      const sha = repository.commit({ a: content(n) });
      repository.push('refs/heads/feature');
      const source = { host: 'local', fullName: 'local/app', url: repository.bare };
      const workspace = await workspaces.create();
      const request = { source, ref: 'refs/heads/feature', sha, depth: 1, into: workspace.tree };
      return { workspace, lower: (await trees.checkout(request)).lower };
    };
    const [first, second] = [await checkedOut(1), await checkedOut(2)];
    workspaces.discard(first.workspace.name, (error) => expect(error).toBeUndefined());
    const all = [first, second, await checkedOut(3)];
    return all.map(({ lower, workspace }) => ({ lower, ...workspace }));
  }

  (whyNot ? it.skip : it)('is removed at once where its tree is wanted', async () => {
    const runs = await CachedRuns.begin(true);
    try {
      const [first, second, third] = await threePushes(runs, runs.trees!);
      expect(third!.lower).toBe(first!.lower);
      expect([first, second, third].map((each) => existsSync(each!.folder))).toEqual([false, true, true]);
      for (const [n, { tree }] of [second!, third!].entries())
        expect(readFileSync(join(seenByPrograms(tree), 'a'), 'utf8')).toBe(content(n + 2));
    } finally {
      await runs.end();
    }
  });

  (whyNot ? it.skip : it)('is not waited for where that takes longer than to make another tree', async () => {
    const runs = await CachedRuns.begin(true);
    try {
      const { cache, mounts, data } = runs;
      const clearWorkspaces = () => new Promise<boolean>(() => undefined);
      const trees = new Trees({ directory: data, cache, mounts: mounts!, clearWorkspaces });
      const lowers = (await threePushes(runs, trees)).map(({ lower }) => lower);
      expect(new Set(lowers).size).toBe(3);
    } finally {
      await runs.end();
    }
  });
});
