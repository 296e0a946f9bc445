/** `go test -json` (the events of Go's cmd/test2json), also with other lines between the events. */
import type { Format } from './contract.js';
import { goFailure, withoutGroups } from './go-output.js';
import { isRecord, textOf } from './json.js';
import { TestList, sum, type FoundTest } from './test-list.js';
import { decode, validMs } from './text.js';

const EVENT = /^\{.*"Action":"(?:start|run|pause|cont|pass|bench|fail|output|skip|build-output|build-fail)"/;

/** Characters of one test's output that are kept, from its beginning. */
const KEPT_OUTPUT = 64 * 1024;

export const go: Format = {
  recognise: (text) =>
    text
      .slice(0, 20_000)
      .split('\n')
      .some((line) => EVENT.test(line)),
  read(content) {
    const list = new TestList('go');
    const packages = new Map<string, GoPackage>();
    const packageNamed = (name: string): GoPackage => {
      const known = packages.get(name) ?? new GoPackage(name);
      packages.set(name, known);
      return known;
    };
    for (const line of decode(content).split('\n')) {
      // Before Go 1.24 a package that doesn't compile is a plain line.
      const broken = /^FAIL\t(\S+) \[([\w ]+)\]/.exec(line);
      if (broken) packageNamed(broken[1] ?? '').breakOff(broken[2] ?? '');
      const event = eventOf(line);
      if (!event) continue;
      const name = textOf(event.Package) ?? textOf(event.ImportPath)?.split(' ')[0];
      if (name !== undefined) packageNamed(name).take(event);
    }
    const found = [...packages.values()].flatMap((one) => one.tests());
    for (const test of withoutGroups(found)) list.add(test);
    return { kind: 'tests', report: list.report(sum([...packages.values()].map((one) => one.elapsed))) };
  },
};

function eventOf(line: string): Record<string, unknown> | null {
  if (!EVENT.test(line)) return null;
  try {
    const event: unknown = JSON.parse(line);
    return isRecord(event) ? event : null;
  } catch {
    return null;
  }
}

interface GoTest {
  status: 'running' | 'passed' | 'failed' | 'skipped';
  elapsed: number | null;
  output: string;
  flaky?: boolean;
}

/** One package's run; when it runs again (gotestsum --rerun-fails), the later result counts. */
class GoPackage {
  elapsed: number | null = null;
  readonly #name: string;
  #own: GoTest = { status: 'running', elapsed: null, output: '' };
  #running = new Map<string, GoTest>();
  readonly #done = new Map<string, GoTest>();

  constructor(name: string) {
    this.#name = name;
  }

  take(event: Record<string, unknown>): void {
    const testName = textOf(event.Test);
    const test = testName === undefined ? this.#own : this.#test(testName);
    switch (event.Action) {
      case 'start':
        this.#own = { status: 'running', elapsed: null, output: this.#own.output };
        break;
      case 'output':
      case 'build-output':
        if (test.output.length < KEPT_OUTPUT) test.output += textOf(event.Output) ?? '';
        break;
      case 'pass':
      case 'fail':
      case 'skip':
        // With -count the same test runs several times in one go; one failure makes it a failed one.
        if (test.status !== 'failed') {
          test.status = event.Action === 'pass' ? 'passed' : event.Action === 'fail' ? 'failed' : 'skipped';
        }
        test.elapsed = validMs(Number(event.Elapsed) * 1000);
        if (testName === undefined) this.#end();
        break;
    }
  }

  /** The package ended without events of its own. */
  breakOff(why: string): void {
    this.#own.status = 'failed';
    if (this.#own.output === '') this.#own.output = why;
  }

  tests(): FoundTest[] {
    this.#end();
    const tests = [...this.#done].map(([name, test]) => this.#found(name, test));
    const explained = tests.some((test) => test.status === 'failed');
    if (this.#own.status === 'failed' && !explained)
      tests.push(this.#found('(the package itself)', this.#own));
    return tests;
  }

  #test(name: string): GoTest {
    const test = this.#running.get(name) ?? { status: 'running', elapsed: null, output: '' };
    this.#running.set(name, test);
    return test;
  }

  #end(): void {
    for (const [name, test] of this.#running) {
      if (test.status === 'running') {
        test.status = 'failed';
        test.output += 'The test did not finish.\n';
      }
      const earlier = this.#done.get(name);
      if (earlier?.status === 'failed' && test.status === 'passed') test.flaky = true;
      this.#done.set(name, test);
    }
    if (this.#running.size > 0 || this.elapsed === null)
      this.elapsed = sum([this.elapsed, this.#own.elapsed]);
    this.#running = new Map();
  }

  #found(name: string, test: GoTest): FoundTest {
    return {
      suite: this.#name,
      name,
      status: test.status === 'running' ? 'failed' : test.status,
      durationMs: test.elapsed,
      flaky: test.flaky,
      ...(test.status === 'failed' && goFailure(test.output)),
    };
  }
}
