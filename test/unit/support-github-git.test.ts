import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { diff, diffByGit } from '../support/fake-github/git/diff.js';
import { GIT_ENVIRONMENT } from '../support/fake-github/git/run.js';
import { FakeGitHub, type FakeRepository } from '../support/fake-github/index.js';

let github: FakeGitHub;
let repository: FakeRepository;
let directory: string;

beforeEach(async () => {
  github = await FakeGitHub.start();
  repository = github.createRepository('acme/web', {
    files: {
      'README.md': 'hello\n',
      'src/deep/a.js': 'a\n',
      'run.sh': { content: '#!/bin/sh\n', mode: '100755' },
    },
  });
  directory = mkdtempSync(join(tmpdir(), 'fake-github-test-'));
});
afterEach(async () => {
  rmSync(directory, { recursive: true });
  await github.stop();
});

/** Runs the real git in the test's directory; rejects with what it printed. */
function git(...args: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile('git', args, { cwd: directory, env: GIT_ENVIRONMENT }, (error, stdout, stderr) => {
      if (error) reject(new Error(stderr));
      else resolve(stdout.trim());
    });
  });
}
const withToken = (token: string, url = repository.cloneUrl) =>
  url.replace('http://', `http://x-access-token:${token}@`);
const token = () => github.tokens.issue(github.installations[0]!).token;

describe('git', () => {
  it('clones what was committed, and finds nothing wrong with it', async () => {
    const { sha } = repository.commit('main', {
      'ünï cödé/ü.txt': 'ü\n',
      'run.sh': null,
      'README.md': 'changed\n',
    });
    await git('clone', '--quiet', repository.cloneUrl, '.');
    expect(await git('rev-parse', 'HEAD')).toBe(sha);
    expect(await git('fsck', '--strict')).toBe('');
    expect(await git('log', '--format=%an %s')).toBe('octocat Change\noctocat First commit');
    expect(readFileSync(join(directory, 'ünï cödé/ü.txt'), 'utf8')).toBe('ü\n');
    expect(repository.fetches).toMatchObject([{ authenticatedAs: 'anonymous', wanted: [sha] }]);
    expect(repository.fetches[0]!.bytes).toBeGreaterThan(300);
  });

  it('fetches a pull request of a fork from the base repository, by ref and by sha', async () => {
    const fork = repository.fork('stranger/web');
    fork.commit('patch', { 'p.txt': 'p\n' });
    const pull = repository.openPullRequest({ head: 'patch', from: fork });
    const old = pull.headSha;
    pull.forcePush({ 'p.txt': 'q\n' });
    await git('init', '--quiet');
    await git('fetch', '--quiet', '--depth=1', repository.cloneUrl, `refs/pull/${pull.number}/head`);
    expect(await git('rev-parse', 'FETCH_HEAD')).toBe(pull.headSha);
    await git('fetch', '--quiet', '--depth=1', repository.cloneUrl, old);
    expect(await git('show', 'FETCH_HEAD:p.txt')).toBe('p');
    await git('fetch', '--quiet', repository.cloneUrl, `refs/pull/${pull.number}/merge`);
    expect(await git('show', 'FETCH_HEAD:README.md')).toBe('hello');
  });

  it('takes hostile branch names that git takes', async () => {
    const name = '$(touch${IFS}x);--upload-pack=y';
    const { sha } = repository.commit(name, { 'h.txt': 'h\n' });
    const pull = repository.openPullRequest({ head: name });
    expect(pull.headSha).toBe(sha);
    expect(await git('ls-remote', repository.cloneUrl, `refs/heads/${name}`)).toContain(sha);
    expect(() => repository.commit('two words', {})).toThrow('git refuses the branch name');
    expect(() => repository.commit('main', { '.git/hooks/post-checkout': 'x' })).toThrow(
      'git refuses the path',
    );
  });

  it('shows a private repository to its tokens only', async () => {
    repository = github.createRepository('acme/secret', { private: true });
    await expect(git('ls-remote', repository.cloneUrl)).rejects.toThrow('could not read Username');
    await expect(git('ls-remote', withToken('ghs_wrong'))).rejects.toThrow('Authentication failed');
    const other = github.createRepository('umbrella/other');
    const stranger = github.tokens.issue(github.installationOf(other)!).token;
    await expect(git('ls-remote', withToken(stranger))).rejects.toThrow('not found');
    const good = token();
    await git('clone', '--quiet', withToken(good), '.');
    expect(repository.fetches).toMatchObject([{ authenticatedAs: 'installation acme' }]);
    github.expireTokens();
    await expect(git('ls-remote', withToken(good))).rejects.toThrow('Authentication failed');
  });

  it('follows a rename', async () => {
    const url = repository.cloneUrl;
    repository.rename('site');
    await git('clone', '--quiet', url, '.');
    expect(readFileSync(join(directory, 'README.md'), 'utf8')).toBe('hello\n');
  });

  it('takes pushes of those who may, and moves pull requests along', async () => {
    repository.commit('feature', { 'f.txt': 'f\n' });
    const pull = repository.openPullRequest({ head: 'feature' });
    await git('clone', '--quiet', '--branch=feature', withToken(token()), '.');
    writeFileSync(join(directory, 'f.txt'), 'pushed\n');
    const push = ['push', '--quiet', 'origin', 'HEAD'];
    await git(
      '-c',
      'user.name=a',
      '-c',
      'user.email=a@b.test',
      'commit',
      '--quiet',
      '--all',
      '--message=Push',
    );
    const sha = await git('rev-parse', 'HEAD');
    github.installations[0]!.permissions['contents'] = 'read';
    await git('remote', 'set-url', 'origin', withToken(token()));
    await expect(git(...push)).rejects.toThrow('403');
    github.installations[0]!.permissions['contents'] = 'write';
    await git('remote', 'set-url', 'origin', withToken(token()));
    await git(...push);
    await github.waitFor(() => pull.headSha === sha, { what: 'the new head' });
    const events = github.emitted.map((event) => [event.name, event.payload.action]);
    expect(events).toEqual([
      ['push', undefined],
      ['pull_request', 'synchronize'],
    ]);
    expect(repository.git.ref(`refs/pull/${pull.number}/head`)).toBe(sha);
  });
});

describe('faults', () => {
  it('break git: an error, a cut in the middle, a server that hangs', async () => {
    github.fault({ path: '/acme/web.git/info/refs', status: 500 });
    await expect(git('ls-remote', repository.cloneUrl)).rejects.toThrow('500');
    repository.commit('main', {
      'big.bin': Buffer.from(Array.from({ length: 20_000 }, (_, n) => (n * n) % 251)),
    });
    github.fault({ path: '/acme/web.git/git-upload-pack', cut: true });
    await expect(git('clone', repository.cloneUrl, 'cut')).rejects.toThrow(/early EOF|unexpected|RPC failed/);
    const hanging = github.fault({ path: /upload-pack$/, hang: true });
    const waiting = git('clone', repository.cloneUrl, 'hanging').catch(() => 'gave up');
    await github.waitFor(() => hanging.hits > 0);
    await github.stop();
    expect(await waiting).toBe('gave up');
    github = await FakeGitHub.start();
  });

  it('break the API before and after the effect', async () => {
    const headers = { authorization: `Bearer ${token()}` };
    repository.openIssue({ title: 'An issue' });
    const comment = () =>
      fetch(`${github.apiUrl}/repos/acme/web/issues/1/comments`, {
        method: 'POST',
        headers,
        body: JSON.stringify({ body: 'hello' }),
      });
    const count = () => repository.issues[0]!.comments().length;
    const path = '/repos/acme/web/issues/1/comments';
    github.fault({ method: 'POST', path, status: 502, headers: { 'retry-after': '7' } });
    const refused = await comment();
    expect([refused.status, refused.headers.get('retry-after'), count()]).toEqual([502, '7', 0]);
    github.fault({ method: 'POST', path, status: 504, onlyAfterEffect: true });
    expect([(await comment()).status, count()]).toEqual([504, 1]);
    github.fault({ method: 'POST', path, cut: true, onlyAfterEffect: true });
    await expect(comment().then((response) => response.text())).rejects.toThrow();
    expect(count()).toBe(2);
    github.fault({ method: 'POST', path, cut: true });
    await expect(comment()).rejects.toThrow();
    expect(count()).toBe(2);
    github.fault({ method: 'POST', path, delayMs: 5 });
    expect([(await comment()).status, count()]).toEqual([201, 3]);
  });

  it('that hit nothing fail the test', async () => {
    github.fault({ method: 'PUT', path: '/nowhere', status: 500 });
    await expect(github.stop()).rejects.toThrow('the fault on PUT /nowhere hit no request');
    github = await FakeGitHub.start();
  });
});

describe('what a commit adds', () => {
  it('is told without git as git tells it', () => {
    const before = repository.branch('main');
    const { sha } = repository.commit('main', {
      'one line.txt': 'one\n',
      'lines.txt': 'one\n\n+three\r\n',
      'no end.txt': 'one\ntwo',
      'no end, one line.txt': 'one',
      'only an end.txt': '\n',
      'empty.txt': '',
      'binary.bin': Buffer.from([1, 0, 2]),
      'late.bin': Buffer.concat([Buffer.alloc(8_000, 'x'), Buffer.from([0])]),
      'latin1.txt': Buffer.from([0xe9, 10]),
      'src/deep/a.ts': 'a\n',
      'src/deep.txt': 'a\n',
      'ä.txt': 'a\n',
      link: { content: 'README.md', mode: '120000' },
      'more.sh': { content: '#!/bin/sh\n', mode: '100755' },
    });
    expect(diff(repository.git, before, sha)).toEqual(diffByGit(repository.git, before, sha));
    expect(diff(repository.git, undefined, sha)).toEqual(diffByGit(repository.git, undefined, sha));
  });
});
