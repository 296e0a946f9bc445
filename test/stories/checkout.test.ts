import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import path from 'node:path';
import { bringTo, checkout, type CheckoutRequest } from '../../src/git/checkout.js';
import { RepositoryError } from '../../src/git/errors.js';
import { fetchAdded } from '../../src/git/fetch-added.js';
import { RepositoryCache } from '../../src/git/repository-cache.js';
import { startGitHttp, type GitHttpServer } from '../support/git-http.js';
import { HostedRepository } from '../support/hosted-repository.js';
import { removeFolder, run, runWithInput, temporaryFolder } from '../support/sample-git.js';
import type { FileChanges } from '../support/fake-github/git/trees.js';

const TOKEN = 'ghs_CanaryTokenThatMustNotShowAnywhere0123';

let folder: string;
let server: GitHttpServer;
let repository: HostedRepository;
let cache: RepositoryCache;
let counter: number;

beforeEach(async () => {
  folder = temporaryFolder();
  server = await startGitHttp(path.join(folder, 'host'), TOKEN);
  repository = new HostedRepository(path.join(folder, 'host'), 'octo/app');
  cache = new RepositoryCache({ directory: path.join(folder, 'data'), retryDelaysMs: [1, 1] });
  counter = 0;
});

afterEach(async () => {
  await server.close();
  removeFolder(folder);
});

const source = () => ({
  host: server.host,
  fullName: 'octo/app',
  url: `${server.url}/octo/app.git`,
  token: TOKEN,
});

function request(sha: string, more: Partial<CheckoutRequest> = {}): CheckoutRequest {
  counter += 1;
  const into = path.join(folder, `into-${counter}`);
  return { source: source(), ref: 'refs/pull/7/head', sha, into, depth: 1, ...more };
}

function pushPull(files: FileChanges, message?: string): string {
  const sha = repository.commit(files, message);
  repository.push('refs/pull/7/head');
  return sha;
}

async function failure(promise: Promise<unknown>): Promise<RepositoryError> {
  const error = await promise.then(
    () => new Error('It did not fail'),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(RepositoryError);
  return error as RepositoryError;
}

/** Bytes that don't compress, the same in every run. */
function noise(bytes: number, seed: string): Buffer {
  const parts = Array.from({ length: Math.ceil(bytes / 64) }, (_, i) =>
    createHash('sha512').update(`${seed}${i}`).digest(),
  );
  return Buffer.concat(parts).subarray(0, bytes);
}

const mirror = () => path.join(folder, 'data/mirrors', server.host.replace(':', '_'), 'octo/app.git');

/** The command lines of all processes that mention `text`. */
const processesWith = (text: string): string[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        return [readFileSync(`/proc/${pid}/cmdline`, 'latin1')];
      } catch {
        return [];
      }
    })
    .filter((commandLine) => commandLine.includes(text));

describe('what is checked out', () => {
  it('is the head, detached, in a git directory of its own', async () => {
    const sha = pushPull({ 'src/a.txt': 'a\n' }, 'Add a\n\nBecause of b.');
    const wanted = request(sha);
    const result = await checkout(wanted, cache);

    expect(result).toMatchObject({
      sha,
      message: 'Add a\n\nBecause of b.',
      author: { name: 'Ada', email: 'ada@example.com' },
    });
    expect(readFileSync(path.join(wanted.into, 'src/a.txt'), 'utf8')).toBe('a\n');
    expect(run(wanted.into, 'rev-parse', 'HEAD')).toBe(sha);
    expect(run(wanted.into, 'rev-parse', '--abbrev-ref', 'HEAD')).toBe('HEAD');
    expect(run(wanted.into, 'status', '--porcelain')).toBe('');
    expect(run(wanted.into, 'describe', '--always')).toBe(sha.slice(0, 7));
    expect(run(wanted.into, 'diff', 'HEAD')).toBe('');
    expect(run(wanted.into, 'fsck', '--strict')).toBe('');
    expect(run(wanted.into, 'remote', 'get-url', 'origin')).toBe(source().url);
    expect(existsSync(path.join(wanted.into, '.git/objects/info/alternates'))).toBe(false);
    expect(existsSync(path.join(wanted.into, '.git/hooks'))).toBe(false);
  });

  it.each([
    [1, 1],
    [3, 3],
    [0, 6],
  ])('at depth %i has %i commits', async (depth, commits) => {
    for (let i = 0; i < 4; i += 1) repository.commit({ [`${i}.txt`]: `${i}` });
    run(repository.bare, 'tag', '-a', '-m', 'one', 'v1', repository.head!);
    const sha = pushPull({ 'last.txt': '' });
    const wanted = request(sha, { depth });
    await checkout(wanted, cache);
    expect(run(wanted.into, 'log', '--format=%H').split('\n')).toHaveLength(commits);
    expect(run(wanted.into, 'fsck', '--strict')).toBe('');
    if (depth === 0) {
      expect(run(wanted.into, 'describe')).toBe(`v1-1-g${sha.slice(0, 7)}`);
      expect(run(wanted.into, 'diff', '--name-only', 'origin/main...HEAD').split('\n')).toHaveLength(5);
      expect(run(wanted.into, 'rev-parse', '--is-shallow-repository')).toBe('false');
    }
  });

  it('keeps to the depth asked, whatever was asked before of the same repository', async () => {
    for (let i = 0; i < 4; i += 1) repository.commit({ [`${i}.txt`]: `${i}` });
    const sha = pushPull({ 'last.txt': '' });
    for (const [depth, commits] of [
      [1, 1],
      [3, 3],
      [0, 6],
      [2, 2],
      [0, 6],
      [1, 1],
    ] as const) {
      const wanted = request(sha, { depth });
      await checkout(wanted, cache);
      expect(run(wanted.into, 'log', '--format=%H').split('\n')).toHaveLength(commits);
      expect(run(wanted.into, 'fsck')).toBe('');
    }
  });

  it('keeps links as they are, and belongs to the given owner, links too', async () => {
    const canary = path.join(folder, 'canary');
    writeFileSync(canary, '');
    const sha = pushPull({ 'a/b.txt': '', link: { content: canary, mode: '120000' } });
    const asRoot = process.getuid?.() === 0;
    const wanted = request(sha, asRoot ? { owner: { uid: 12345, gid: 12346 } } : {});
    await checkout(wanted, cache);
    expect(readlinkSync(path.join(wanted.into, 'link'))).toBe(canary);
    if (asRoot) {
      for (const name of ['', 'a/b.txt', 'link', '.git/HEAD'])
        expect(lstatSync(path.join(wanted.into, name))).toMatchObject({ uid: 12345, gid: 12346 });
      expect(statSync(canary).uid).toBe(0);
    }
  });

  it('may be on another disk than the cache', async () => {
    const shm = '/dev/shm';
    if (!existsSync(shm) || statSync(shm).dev === statSync(folder).dev) return;
    const into = mkdtempSync(path.join(shm, 'codegenapp-git-'));
    try {
      await checkout(request(pushPull({ 'a.txt': '' }), { into }), cache);
      expect(run(into, 'fsck')).toBe('');
    } finally {
      removeFolder(into);
    }
  });

  it('can be had from a repository with SHA-256 names', async () => {
    const bare = path.join(folder, 'host/octo/new.git');
    mkdirSync(bare);
    run(bare, 'init', '--bare', '--quiet', '--object-format=sha256', '-b', 'main');
    const tree = runWithInput(bare, '', 'mktree');
    const sha = run(bare, 'commit-tree', tree, '-m', 'First');
    run(bare, 'update-ref', 'refs/pull/7/head', sha);
    const there = { ...source(), fullName: 'octo/new', url: `${server.url}/octo/new.git` };
    await expect(checkout(request(sha, { source: there }), cache)).resolves.toMatchObject({ sha });
  });
});

describe('what is fetched', () => {
  it('is only what a push brought, and nothing for the same head again', async () => {
    const first = await checkout(request(pushPull({ 'big.bin': noise(400_000, 'a') })), cache);
    const sentFirst = server.sentBytes;
    const sha = pushPull({ 'small.txt': 'new\n' });
    const second = await checkout(request(sha), cache);
    const sentSecond = server.sentBytes - sentFirst;

    expect(first.fetchedBytes).toBeGreaterThan(400_000);
    expect(second.fetchedBytes).toBeGreaterThan(0);
    expect(second.fetchedBytes).toBeLessThan(2_000);
    expect(sentFirst).toBeGreaterThan(400_000);
    expect(sentSecond).toBeLessThan(8_000);
    await expect(checkout(request(sha), cache)).resolves.toMatchObject({ fetchedBytes: 0 });
  });

  it('is the expected commit, though the pull request has moved on', async () => {
    const sha = pushPull({ 'a.txt': 'expected' });
    pushPull({ 'a.txt': 'newer' });
    const wanted = request(sha);
    await expect(checkout(wanted, cache)).resolves.toMatchObject({ sha });
    expect(readFileSync(path.join(wanted.into, 'a.txt'), 'utf8')).toBe('expected');
  });

  it('is the expected commit, where the ref is not there', async () => {
    const sha = repository.commit({ 'a.txt': '' });
    repository.push('refs/heads/elsewhere');
    for (const depth of [1, 0])
      await expect(checkout(request(sha, { depth }), cache)).resolves.toMatchObject({ sha });
  });

  it('asks by sha alone for a branch with a hostile name', async () => {
    const sha = repository.commit({ 'a.txt': '' });
    repository.push('refs/heads/$(touch${IFS}x);--upload-pack=y');
    const here = readdirSync(process.cwd());
    for (const ref of ['refs/heads/$(touch x);--upload-pack=y', '--upload-pack=touch x', 'a:refs/heads/b'])
      await expect(checkout(request(sha, { ref }), cache)).resolves.toMatchObject({ sha });
    const wanted = request(sha, { depth: 0 });
    await checkout(wanted, cache);
    expect(run(wanted.into, 'fsck')).toBe('');
    expect(readdirSync(process.cwd())).toEqual(here);
  });

  it('is fetched once at a time, and every checkout gets it', async () => {
    const shas = [1, 2, 3, 4, 5].map((i) => pushPull({ 'a.txt': `${i}` }));
    const wanted = shas.map((sha) => request(sha));
    // A second cache object stands for another process: it shares the folder, not the mutex.
    const other = new RepositoryCache({ directory: path.join(folder, 'data') });
    const results = await Promise.all(wanted.map((one, i) => checkout(one, i % 2 ? cache : other)));
    expect(results.map(({ sha }) => sha)).toEqual(shas);
    for (const [i, { into }] of wanted.entries())
      expect(readFileSync(path.join(into, 'a.txt'), 'utf8')).toBe(`${i + 1}`);
  });
});

describe('a second push', () => {
  beforeEach(async () => {
    await checkout(request(pushPull({ 'a.txt': noise(50_000, 'a'), 'b.txt': 'b\n' })), cache);
    server.requests.length = 0;
  });

  const posts = () => server.requests.map(({ method }) => method);

  it('takes one request, and is what a clone of it would be', async () => {
    const sha = pushPull({ 'b.txt': 'c\n', 'd/ü e.txt': 'new' }, 'Change b');
    const wanted = request(sha);
    const { tree, fetchedBytes, message } = await checkout(wanted, cache);
    expect(posts()).toEqual(['POST']);
    expect(fetchedBytes).toBeLessThan(2_000);
    expect(message).toBe('Change b');
    const listed = run(wanted.into, 'ls-tree', '-r', '-z', sha).split('\0').filter(Boolean);
    expect([...tree.files].map(([name, file]) => `${file.mode} blob ${file.sha}\t${name}`)).toEqual(listed);
    expect(tree.sha).toBe(run(wanted.into, 'rev-parse', `${sha}^{tree}`));
    expect(run(wanted.into, 'fsck', '--strict')).toBe('');
    expect(run(wanted.into, 'status', '--porcelain')).toBe('');
    expect(run(wanted.into, 'rev-list', '--count', 'HEAD')).toBe('1');
    expect(run(mirror(), 'fsck', '--strict')).toBe('');
  });

  it.each([
    ['cut off', { cutAfterBytes: 200 }],
    ['refused', { status: 500 }],
    ['something else', { status: 200, headers: { 'Content-Type': 'text/html' } }],
  ])('that is %s at first is had in the usual way', async (_, mischief) => {
    let isFirst = true;
    server.mischief = () => {
      const answer = isFirst ? mischief : undefined;
      isFirst = false;
      return answer;
    };
    const sha = pushPull({ 'big.bin': noise(200_000, 'big') });
    const wanted = request(sha);
    await expect(checkout(wanted, cache)).resolves.toMatchObject({ sha });
    expect(posts()).toEqual(['POST', 'GET', 'POST']);
    expect(run(wanted.into, 'fsck', '--strict')).toBe('');
  });

  it('changes a checkout of an earlier head in place, and nothing in it where it can’t be had', async () => {
    const first = request(pushPull({ 'b.txt': 'first\n' }));
    await checkout(first, cache);
    server.requests.length = 0;
    const begins = jest.fn();
    const there = { have: first.sha, begins };
    const second = { ...first, sha: pushPull({ 'b.txt': 'second\n' }, 'Second') };
    server.mischief = () => ({ status: 500 });
    await failure(bringTo(second, cache, there));
    expect(begins).not.toHaveBeenCalled();
    expect(readFileSync(path.join(first.into, 'b.txt'), 'utf8')).toBe('first\n');
    expect(run(first.into, 'status', '--porcelain')).toBe('');

    server.mischief = () => undefined;
    server.requests.length = 0;
    const brought = await bringTo(second, cache, there);
    expect(posts()).toEqual(['POST']);
    expect(begins).toHaveBeenCalledTimes(1);
    expect(brought.checkout).toMatchObject({ sha: second.sha, message: 'Second' });
    expect(readFileSync(path.join(first.into, 'b.txt'), 'utf8')).toBe('second\n');
    expect(run(first.into, 'rev-list', 'HEAD')).toBe(second.sha);
    for (const command of [
      ['status', '--porcelain'],
      ['fsck', '--strict', '--no-dangling'],
    ])
      expect(run(first.into, ...command)).toBe('');
  });

  it('leaves a server that is silent, with no process and nothing in the way of the next try', async () => {
    const have = run(mirror(), 'for-each-ref', '--format=%(objectname)', 'refs/codegenapp');
    const sha = pushPull({ 'b.txt': 'silence\n' });
    server.mischief = () => 'hang';
    const { source } = request(sha);
    const options = { name: 'octo/app', gitDir: mirror(), silentMs: 50 };
    expect(await fetchAdded({ source, sha }, have, options)).toBeNull();
    expect(posts()).toEqual(['POST']);
    expect(processesWith(mirror())).toEqual([]);
    server.mischief = () => undefined;
    await expect(checkout(request(sha), cache)).resolves.toMatchObject({ sha });
    expect(posts()).toEqual(['POST', 'POST']);
  });

  it('of an object that git refuses is refused', async () => {
    const tree = run(repository.bare, 'rev-parse', 'HEAD^{tree}');
    const bad = `tree ${tree}\ncommitter Ada <ada@example.com> 1 +0000\n\nx\n`;
    const sha = runWithInput(
      repository.bare,
      bad,
      'hash-object',
      '-t',
      'commit',
      '-w',
      '--literally',
      '--stdin',
    ).trim();
    run(repository.bare, 'update-ref', 'refs/pull/7/head', sha);
    const { reason } = await failure(checkout(request(sha), cache));
    expect(reason).toBe('broken');
  });

  it('can be aborted while the server is silent', async () => {
    const controller = new AbortController();
    const reason = new Error('superseded');
    server.mischief = () => {
      setImmediate(() => controller.abort(reason));
      return 'hang';
    };
    const wanted = request(pushPull({ 'c.txt': 'c' }), { signal: controller.signal });
    await expect(checkout(wanted, cache)).rejects.toBe(reason);
    expect(processesWith(folder)).toEqual([]);
    server.mischief = () => undefined;
    await expect(checkout({ ...request(wanted.sha), signal: undefined }, cache)).resolves.toMatchObject({
      sha: wanted.sha,
    });
  });
});

describe('what does not come', () => {
  it('a commit that was force-pushed away is gone', async () => {
    const before = repository.head;
    const sha = pushPull({ 'a.txt': 'old' });
    repository.head = before;
    pushPull({ 'a.txt': 'new' });
    repository.forget();
    const error = await failure(checkout(request(sha), cache));
    expect(error).toMatchObject({ reason: 'gone', retryable: false });
    expect(error.message).toBe(
      `Commit ${sha.slice(0, 7)} can't be had from octo/app any more: it was replaced by a force-push, or its branch was deleted.`,
    );
    const next = repository.commit({ 'a.txt': 'newest' });
    repository.push('refs/pull/7/head');
    await expect(checkout(request(next), cache)).resolves.toMatchObject({ sha: next });
  });

  it('a wrong or missing token is denied, and asked once', async () => {
    const sha = pushPull({});
    for (const token of ['wrong', undefined]) {
      server.requests.length = 0;
      const error = await failure(checkout(request(sha, { source: { ...source(), token } }), cache));
      expect(error).toMatchObject({
        reason: 'denied',
        retryable: false,
        message: 'Access to octo/app was denied.',
      });
      expect(server.requests.length).toBeLessThanOrEqual(2);
    }
  });

  it('an unknown repository is missing', async () => {
    const there = { ...source(), fullName: 'octo/none', url: `${server.url}/octo/none.git` };
    const error = await failure(checkout(request('1'.repeat(40), { source: there }), cache));
    expect(error).toMatchObject({ reason: 'missing_repository', retryable: false });
  });

  it('a repository elsewhere is not followed, and its token not sent there', async () => {
    const elsewhere = await startGitHttp(path.join(folder, 'host'));
    server.mischief = ({ url = '' }) => ({ status: 301, headers: { Location: elsewhere.url + url } });
    const error = await failure(checkout(request(pushPull({})), cache));
    expect(error).toMatchObject({ reason: 'moved', retryable: false });
    expect(elsewhere.requests).toEqual([]);
    await elsewhere.close();
  });

  it('an unreachable host is tried three times', async () => {
    const sha = pushPull({});
    server.mischief = () => ({ status: 503 });
    const error = await failure(checkout(request(sha), cache));
    expect(error).toMatchObject({ reason: 'unreachable', retryable: true });
    expect(server.requests).toHaveLength(3);

    const closed = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => closed.once('listening', resolve));
    const { port } = closed.address() as AddressInfo;
    await new Promise((resolve) => closed.close(resolve));
    const there = { ...source(), host: `127.0.0.1:${port}`, url: `http://127.0.0.1:${port}/octo/app.git` };
    await expect(failure(checkout(request(sha, { source: there }), cache))).resolves.toMatchObject({
      reason: 'unreachable',
      message: 'octo/app could not be reached.',
    });
  });

  it('a transfer cut in the middle is tried again', async () => {
    const sha = pushPull({ 'big.bin': noise(300_000, 'cut') });
    let cuts = 0;
    server.mischief = ({ method, headers }) => {
      const isPack = method === 'POST' && Number(headers['content-length'] ?? 0) > 150;
      if (!isPack || cuts === 2) return undefined;
      cuts += 1;
      return { cutAfterBytes: 50_000 };
    };
    await expect(checkout(request(sha), cache)).resolves.toMatchObject({ sha });
    expect(cuts).toBe(2);
  });

  it('a server that hangs is left at the time limit, with no process left', async () => {
    const sha = pushPull({});
    server.mischief = () => 'hang';
    const impatient = new RepositoryCache({ directory: path.join(folder, 'data'), timeLimitMs: 300 });
    const error = await failure(checkout(request(sha), impatient));
    expect(error).toMatchObject({ reason: 'unreachable', retryable: true });
    expect(error.message).toMatch(/^Fetching from octo\/app was ended after /);
    expect(processesWith(server.url)).toEqual([]);
  });

  it('a transfer that stands still is given up', async () => {
    const sha = pushPull({});
    server.mischief = () => 'hang';
    const hasty = new RepositoryCache({
      directory: path.join(folder, 'data'),
      stallSeconds: 1,
      retryDelaysMs: [],
    });
    const error = await failure(checkout(request(sha), hasty));
    expect(error).toMatchObject({ reason: 'unreachable', message: 'octo/app could not be reached.' });
  });

  it('an abort ends git and its helpers, and the next checkout works', async () => {
    const sha = pushPull({});
    const controller = new AbortController();
    const reason = new Error('superseded');
    server.mischief = () => {
      controller.abort(reason);
      return 'hang';
    };
    await expect(checkout(request(sha, { signal: controller.signal }), cache)).rejects.toBe(reason);
    expect(processesWith(server.url)).toEqual([]);
    server.mischief = () => undefined;
    await expect(checkout(request(sha), cache)).resolves.toMatchObject({ sha });
  });
});

describe('the cache', () => {
  it.each([
    ['a pack cut short', () => damagePack((pack) => truncateSync(pack, 200))],
    [
      'a pack with other bytes in it',
      () => damagePack((pack) => writeFileSync(pack, noise(statSync(pack).size, 'x'))),
    ],
    ['a pack lost', () => damagePack((pack) => removeFolder(pack))],
    ['HEAD lost', () => removeFolder(path.join(mirror(), 'HEAD'))],
    ['the config overwritten', () => writeFileSync(path.join(mirror(), 'config'), '[core\n')],
    ['shallow overwritten', () => writeFileSync(path.join(mirror(), 'shallow'), 'nonsense\n')],
    ['all objects lost', () => removeFolder(path.join(mirror(), 'objects'))],
    ['a lock of a process that died', () => writeFileSync(path.join(mirror(), 'shallow.lock'), '')],
  ])('mends itself: %s', async (_name, damage) => {
    await checkout(request(pushPull({ 'a.bin': noise(5_000, 'a') })), cache);
    damage();
    const sha = pushPull({ 'b.txt': 'b' });
    const wanted = request(sha);
    await expect(checkout(wanted, cache)).resolves.toMatchObject({ sha });
    expect(run(wanted.into, 'fsck')).toBe('');
    expect(run(wanted.into, 'status', '--porcelain')).toBe('');
  });

  function damagePack(damage: (pack: string) => void): void {
    const packs = path.join(mirror(), 'objects/pack');
    const names = readdirSync(packs).filter((name) => name.endsWith('.pack'));
    expect(names.length).toBeGreaterThan(0);
    for (const name of names) {
      chmodSync(path.join(packs, name), 0o600);
      damage(path.join(packs, name));
    }
  }

  it('is removed, the longest unused first, down to its bound', async () => {
    const sources = ['one', 'two'].map((name) => {
      const fullName = `octo/${name}`;
      const sample = new HostedRepository(path.join(folder, 'host'), fullName);
      const sha = sample.commit({ 'a.bin': noise(300_000, name) });
      sample.push('refs/pull/7/head');
      return { sha, source: { ...source(), fullName, url: `${server.url}/${fullName}.git` } };
    });
    for (const { sha, source } of sources) await checkout(request(sha, { source }), cache);
    const owner = path.dirname(mirror());
    expect(readdirSync(owner).sort()).toEqual(['one.git', 'two.git']);
    await checkout(request(sources[0]!.sha, { source: sources[0]!.source }), cache);
    await cache.pruneCaches(500_000);
    expect(readdirSync(owner)).toEqual(['one.git']);
    await cache.pruneCaches(0);
    expect(readdirSync(owner)).toEqual([]);
  });

  it('is packed anew when many pushes have left their packs', async () => {
    cache = new RepositoryCache({ directory: path.join(folder, 'data'), keptHeads: 3 });
    let sha = '';
    for (let i = 0; i < 9; i += 1) {
      sha = pushPull({ 'a.txt': `${i}` });
      const wanted = request(sha);
      await checkout(wanted, cache);
      removeFolder(wanted.into);
    }
    const packs = readdirSync(path.join(mirror(), 'objects/pack')).filter((name) => name.endsWith('.pack'));
    expect(packs.length).toBeLessThanOrEqual(6);
    const kept = run(mirror(), 'for-each-ref', '--format=%(refname)').split('\n');
    expect(kept.length).toBeLessThanOrEqual(6);
    expect(kept).toContain(`refs/codegenapp/${sha}`);
    const before = server.sentBytes;
    await expect(checkout(request(sha), cache)).resolves.toMatchObject({ sha, fetchedBytes: 0 });
    expect(server.sentBytes - before).toBeLessThan(5_000);
  });
});

describe('a hostile pull request', () => {
  it('gets no filter, hook or submodule run', async () => {
    const canary = path.join(folder, 'executed');
    const script = { content: `#!/bin/sh\ntouch ${canary}\n`, mode: '100755' };
    const sha = pushPull({
      '.gitattributes':
        '*.bin filter=lfs diff=evil merge=evil working-tree-encoding=UTF-16\n*.c filter=evil\n',
      'a.c': 'int main;\n',
      '.lfsconfig': `[lfs]\n\turl = ${server.url}/lfs\n`,
      'hooks/post-checkout': script,
      '.githooks/post-checkout': script,
      '.gitconfig': `[core]\n\thooksPath = .githooks\n\tfsmonitor = touch ${canary}\n[filter "evil"]\n\tsmudge = touch ${canary}\n`,
      '.gitmodules': `[submodule "s"]\n\tpath = s\n\turl = ${server.url}/octo/other.git\n\tupdate = checkout\n`,
    });
    const wanted = request(sha);
    await checkout(wanted, cache);
    expect(readFileSync(path.join(wanted.into, 'a.c'), 'utf8')).toBe('int main;\n');
    expect(existsSync(canary)).toBe(false);
    expect(server.requests.every(({ url }) => url.startsWith('/octo/app.git/'))).toBe(true);
  });

  it.each(['.git', '..', '.GIT', '.g\u200cit', 'GIT~1'])(
    'is refused with an entry named %j',
    async (name) => {
      const sha = pushPull({});
      const blob = runWithInput(repository.bare, 'x', 'hash-object', '-w', '--stdin');
      const entry = Buffer.concat([Buffer.from(`100644 ${name}\0`), Buffer.from(blob, 'hex')]);
      const tree = runWithInput(
        repository.bare,
        entry,
        'hash-object',
        '-w',
        '-t',
        'tree',
        '--literally',
        '--stdin',
      );
      const commit = run(repository.bare, 'commit-tree', tree, '-p', sha, '-m', 'evil');
      run(repository.bare, 'update-ref', 'refs/pull/7/head', commit);
      const wanted = request(commit);
      const error = await failure(checkout(wanted, cache));
      expect(error).toMatchObject({ reason: 'broken', retryable: false, cacheSuspected: false });
      expect(error.message).toMatch(/^git refuses an object in octo\/app \(.*hasDot/);
      expect(readdirSync(wanted.into)).toEqual(['.git']);
      const good = pushPull({ 'good.txt': '' });
      await expect(checkout(request(good), cache)).resolves.toMatchObject({ sha: good });
    },
  );

  it('cannot have a file written through a link of its own', async () => {
    const outside = path.join(folder, 'outside');
    mkdirSync(outside);
    const sha = pushPull({});
    const hash = (text: string) => runWithInput(repository.bare, text, 'hash-object', '-w', '--stdin');
    const subtree = runWithInput(repository.bare, `100644 blob ${hash('x')}\tfile\n`, 'mktree');
    const entries = [`120000 d\0`, hash(outside), `40000 d\0`, subtree];
    const raw = Buffer.concat(entries.map((part, i) => Buffer.from(part, i % 2 ? 'hex' : 'latin1')));
    const tree = runWithInput(
      repository.bare,
      raw,
      'hash-object',
      '-w',
      '-t',
      'tree',
      '--literally',
      '--stdin',
    );
    const commit = run(repository.bare, 'commit-tree', tree, '-p', sha, '-m', 'evil');
    run(repository.bare, 'update-ref', 'refs/pull/7/head', commit);
    await expect(failure(checkout(request(commit), cache))).resolves.toMatchObject({ reason: 'broken' });
    expect(readdirSync(outside)).toEqual([]);
  });
});

describe('the token', () => {
  it('is in no command line and no file', async () => {
    const encoded = Buffer.from(`x-access-token:${TOKEN}`).toString('base64');
    const seen: string[] = [];
    server.mischief = () => {
      seen.push(...processesWith(server.url));
      return undefined;
    };
    await checkout(request(pushPull({ 'a.txt': '' }), { depth: 0 }), cache);
    expect(seen.some((commandLine) => commandLine.includes('remote-http'))).toBe(true);
    expect(server.requests.some(({ authorization }) => authorization === `Basic ${encoded}`)).toBe(true);
    for (const secret of [TOKEN, encoded]) {
      expect(seen.filter((commandLine) => commandLine.includes(secret))).toEqual([]);
      // grep exits 1 when it finds nothing.
      for (const place of ['data', 'into-1'])
        expect(() => execFileSync('grep', ['-raF', '--', secret, path.join(folder, place)])).toThrow();
    }
    expect(readdirSync(path.join(folder, 'data'))).toEqual(['mirrors']);
  });
});
