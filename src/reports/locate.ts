/** From what a report names to a file and a line of the repository. */
import { posix } from 'node:path';
import type { TestCase } from '../domain/test-report.js';
import { framesOf, type Frame } from './frames.js';

/** Where the tests ran, and what belongs to the repository there. */
export interface Repository {
  /** Absolute path of the checkout as the commands saw it. */
  workspace: string;
  /** Paths of the repository's files, relative to its root, with "/". */
  files: ReadonlySet<string>;
}

export interface Location {
  path: string;
  line?: number;
}

/**
 * Where a test failed, or for one that didn't fail where it is: the frame in the test's own file, else the
 * innermost frame in a file of the repository, else the test's file. Null when nothing leads to the repository.
 * `reportPath`, relative to the workspace, helps with paths that are relative to a subpackage.
 */
export function locate(test: TestCase, repository: Repository, reportPath = ''): Location | null {
  const resolve = (path: string): string | null => resolvePath(path, repository, reportPath, test.suite);
  const file = testFile(test, repository, resolve);
  if (test.status === 'failed') {
    const frame = bestFrame(test, file, resolve);
    if (frame) return frame;
  }
  if (file === null) return null;
  return test.line === undefined ? { path: file } : { path: file, line: test.line };
}

function bestFrame(
  test: TestCase,
  file: string | null,
  resolve: (path: string) => string | null,
): Location | null {
  const text = `${test.message ?? ''}\n${test.details ?? ''}`;
  const own: (Frame & { path: string })[] = [];
  const known = new Map<string, string | null>();
  for (const { path, line } of framesOf(text)) {
    const resolved = known.get(path) ?? resolve(path);
    known.set(path, resolved);
    if (resolved !== null) own.push({ path: resolved, line });
  }
  const inTest = own.filter((frame) => frame.path === file);
  // Where the test begins may stand among its details, before the stack.
  const inside = inTest.filter((frame) => frame.line !== test.line);
  const candidates = [inside, inTest, own].find((frames) => frames.length > 0) ?? [];
  return (innermostIsLast(candidates, text) ? candidates.at(-1) : candidates[0]) ?? null;
}

/** Python prints the most recent call last, and Go a test's log in order, ending with what made it fail. */
function innermostIsLast(frames: Frame[], text: string): boolean {
  const path = frames[0]?.path ?? '';
  return path.endsWith('.py') || (path.endsWith('.go') && !text.includes('\ngoroutine '));
}

/** The file that holds the test, from its file, or from a suite that is a path or a class. */
function testFile(
  test: TestCase,
  repository: Repository,
  resolve: (path: string) => string | null,
): string | null {
  if (test.file !== undefined) return resolve(test.file);
  // pytest: tests.unit.test_calc.TestDivide; Java: com.example.shop.CalcTest$Inner
  const dotted = (test.suite || test.name).replace(/\$.*/, '');
  if (!/^[\w.]+$/.test(dotted) || !dotted.includes('.')) return null;
  const parts = dotted.split('.').slice(0, 30);
  for (let length = parts.length; length > 0; length -= 1) {
    const stem = parts.slice(0, length).join('/');
    for (const extension of CLASS_EXTENSIONS) {
      const found = bySuffix(`${stem}.${extension}`, repository, test.suite);
      if (found !== null) return found;
    }
  }
  return null;
}

const CLASS_EXTENSIONS = ['py', 'java', 'kt', 'groovy', 'scala', 'php'];

/**
 * The repository's file that a path means, or null: absolute inside the workspace, a file:// URL, relative to
 * the root, to the report or to a subpackage, or ending like exactly one file of the repository. Files of
 * dependencies never match. `hint` (a package's name) decides between several.
 */
export function resolvePath(
  named: string,
  { workspace, files }: Repository,
  reportPath = '',
  hint = '',
): string | null {
  const path = withoutScheme(named);
  if (path === '' || path.length > 1000) return null;
  const root = workspace.endsWith('/') ? workspace : `${workspace}/`;
  if (path.startsWith(root)) {
    const inside = posix.normalize(path.slice(root.length));
    return files.has(inside) && !isDependency(inside) ? inside : null;
  }
  if (isDependency(path)) return null;
  const relative = posix
    .normalize(path)
    .replace(/^(?:\.\.\/|\/)+/, '')
    .replace(/^\.\//, '');
  if (!path.startsWith('/')) {
    for (let base = posix.dirname(reportPath); ; base = posix.dirname(base)) {
      const candidate = posix.normalize(posix.join(base, path));
      if (files.has(candidate)) return candidate;
      if (base === '.' || base === '/' || base === '') break;
    }
    return bySuffix(relative, { workspace, files }, hint);
  }
  // Run in a container, say, where the checkout is /app: the longest ending that is a file of the repository.
  const parts = relative.split('/');
  for (let from = 0; from < Math.min(parts.length - 1, 20); from += 1) {
    const ending = parts.slice(from).join('/');
    if (files.has(ending)) return ending;
  }
  return null;
}

function withoutScheme(named: string): string {
  let path = named.trim().replaceAll('\\', '/');
  if (path.startsWith('file://')) {
    path = path.slice('file://'.length);
    try {
      path = decodeURIComponent(path);
    } catch {
      // A "%" that is one.
    }
  }
  return path.replace(/[?#].*$/, '');
}

const isDependency = (path: string): boolean =>
  /(?:^|\/)(?:node_modules|site-packages|dist-packages|\.venv|\.tox|\.nox|\.cargo|rustc|gems|\.nuget|\.m2|\.yarn)\/|\/go\/pkg\/mod\/|^\/usr\/|^(?:node|internal|webpack):|^</.test(
    path,
  );

/** By the last part of the path; made once for a set of files. */
const indexes = new WeakMap<ReadonlySet<string>, Map<string, string[]>>();

function bySuffix(suffix: string, { files }: Repository, hint: string): string | null {
  let index = indexes.get(files);
  if (!index) {
    index = new Map();
    for (const file of files) {
      const name = posix.basename(file);
      const same = index.get(name);
      if (same) same.push(file);
      else index.set(name, [file]);
    }
    indexes.set(files, index);
  }
  const same = index.get(posix.basename(suffix)) ?? [];
  // A name like index.ts in a large repository: a suffix says too little, and looking costs too much.
  if (same.length > 200) return null;
  const candidates = same.filter(
    (file) => (file === suffix || file.endsWith(`/${suffix}`)) && !isDependency(file),
  );
  if (candidates.length <= 1) return candidates[0] ?? null;
  // Go names the file alone, and its package: example.com/shop/calc.
  const hinted = candidates.filter((file) => {
    const folder = posix.dirname(file);
    return hint === folder || hint.endsWith(`/${folder}`);
  });
  return hinted.length === 1 ? (hinted[0] ?? null) : null;
}
