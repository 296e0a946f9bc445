import { describe, expect, it } from '@jest/globals';
import { GlobError, globMatcher, globProblem } from '../../src/domain/glob.js';

const matches = (pattern: string, path: string) => globMatcher([pattern])(path);

describe('one glob pattern', () => {
  it.each<[pattern: string, matching: string[], others: string[]]>([
    ['README.md', ['README.md'], ['docs/README.md', 'README.mdx', 'readme.md', 'XREADME.md']],
    ['*', ['a', 'README.md', '.gitignore'], ['a/b']],
    ['*.md', ['README.md', '.md'], ['docs/README.md', 'README.txt']],
    ['**', ['a', 'a/b/c', '.github/x'], []],
    ['**/*.md', ['a.md', 'docs/a.md', 'docs/x/a.md'], ['a.mdx', 'md']],
    ['**.md', ['a.md', 'docs/a.md', 'docs/x/a.md'], ['a.mdx']],
    ['docs/**', ['docs/a', 'docs/a/b.md', 'docs/.x'], ['docs', 'docsx/a', 'src/docs/a']],
    ['docs/*', ['docs/a.md'], ['docs/x/a.md', 'docs']],
    ['docs/', ['docs/a', 'docs/x/a.md'], ['docs', 'a/docs/b']],
    ['docs', ['docs'], ['docs/a']],
    ['**/docs/**', ['docs/a', 'x/docs/a', 'x/y/docs/z/a'], ['x/mydocs/a', 'docs', 'mydocs/a']],
    ['a/**/b', ['a/b', 'a/x/b', 'a/x/y/b'], ['ab', 'a/xb', 'a/x/b/c', 'xa/b']],
    ['a/**/**/b', ['a/b', 'a/x/y/b'], ['axb']],
    ['a**b', ['ab', 'a/x/b', 'axb'], ['abc']],
    ['a/***', ['a/b/c'], ['b']],
    ['file?.js', ['file1.js', 'filex.js', 'file😀.js'], ['file.js', 'file12.js', 'file/.js']],
    ['[abc].txt', ['a.txt', 'c.txt'], ['d.txt', 'ab.txt', '/.txt']],
    ['[a-c0-9].txt', ['b.txt', '7.txt'], ['d.txt', '-.txt']],
    ['[!a-c].txt', ['d.txt'], ['a.txt', '/.txt']],
    ['[^a].txt', ['b.txt'], ['a.txt']],
    ['[]a].txt', ['].txt', 'a.txt'], ['b.txt']],
    ['[a-].txt', ['-.txt', 'a.txt'], ['b.txt']],
    ['[\\]x].txt', ['].txt', 'x.txt'], ['\\.txt']],
    ['x[!y]z', ['xaz'], ['x/z', 'xyz']],
    ['*.{js,ts}', ['a.js', 'a.ts'], ['a.jsx', 'a.{js,ts}', 'a.']],
    ['{src,lib}/**/*.{js,ts}', ['src/a.js', 'lib/x/y.ts'], ['test/a.js', 'src/a.css']],
    ['a{,b{c,d}}e', ['ae', 'abce', 'abde'], ['abe', 'abcde']],
    ['a{b}c', ['abc'], ['a{b}c']],
    ['{a,[,}]}x', ['ax', ',x', '}x'], ['[x', 'bx']],
    ['\\*.md', ['*.md'], ['a.md']],
    ['a\\{b,c\\}', ['a{b,c}'], ['ab']],
    ['a}b', ['a}b'], ['ab']],
    ['a.b', ['a.b'], ['axb']],
    ['(a|b)+', ['(a|b)+'], ['a', 'ab']],
    ['ä*', ['äpfel'], ['apfel']],
  ])('%s', (pattern, matching, others) => {
    expect(matching.filter((path) => !matches(pattern, path))).toEqual([]);
    expect(others.filter((path) => matches(pattern, path))).toEqual([]);
  });
});

describe('several glob patterns', () => {
  it('let in what any of them matches', () => {
    const ignored = globMatcher(['docs/**', '**/*.md']);
    expect(ignored('docs/x')).toBe(true);
    expect(ignored('src/a.md')).toBe(true);
    expect(ignored('src/a.ts')).toBe(false);
  });

  it('take out again what a later one with ! matches, and back in what a still later one does', () => {
    const ignored = globMatcher(['docs/**', '!docs/api/**', 'docs/api/old.md']);
    expect(ignored('docs/a.md')).toBe(true);
    expect(ignored('docs/api/new.md')).toBe(false);
    expect(ignored('docs/api/old.md')).toBe(true);
  });

  it('let in nothing where there is only a negation, or nothing at all', () => {
    expect(globMatcher(['!a'])('b')).toBe(false);
    expect(globMatcher([])('b')).toBe(false);
  });
});

describe('a pattern that is no glob', () => {
  it.each([
    ['', 'it is empty'],
    ['!', 'it is empty'],
    ['[abc', 'a `[` in it is never closed by `]`'],
    ['[]', 'a `[` in it is never closed by `]`'],
    ['a{b,c', 'a `{` in it is never closed by `}`'],
    ['a\\', 'it ends with a `\\` that escapes nothing'],
    ['{a,b}'.repeat(8), 'its `{…}` stand for more than 128 alternatives'],
    ['{a,b}'.repeat(90), 'its `{…}` stand for more than 128 alternatives'],
    ['{'.repeat(500), 'a `{` in it is never closed by `}`'],
  ])('%.20s is refused with its reason', (pattern, reason) => {
    expect(globProblem(pattern)).toBe(reason);
    expect(() => globMatcher([pattern])).toThrow(GlobError);
  });

  it('is not what usual patterns are', () => {
    expect(globProblem('!**/[a-z]*.{js,ts}')).toBeNull();
  });
});

// A backtracking matcher would not come back from these.
describe('patterns made to be slow', () => {
  it.each([
    ['*a'.repeat(200) + 'b', 'a'.repeat(4000)],
    ['**/a'.repeat(120) + '/b', 'a/'.repeat(2000)],
    ['**a'.repeat(160), 'a/'.repeat(2000)],
    ['{*,**}{*,**}{*,**}{*,**}{*,**}{*,**}{*,**}x', 'a'.repeat(4000)],
  ])('%.20s… still gets its answer', (pattern, path) => {
    expect(matches(pattern, path)).toBe(false);
  });
});
