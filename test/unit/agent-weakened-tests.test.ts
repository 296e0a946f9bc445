import { describe, expect, it } from '@jest/globals';
import { changedLines, parseUnifiedDiff } from '../../src/agent/diff.js';
import { weakenedTests } from '../../src/agent/weakened-tests.js';

/** A diff of one file with one hunk of the given lines. */
function diffOf(path: string, ...lines: string[]): string {
  const olds = lines.filter((line) => !line.startsWith('+')).length;
  const news = lines.filter((line) => !line.startsWith('-')).length;
  return [
    `diff --git a/${path} b/${path}`,
    'index 1234567..89abcde 100644',
    `--- a/${path}`,
    `+++ b/${path}`,
    `@@ -10,${olds} +10,${news} @@ context`,
    ...lines,
    '',
  ].join('\n');
}

const titles = (diff: string): string[] => weakenedTests(diff).map(({ title }) => title);

describe('weakenedTests', () => {
  const JS = 'src/cart.test.ts';

  it.each([
    [JS, "  it.skip('adds', () => {"],
    [JS, "  describe.skip('cart', () => {"],
    [JS, "  xit('adds', () => {"],
    [JS, "  it.todo('adds');"],
    [JS, '  this.skip();'],
    ['tests/test_cart.py', '@pytest.mark.skip(reason="later")'],
    ['tests/test_cart.py', '@pytest.mark.xfail'],
    ['tests/test_cart.py', '@unittest.skip("later")'],
    ['tests/test_cart.py', '    pytest.skip("later")'],
    ['tests/test_cart.py', '        self.skipTest("later")'],
    ['cart/cart_test.go', '\tt.Skip("later")'],
    ['src/cart.rs', '    #[ignore]'],
    ['src/test/java/CartTest.java', '    @Disabled("later")'],
    ['tests/CartTest.php', '        $this->markTestSkipped();'],
    ['Tests/CartTests.cs', '    [Fact(Skip = "later")]'],
    ['spec/cart_spec.rb', "    skip 'later'"],
    ['spec/cart_spec.rb', "  xit 'adds' do"],
  ])('points out a skip in %s: %s', (path, line) => {
    expect(weakenedTests(diffOf(path, ' context', `+${line}`))).toEqual([
      {
        source: 'weakened-tests',
        severity: 'warning',
        title: 'Test skipped',
        message: `A test no longer runs: ${line.trim()}`,
        path,
        startLine: 11,
      },
    ]);
  });

  it.each([
    [JS, "  it.only('adds', () => {"],
    [JS, "  fdescribe('cart', () => {"],
    ['spec/cart_spec.rb', "  it 'adds', :focus do"],
  ])('points out a focus in %s: %s', (path, line) => {
    expect(titles(diffOf(path, `+${line}`))).toContain('Test focused');
  });

  it.each([
    [JS, "  it('adds', () => {", 'adds'],
    [JS, '  test.each([1])("adds %s", () => {', 'adds %s'],
    ['tests/test_cart.py', 'def test_adds():', 'test_adds'],
    ['cart/cart_test.go', 'func TestAdds(t *testing.T) {', 'TestAdds'],
    ['src/cart.rs', '    #[test]', '#[test]'],
    ['src/test/java/CartTest.java', '    @Test', '@Test'],
    ['spec/cart_spec.rb', "  it 'adds' do", 'adds'],
  ])('points out a removed test in %s: %s', (path, line, name) => {
    expect(weakenedTests(diffOf(path, ' context', `-${line}`))).toEqual([
      expect.objectContaining({
        title: 'Test removed or renamed',
        message: `The test "${name}" is no longer there.`,
        startLine: 11,
      }),
    ]);
  });

  it('points out a test that is commented out', () => {
    const diff = diffOf(JS, "-  it('adds', () => {", "+  // it('adds', () => {");
    expect(titles(diff)).toEqual(['Test removed or renamed']);
  });

  it('tells a skipped test from a removed one', () => {
    expect(titles(diffOf(JS, "-  it('adds', () => {", "+  it.skip('adds', () => {"))).toEqual([
      'Test skipped',
    ]);
  });

  it.each([
    ['a test that only moved', diffOf(JS, "-  it('adds', () => {", ' x', "+  it('adds', () => {")],
    [
      'a test that moved to another file',
      diffOf(JS, "-  it('adds', () => {", '-    expect(add(1)).toBe(1);') +
        diffOf('src/sum.test.ts', "+  it('adds', () => {", '+    expect(add(1)).toBe(1);'),
    ],
    ['a skip that was there before', diffOf(JS, "-it.skip('adds', () => {", '+', "+it.skip('adds', () => {")],
    ['a skip that is taken away', diffOf(JS, "-it.skip('adds', () => {", "+it('adds', () => {")],
    ['code that is no test', diffOf('src/cart.ts', "-  it('adds')", '+  assert(x)', "+ it.skip('x')")],
    ['methods of the same name', diffOf(JS, "-  /x/.test('abc');", '+  model.fit(x);')],
    ['comments', diffOf(JS, '-  // expect(x).toBe(1);', "+  // it.skip('adds')")],
    ['imports', diffOf(JS, "-import { expect } from '@jest/globals';")],
    ['added tests', diffOf(JS, "+  it('removes', () => {", '+    expect(1).toBe(1);')],
    ['documentation beside tests', diffOf('test/README.md', '-it("adds")', '-expect this')],
  ])('says nothing about %s', (_, diff) => expect(weakenedTests(diff)).toEqual([]));

  it.each([
    [JS, '    expect(add(1, 2)).toBe(3);'],
    ['tests/test_cart.py', '    assert add(1, 2) == 3'],
    ['tests/test_cart.py', '        self.assertEqual(add(1, 2), 3)'],
    ['cart/cart_test.go', '\t\tt.Errorf("got %d", got)'],
    ['cart/cart_test.go', '\trequire.Equal(t, 3, got)'],
    ['src/cart.rs', '        assert_eq!(add(1, 2), 3);'],
    ['spec/cart_spec.rb', '    result.should eq 3'],
  ])('points out a removed assertion in %s: %s', (path, line) => {
    expect(weakenedTests(diffOf(path, ' a', `-${line}`, `-${line} `))).toEqual([
      expect.objectContaining({
        severity: 'warning',
        title: 'Assertions removed',
        message: `2 assertions fewer, the first: ${line.trim()}`,
        path,
        startLine: 11,
      }),
    ]);
  });

  it('mentions changed assertions as a notice', () => {
    const diff = diffOf(JS, '-    expect(add(1)).toBe(1);', '+    expect(add(1)).toBe(2);');
    expect(weakenedTests(diff)).toEqual([
      expect.objectContaining({ severity: 'notice', title: 'Assertions changed' }),
    ]);
  });

  it('points out deleted and disguised test files, once each', () => {
    const deleted = [
      'diff --git a/test/cart.test.ts b/test/cart.test.ts',
      'deleted file mode 100644',
      '--- a/test/cart.test.ts',
      '+++ /dev/null',
      '@@ -1,3 +0,0 @@',
      "-it('adds', () => {",
      '-  expect(1).toBe(1);',
      '-});',
      'diff --git a/test/x.test.ts b/test/x.ts.bak',
      'similarity index 100%',
      'rename from test/x.test.ts',
      'rename to test/x.ts.bak',
    ].join('\n');
    expect(weakenedTests(deleted).map(({ title, message }) => `${title}: ${message}`)).toEqual([
      'Test file deleted: test/cart.test.ts is deleted with 1 test.',
      'Test file renamed: test/x.test.ts is now test/x.ts.bak, which is not named like a test: its tests may no longer run.',
    ]);
  });

  it('points out a changed test command', () => {
    const diff = diffOf(
      'package.json',
      '-    "test": "jest",',
      '+    "test": "jest || true",',
      '-    "lint": "x"',
    );
    expect(weakenedTests(diff).map(({ title, message }) => [title, message])).toEqual([
      ['Test command changed', 'It was "test": "jest",'],
    ]);
    expect(titles(diffOf('package.json', '-    "test": "jest"', '+    "test": "jest",'))).toEqual([]);
  });

  it('takes files as GitHub lists them, also without their patch', () => {
    expect(
      weakenedTests([
        { path: 'test/a.test.ts', status: 'removed', patch: null },
        { path: 'test/b.test.ts', status: 'modified', patch: "@@ -3 +3 @@\n-it('b')\n+it.skip('b')" },
        { path: 'test/c.test.ts', status: 'modified', patch: null },
      ]).map(({ path, title, startLine }) => [path, title, startLine]),
    ).toEqual([
      ['test/a.test.ts', 'Test file deleted', undefined],
      ['test/b.test.ts', 'Test skipped', 3],
    ]);
  });

  it('is bounded', () => {
    const lines = Array.from({ length: 500 }, (_, n) => `-it('test ${n}', () => {`);
    expect(weakenedTests(diffOf(JS, ...lines))).toHaveLength(50);
  });
});

describe('parseUnifiedDiff', () => {
  it('reads added, renamed, binary and quoted files', () => {
    const diff = [
      'diff --git a/new.ts b/new.ts',
      'new file mode 100644',
      '--- /dev/null',
      '+++ b/new.ts',
      '@@ -0,0 +1 @@',
      '+one',
      '\\ No newline at end of file',
      'diff --git a/old.ts b/moved.ts',
      'rename from old.ts',
      'rename to moved.ts',
      'diff --git a/a picture.png b/a picture.png',
      'Binary files differ',
      'diff --git "a/t\\303\\244st.ts" "b/t\\303\\244st.ts"',
      '--- "a/t\\303\\244st.ts"',
      '+++ "b/t\\303\\244st.ts"',
      '@@ -1,2 +1,2 @@',
      '--- looks like a header',
      '+++ looks like a header',
      ' same',
      '',
    ].join('\n');
    const files = parseUnifiedDiff(diff);
    expect(files.map(({ path, previousPath, status }) => [path, previousPath, status])).toEqual([
      ['new.ts', undefined, 'added'],
      ['moved.ts', 'old.ts', 'renamed'],
      ['a picture.png', undefined, 'modified'],
      ['täst.ts', undefined, 'modified'],
    ]);
    expect(changedLines(files[3]?.patch ?? '')).toEqual([
      { kind: 'removed', text: '-- looks like a header', line: 1 },
      { kind: 'added', text: '++ looks like a header', line: 1 },
    ]);
  });

  it('counts lines over several hunks', () => {
    const patch = ['@@ -1,2 +1,3 @@', ' a', '+b', ' c', '@@ -10,2 +11,1 @@ f()', '-d', ' e'].join('\n');
    expect(changedLines(patch)).toEqual([
      { kind: 'added', text: 'b', line: 2 },
      { kind: 'removed', text: 'd', line: 11 },
    ]);
  });

  it('makes nothing of what is no diff', () => {
    expect(parseUnifiedDiff('hello\n@@ -1 +1 @@\n+x')).toEqual([]);
  });
});
