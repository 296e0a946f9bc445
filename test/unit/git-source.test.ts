import { describe, expect, it } from '@jest/globals';
import { classifyFailure } from '../../src/git/errors.js';
import { cachePath, isSafeRef, isSha } from '../../src/git/source.js';

const source = (host: string, fullName: string, url = 'https://github.com/o/r.git') => ({
  host,
  fullName,
  url,
});

describe('the place of a cache', () => {
  it('is told by host, owner and name, whatever their case', () => {
    expect(cachePath('/d', source('github.com', 'Octo/App.js'))).toBe('/d/github.com/octo/app.js.git');
    expect(cachePath('/d', source('127.0.0.1:3000', 'o/r'))).toBe('/d/127.0.0.1_3000/o/r.git');
  });

  it.each([
    source('github.com', 'o/..'),
    source('github.com', '../r'),
    source('github.com', 'o/r/s'),
    source('github.com', 'o'),
    source('github.com', '/r'),
    source('github.com', 'o/r\0'),
    source('github.com', '-o/r'),
    source('..', 'o/r'),
    source('a/b', 'o/r'),
    source('', 'o/r'),
    source('github.com', 'o/r', 'https://user:pw@github.com/o/r.git'),
    source('github.com', 'o/r', 'ext::sh -c touch% x'),
    source('github.com', 'o/r', 'file:///etc'),
    source('github.com', 'o/r', '/etc'),
    source('github.com', 'o/r', '--upload-pack=x'),
    source('github.com', 'o/r', 'https://github.com/o/r"\n'),
    source('local', 'local/1', 'relative'),
    source('local', 'local/1', 'https://github.com/o/r.git'),
  ])('is refused for %j', (bad) => {
    expect(() => cachePath('/d', bad)).toThrow(TypeError);
  });
});

describe('refs', () => {
  it.each([
    'refs/pull/7/head',
    'refs/heads/main',
    'refs/heads/feature/a-b_c.d',
    'refs/heads/dependabot/npm_and_yarn/@types/node-20',
    'refs/heads/gh-readonly-queue/main/pr-104-0123456789abcdef0123456789abcdef01234567',
  ])('%j may be named to git', (ref) => expect(isSafeRef(ref)).toBe(true));

  it.each([
    'refs/pull/0/head',
    'refs/pull/7/merge',
    'refs/pull/7/head\n',
    'refs/heads/$(touch x);--upload-pack=y',
    'refs/heads/a b',
    'refs/heads/a:refs/heads/b',
    'refs/heads/*',
    'refs/heads/a..b',
    'refs/heads/../../HEAD',
    'refs/heads/-x',
    'refs/heads/.x',
    'refs/heads/x.lock',
    'refs/heads/x/',
    'refs/heads/a@{1}',
    'refs/heads/é',
    `refs/heads/${'a'.repeat(300)}`,
    'main',
    '--upload-pack=x',
    '',
  ])('%j may not', (ref) => expect(isSafeRef(ref)).toBe(false));

  it('a sha is whole and in lower case', () => {
    expect(isSha('a'.repeat(40)) && isSha('0'.repeat(64))).toBe(true);
    for (const bad of ['a'.repeat(39), 'A'.repeat(40), 'g'.repeat(40), `${'a'.repeat(40)}\n`, 'HEAD'])
      expect(isSha(bad)).toBe(false);
  });
});

describe("git's failures", () => {
  it.each([
    ['fatal: write error: No space left on device', 'disk_full', true],
    ["fatal: unable to access 'https://h/o/r.git/': Could not resolve host: h", 'unreachable', true],
    ['error: RPC failed; curl 18 transfer closed\nfatal: early EOF', 'unreachable', true],
    [
      "fatal: unable to access 'https://h/o/r.git/': The requested URL returned error: 502",
      'unreachable',
      true,
    ],
    ["fatal: could not read Username for 'https://h': terminal prompts disabled", 'denied', false],
    ["fatal: unable to access 'https://h/o/r.git/': The requested URL returned error: 403", 'denied', false],
    [
      "remote: Repository not found.\nfatal: repository 'https://h/o/r.git/' not found",
      'missing_repository',
      false,
    ],
    ["fatal: couldn't find remote ref refs/pull/7/head", 'gone', false],
    ['fatal: remote error: upload-pack: not our ref 1\nfatal: the remote end hung up', 'gone', false],
    ['fatal: bad object refs/codegenapp/1', 'broken', false],
    ['', 'broken', false],
  ])('%j is %s', (stderr, reason, retryable) => {
    expect(classifyFailure('o/r', stderr)).toMatchObject({ reason, retryable });
  });

  it('are not read from what the server says or from the name of the repository', () => {
    expect(classifyFailure('o/r', 'remote: No space left on device\nfatal: odd').reason).toBe('broken');
    expect(classifyFailure('o/TLS', "fatal: bad object in 'https://h/o/TLS.git'").reason).toBe('broken');
  });
});
