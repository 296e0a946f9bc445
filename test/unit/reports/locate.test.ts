import { describe, expect, it } from '@jest/globals';
import type { TestCase } from '../../../src/domain/test-report.js';
import { locate, resolvePath } from '../../../src/reports/locate.js';
import { testsIn } from '../../support/reports.js';

const at = (workspace: string, ...files: string[]) => ({ workspace, files: new Set(files) });

/** "path:line" of every failed test of a fixture. */
function places(name: string, repository: ReturnType<typeof at>, reportPath = ''): Record<string, string> {
  const failed = testsIn(name).cases.filter((test) => test.status === 'failed');
  return Object.fromEntries(
    failed.map((test) => {
      const place = locate(test, repository, reportPath);
      return [test.name, place ? `${place.path}:${place.line ?? ''}` : 'nowhere'];
    }),
  );
}

describe('where a test of a real report failed', () => {
  const node = at('/workspace/node', 'lib/calc.mjs', 'test/calc.test.mjs', 'test/broken.test.mjs');
  const js = at('/workspace/js', 'src/calc.js', 'test/calc.test.js', 'test/broken.test.js');
  const java = at(
    '/workspace/java',
    'src/main/java/com/example/shop/Calc.java',
    'src/test/java/com/example/shop/CalcTest.java',
    'src/test/java/com/example/other/CalcTest.java',
  );
  const go = at(
    '/workspace/go',
    'calc/calc.go',
    'calc/calc_test.go',
    'other/calc_test.go',
    'panics/panics_test.go',
    'broken/broken_test.go',
  );

  it.each([
    [
      'node:test TAP',
      'tap/node-20.tap',
      node,
      {
        '/workspace/node/test/broken.test.mjs': 'test/broken.test.mjs:1',
        'adds & compares <things> # really': 'test/calc.test.mjs:10',
        'throws from the source': 'test/calc.test.mjs:14',
        'a parent that fails by itself': 'test/calc.test.mjs:25',
      },
    ],
    [
      'node:test JUnit',
      'junit/node-24.xml',
      node,
      {
        'test/broken.test.mjs': 'test/broken.test.mjs:',
        'adds & compares <things> # really': 'test/calc.test.mjs:10',
        'throws from the source': 'test/calc.test.mjs:14',
      },
    ],
    [
      'Jest JSON',
      'jest/jest.json',
      js,
      {
        'adds & compares <things>': 'test/calc.test.js:9',
        'throws from the source': 'test/calc.test.js:14',
        'broken.test.js (the file itself failed)': 'test/broken.test.js:1',
      },
    ],
    [
      'jest-junit',
      'junit/jest-junit.xml',
      js,
      {
        'adds & compares <things>': 'test/calc.test.js:9',
        'divide throws from the source': 'test/calc.test.js:14',
      },
    ],
    [
      'CTRF',
      'ctrf/jest.json',
      js,
      { 'adds & compares <things>': 'test/calc.test.js:9', 'throws from the source': 'test/calc.test.js:14' },
    ],
    [
      'vitest',
      'junit/vitest.xml',
      at('/workspace/vitest', 'test/calc.test.ts'),
      { compares: 'test/calc.test.ts:9' },
    ],
    [
      'pytest',
      'junit/pytest.xml',
      at('/workspace/py', 'shop/calc.py', 'tests/unit/test_calc.py', 'tests/test_import.py'),
      {
        'tests.test_import': 'tests/test_import.py:1',
        test_adds_wrongly: 'tests/unit/test_calc.py:12',
        test_throws_from_the_source: 'tests/unit/test_calc.py:17',
        'test_halves[2]': 'tests/unit/test_calc.py:21',
        test_with_broken_fixture: 'tests/unit/test_calc.py:34',
      },
    ],
    [
      'Surefire',
      'junit/TEST-com.example.shop.CalcTest.xml',
      java,
      {
        throwsFromTheSource: 'src/test/java/com/example/shop/CalcTest.java:25',
        addsWrongly: 'src/test/java/com/example/shop/CalcTest.java:16',
      },
    ],
    [
      'Gradle',
      'junit/gradle.xml',
      java,
      { 'addsWrongly()': 'src/test/java/com/example/shop/CalcTest.java:16' },
    ],
    [
      'go test -json',
      'go/go-test.json',
      go,
      {
        '(the package itself)': 'nowhere',
        'TestTable/wrong_sum': 'calc/calc_test.go:22',
        TestPanics: 'calc/calc.go:5',
      },
    ],
    [
      'gotestsum',
      'junit/gotestsum.xml',
      go,
      { 'TestTable/wrong_sum': 'calc/calc_test.go:22', TestPanics: 'calc/calc.go:5' },
    ],
    [
      'Go that does not compile',
      'go/go-test-1.24.json',
      go,
      { '(the package itself)': 'broken/broken_test.go:6', TestNeverEnds: 'nowhere' },
    ],
    [
      'PHPUnit',
      'junit/phpunit.xml',
      at('/workspace/php', 'src/Calc.php', 'tests/CalcTest.php'),
      {
        testAddsWrongly: 'tests/CalcTest.php:16',
        testThrowsFromTheSource: 'tests/CalcTest.php:21',
        'testSums with data set "wrong"': 'tests/CalcTest.php:27',
      },
    ],
    [
      'RSpec',
      'junit/rspec.xml',
      at('/workspace/ruby', 'lib/calc.rb', 'spec/calc_spec.rb'),
      {
        'Calc adds & compares <things>': 'spec/calc_spec.rb:9',
        'Calc when dividing throws from the source': 'spec/calc_spec.rb:14',
      },
    ],
    [
      'nextest',
      'junit/nextest.xml',
      at('/workspace/rust', 'src/lib.rs'),
      { 'tests::adds_wrongly': 'src/lib.rs:20', 'tests::throws_from_the_source': 'src/lib.rs:6' },
    ],
    [
      '.NET',
      'trx/dotnet-test.trx',
      at('/workspace', 'dotnet/src/Calc.cs', 'dotnet/tests/CalcTests.cs'),
      { AddsWrongly: 'dotnet/tests/CalcTests.cs:18', 'Halves (0)': 'dotnet/src/Calc.cs:9' },
    ],
    ['node-tap', 'tap/node-tap.tap', at('/workspace/tap', 'test/calc.cjs'), { compares: 'test/calc.cjs:5' }],
    ['tape', 'tap/tape.tap', at('/workspace/tape', 'test/calc.js'), { compares: 'test/calc.js:2' }],
    ['Test::More', 'tap/perl.tap', at('/workspace/perl', 't/calc.t'), { 'adds wrongly': 't/calc.t:3' }],
  ])('%s', (_tool, fixture, repository, expected) => {
    expect(places(fixture, repository)).toEqual(expected);
  });

  it('is found in a subpackage whose report names paths of its own', () => {
    const monorepo = at(
      '/workspace',
      'packages/a/test/calc.test.js',
      'packages/b/test/calc.test.js',
      'test/calc.test.js',
    );
    expect(resolvePath('test/calc.test.js', monorepo, 'packages/b/reports/junit.xml')).toBe(
      'packages/b/test/calc.test.js',
    );
    expect(resolvePath('test/calc.test.js', monorepo, 'junit.xml')).toBe('test/calc.test.js');
  });
});

describe('a path of a report', () => {
  const repository = at(
    '/workspace',
    'src/a b.ts',
    'src/lib.rs',
    'src/index.ts',
    'pkg/x/src/only.ts',
    'src/100%.ts',
  );

  it.each([
    ['inside the workspace', '/workspace/src/lib.rs', 'src/lib.rs'],
    ['as a file:// URL', 'file:///workspace/src/a%20b.ts', 'src/a b.ts'],
    ['as a URL with a bare percent sign', 'file:///workspace/src/100%.ts', 'src/100%.ts'],
    ['with a query, as vite adds it', '/workspace/src/lib.rs?v=123', 'src/lib.rs'],
    ['with backslashes', 'src\\lib.rs', 'src/lib.rs'],
    ['with dots', './src/../src/lib.rs', 'src/lib.rs'],
    ['relative to a subpackage', 'src/only.ts', 'pkg/x/src/only.ts'],
    ['in a container at another place', '/app/pkg/x/src/only.ts', 'pkg/x/src/only.ts'],
    ['outside, ending in a single name', '/elsewhere/index.ts', null],
    ['of a dependency', '/workspace/node_modules/x/src/index.ts', null],
    ['of a dependency elsewhere', '/usr/lib/node_modules/x/src/index.ts', null],
    ['of a dependency, relative', 'node_modules/x/src/index.ts', null],
    ['of the standard library', '/rustc/5980/library/src/lib.rs', null],
    ['of Node itself', 'node:internal/src/index.ts', null],
    ['that climbs out', '../../etc/passwd', null],
    ["inside, but not the repository's", '/workspace/dist/index.js', null],
    ['that is empty', '', null],
  ])('%s', (_what, path, expected) => {
    expect(resolvePath(path, repository)).toBe(expected);
  });

  it('that fits several files leads to none, unless the package decides', () => {
    const two = at('/workspace', 'a/calc_test.go', 'b/calc_test.go');
    expect(resolvePath('calc_test.go', two)).toBeNull();
    expect(resolvePath('calc_test.go', two, '', 'example.com/shop/b')).toBe('b/calc_test.go');
  });
});

describe('frames', () => {
  const repository = at(
    '/workspace',
    'shop/calc.py',
    'tests/test_calc.py',
    'src/helper.ts',
    'test/calc.test.ts',
    'test/calc.bats',
  );
  const failed = (details: string, more: Partial<TestCase> = {}): TestCase => ({
    suite: '',
    name: 'adds',
    status: 'failed',
    durationMs: null,
    details,
    ...more,
  });

  it("of the test's own file win over inner ones", () => {
    const details = 'Error\n at check (/workspace/src/helper.ts:3:1)\n at /workspace/test/calc.test.ts:9:5';
    expect(locate(failed(details, { file: 'test/calc.test.ts' }), repository)).toEqual({
      path: 'test/calc.test.ts',
      line: 9,
    });
    expect(locate(failed(details), repository)).toEqual({ path: 'src/helper.ts', line: 3 });
  });

  it('of Python end with the innermost', () => {
    const details =
      'Traceback (most recent call last):\n  File "/usr/lib/python3.11/site-packages/_pytest/runner.py", line 353, in f\n' +
      '  File "/workspace/tests/test_calc.py", line 17, in test\n  File "/workspace/shop/calc.py", line 7, in divide\nValueError';
    expect(locate(failed(details), repository)).toEqual({ path: 'shop/calc.py', line: 7 });
    expect(locate(failed(details, { suite: 'tests.test_calc.TestDivide' }), repository)).toEqual({
      path: 'tests/test_calc.py',
      line: 17,
    });
  });

  it('of bats are read from its comments', () => {
    expect(locate(failed('(in test file test/calc.bats, line 5)'), repository)).toEqual({
      path: 'test/calc.bats',
      line: 5,
    });
  });

  it('leave the file alone where the test did not fail', () => {
    const test = {
      ...failed('at /workspace/src/helper.ts:3:1'),
      status: 'passed' as const,
      file: 'test/calc.test.ts',
    };
    expect(locate(test, repository)).toEqual({ path: 'test/calc.test.ts' });
  });

  it("lead nowhere where nothing is the repository's", () => {
    expect(locate(failed('connect ECONNREFUSED 127.0.0.1:5432 at example.com:443'), repository)).toBeNull();
  });
});
