/** What `go test` prints for one test, as `go test -json` and gotestsum's JUnit hand it on. */
import type { FoundTest } from './test-list.js';

/** Message and details of a failed Go test from its output. */
export function goFailure(output: string): Pick<FoundTest, 'message' | 'details'> {
  const lines = output.split('\n').filter((line) => !/^\s*(?:=== |--- (?:FAIL|PASS|SKIP): )/.test(line));
  const details = lines.join('\n').trim();
  const panic = lines.findIndex((line) => line.startsWith('panic: '));
  const said = panic < 0 ? lines : lines.slice(panic, panic + 1);
  const message = said
    .slice(0, 20)
    .map((line) => line.trim())
    .join('\n')
    .trim();
  return { message: message || 'The test failed without saying why.', details };
}

/**
 * Without the tests that only group subtests ("TestTable" of "TestTable/wrong"), which would count twice. One
 * that failed while all its subtests passed stays.
 */
export function withoutGroups<Test extends Pick<FoundTest, 'suite' | 'name' | 'status'>>(
  tests: Test[],
): Test[] {
  const groups = new Map<string, { failedInside: boolean }>();
  for (const test of tests) {
    const suite = String(test.suite);
    // Depth is bounded: a name with a thousand slashes would otherwise make a thousand groups.
    for (
      let at = test.name.indexOf('/'), depth = 0;
      at > 0 && depth < 20;
      at = test.name.indexOf('/', at + 1)
    ) {
      depth += 1;
      const key = `${suite}\0${test.name.slice(0, at)}`;
      const group = groups.get(key) ?? { failedInside: false };
      group.failedInside ||= test.status === 'failed';
      groups.set(key, group);
    }
  }
  return tests.filter((test) => {
    const group = groups.get(`${String(test.suite)}\0${test.name}`);
    return group === undefined || (test.status === 'failed' && !group.failedInside);
  });
}
