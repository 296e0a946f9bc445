import { treeOf } from './commits.js';
import { runGit } from './run.js';
import type { GitStore } from './store.js';

export interface FileDiff {
  filename: string;
  previousFilename?: string;
  status: 'added' | 'removed' | 'modified' | 'renamed';
  /** The blob after the change, or before it where the file was removed. */
  sha: string;
  additions: number;
  deletions: number;
  /** The hunks; undefined for binary files. */
  patch?: string;
}

const EMPTY_TREE = '4b825dc642cb6eb9a060e54bf8d69288fbee4904';

/** What changed between two commits (or since nothing), with renames found as GitHub finds them. */
export function diff(store: GitStore, base: string | undefined, head: string): FileDiff[] {
  const known = computed.get(store) ?? new Map<string, FileDiff[]>();
  computed.set(store, known);
  const key = `${base} ${head}`;
  const files = known.get(key) ?? additions(store, base, head) ?? diffByGit(store, base, head);
  known.set(key, files);
  return files;
}

const computed = new WeakMap<GitStore, Map<string, FileDiff[]>>();

export function diffByGit(store: GitStore, base: string | undefined, head: string): FileDiff[] {
  if (base === undefined) store.write('tree', Buffer.alloc(0));
  const output = runGit([
    `--git-dir=${store.directory}`,
    ...['diff', '--raw', '--patch', '-z', '-M', '--no-abbrev', '--full-index', base ?? EMPTY_TREE, head],
  ]).stdout.toString();
  if (output === '') return [];
  // `-z` ends the raw part with an empty field; the patch follows, file by file in the same order.
  const end = output.indexOf('\0\0');
  const raw = output.slice(0, end).split('\0');
  const patches = output.slice(end + 2).split(/^(?=diff --git )/m);
  const files: FileDiff[] = [];
  let section = 0;
  for (let at = 0; at < raw.length;) {
    const [, , before = '', after = '', letter = ''] = raw[at++]!.split(' ');
    const renamed = letter.startsWith('R');
    const previousFilename = renamed ? raw[at++]! : undefined;
    const filename = raw[at++]!;
    // A change of type (file to symlink) is shown as a removal and an addition.
    const shown = patches.slice(section, (section += letter === 'T' ? 2 : 1)).join('');
    const start = shown.search(/^@@ /m);
    files.push({
      filename,
      ...(previousFilename !== undefined && { previousFilename }),
      status: renamed ? 'renamed' : letter === 'A' ? 'added' : letter === 'D' ? 'removed' : 'modified',
      sha: letter === 'D' ? before : after,
      ...counted(start < 0 ? undefined : shown.slice(start).replace(/\n$/, '')),
    });
  }
  return files;
}

function counted(patch: string | undefined): Pick<FileDiff, 'additions' | 'deletions' | 'patch'> {
  const lines = patch?.split('\n') ?? [];
  return {
    additions: lines.filter((each) => each.startsWith('+')).length,
    deletions: lines.filter((each) => each.startsWith('-')).length,
    ...(patch !== undefined && { patch }),
  };
}

/** The same without a process, where files were added and nothing else, as most tests do; null elsewhere. */
function additions(store: GitStore, base: string | undefined, head: string): FileDiff[] | null {
  const before = treeOf(store, base);
  const after = treeOf(store, head);
  for (const [path, { mode, sha }] of before) {
    const now = after.get(path);
    if (now?.sha !== sha || now?.mode !== mode) return null;
  }
  const files: FileDiff[] = [];
  for (const [filename, { mode, sha }] of after) {
    if (before.has(filename)) continue;
    const content = store.read(sha)?.content;
    if (mode === '160000' || !content) return null;
    files.push({ filename, status: 'added', sha, ...counted(patchOf(content)) });
  }
  return files.sort((a, b) => Buffer.compare(Buffer.from(a.filename), Buffer.from(b.filename)));
}

/** Git looks for NUL in this much of a file to tell whether it is binary. */
const BINARY_BYTES = 8_000;

/** Of a file that is new. */
function patchOf(content: Buffer): string | undefined {
  if (content.length === 0 || content.subarray(0, BINARY_BYTES).includes(0)) return undefined;
  const lines = content.toString().split('\n');
  const isEnded = lines.at(-1) === '';
  if (isEnded) lines.pop();
  const hunk = [
    `@@ -0,0 +1${lines.length === 1 ? '' : `,${lines.length}`} @@`,
    ...lines.map((line) => `+${line}`),
  ];
  return [...hunk, ...(isEnded ? [] : ['\\ No newline at end of file'])].join('\n');
}
