/** A repository as one of some years' work is: what a full clone of it costs is mostly its history. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Random } from '../support/random.js';
import { run, runWithInput } from '../support/sample-git.js';

/** As eslint/eslint has at its 10,979th commit, where the bounds were measured: 100,000 objects, 23 MB of files. */
const COMMITS = 10_979;
const FILES = 2_358;
const FOLDERS = 380;
const MAX_CHANGES = 6;
const HOT_FOLDERS = 4;

/** Makes a bare repository whose branch main has that history in one pack. */
export async function makeHistory(bare: string): Promise<void> {
  mkdirSync(bare, { recursive: true });
  run(bare, 'init', '-q', '--bare', '-b', 'main');
  const importing = spawn('git', ['fast-import', '--quiet'], {
    cwd: bare,
    stdio: ['pipe', 'ignore', 'inherit'],
    // Its blobs are given back to the system and taken anew one by one otherwise, which takes twice as long.
    env: { ...process.env, MALLOC_MMAP_THRESHOLD_: '100000000', MALLOC_TRIM_THRESHOLD_: '1000000000' },
  });
  const ended = once(importing, 'exit');
  await pipeline(Readable.from(stream()), importing.stdin);
  const [code] = (await ended) as [number];
  if (code !== 0) throw new Error(`git fast-import ended with ${code}`);
}

/** Five changed files as the head of a pull request, whose ref is refs/pull/7/head. @returns its commit */
export function push(bare: string): string {
  const seed = randomBytes(8).toString('hex');
  const lines = [
    'commit refs/pull/7/head',
    `committer Ada <ada@example.com> 1800000000 +0000`,
    'data 1',
    'c',
    'from refs/heads/main',
  ];
  for (let n = 0; n < 5; n++) {
    const content = `${seed} ${n}\n`.repeat(50);
    lines.push(`M 100644 inline ${pathOf(n)}`, `data ${content.length}`, content);
  }
  runWithInput(bare, [...lines, ''].join('\n'), 'fast-import', '--quiet', '--force');
  return run(bare, 'rev-parse', 'refs/pull/7/head');
}

/** Every version of a file after the one before, which is what git stores it as a difference to; then the commits. */
function* stream(): Generator<string> {
  // The same repository on every machine.
  const random = new Random(1);
  const commits = changes(random);
  const versions = new Array<number>(FILES).fill(0);
  for (const files of commits) for (const file of files) versions[file]!++;
  const marks: number[][] = [];
  let mark = 0;
  for (let file = 0; file < FILES; file++) {
    // What is changed most is also longest.
    const length = Math.round(80 + 800 * (1 - file / FILES) ** 2);
    const lines = Array.from({ length }, () => line(random));
    marks.push([]);
    for (let version = 0; version < versions[file]!; version++) {
      const text = lines.join('');
      marks[file]!.push(++mark);
      yield `blob\nmark :${mark}\ndata ${text.length}\n${text}\n`;
      const from = random.int(0, length - 1);
      for (let n = from; n < Math.min(from + 16, length); n++) lines[n] = line(random);
    }
  }
  const next = new Array<number>(FILES).fill(0);
  for (const [n, files] of commits.entries()) {
    const written = files.map((file) => `M 100644 :${marks[file]![next[file]!++]} ${pathOf(file)}\n`);
    const message = `Commit ${n}: ${line(random)}`;
    yield (
      `commit refs/heads/main\ncommitter Ada <ada@example.com> ${1_500_000_000 + n * 9_000} +0000\n` +
      `data ${message.length}\n${message}\n${written.join('')}\n`
    );
  }
}

/** @returns for each commit the files that it writes; the first writes all */
function changes(random: Random): number[][] {
  const all = Array.from({ length: FILES }, (_, file) => file);
  const later = Array.from({ length: COMMITS - 1 }, () => {
    // What is changed together stands together, and some is changed again and again.
    const about = Math.floor(random.next() ** 2 * FILES);
    const count = random.int(1, MAX_CHANGES);
    return Array.from({ length: count }, (_, n) => (about + n * HOT_FOLDERS) % FILES);
  });
  return [all, ...later];
}

/** Half of the files are in a few large folders, as rules and their tests are. */
function pathOf(file: number): string {
  return file < FILES / 2
    ? `large-${file % HOT_FOLDERS}/rules/file-${file}.js`
    : `small/part-${file % 20}/unit-${file % FOLDERS}/file-${file}.js`;
}

function line(random: Random): string {
  const words = Array.from({ length: 6 }, () => random.int(0, 59_999).toString(36));
  return `  ${words.join(' ')};\n`;
}
