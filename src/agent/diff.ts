export interface FilePatch {
  /** After the change; of a deleted file, before it. */
  path: string;
  /** Where the file was renamed from. */
  previousPath?: string;
  status: 'added' | 'modified' | 'removed' | 'renamed';
  /** The hunks, from `@@`; null where the diff does not show them (binary, too large). */
  patch: string | null;
}

export interface ChangedLine {
  kind: 'added' | 'removed';
  text: string;
  /** In the file after the change, from 1; of a removed line, where it would stand. */
  line: number;
}

/** The files of a unified diff as git prints it. */
export function parseUnifiedDiff(diff: string): FilePatch[] {
  const files: FilePatch[] = [];
  let file: FilePatch | null = null;
  let hunk: Hunk | null = null;
  for (const line of diff.split(/\r?\n/)) {
    // Inside a hunk nothing is a header: a removed line "-- x" looks like one.
    if (hunk && file && takes(hunk, line)) {
      file.patch += `\n${line}`;
      continue;
    }
    hunk = null;
    const start: string | undefined = /^diff --git (.*)$/.exec(line)?.[1];
    if (start !== undefined) {
      file = { path: pathOfHeader(start), status: 'modified', patch: null };
      files.push(file);
    } else if (file === null) {
      continue;
    } else if (line.startsWith('new file mode')) file.status = 'added';
    else if (line.startsWith('deleted file mode')) file.status = 'removed';
    else if (line.startsWith('rename from ')) {
      file.status = 'renamed';
      file.previousPath = unquoted(line.slice(12));
    } else if (line.startsWith('rename to ')) file.path = unquoted(line.slice(10));
    else if (line.startsWith('--- ') || line.startsWith('+++ ')) {
      const path = unquoted(line.slice(4).replace(/\t.*$/, ''));
      if (path !== '/dev/null') file.path = path.replace(/^[ab]\//, '');
    } else {
      hunk = readHunk(line);
      if (hunk) file.patch = file.patch === null ? line : `${file.patch}\n${line}`;
    }
  }
  return files;
}

/** The added and removed lines of a file's hunks, in their order. */
export function changedLines(patch: string): ChangedLine[] {
  const changes: ChangedLine[] = [];
  let hunk: Hunk | null = null;
  let next = 0;
  for (const line of patch.split(/\r?\n/)) {
    if (hunk && takes(hunk, line)) {
      if (line.startsWith('+')) changes.push({ kind: 'added', text: line.slice(1), line: next++ });
      else if (line.startsWith('-')) {
        changes.push({ kind: 'removed', text: line.slice(1), line: Math.max(1, next) });
      } else if (!line.startsWith('\\')) next++;
    } else {
      hunk = readHunk(line);
      if (hunk) next = hunk.start;
    }
  }
  return changes;
}

interface Hunk {
  start: number;
  oldLeft: number;
  newLeft: number;
}

function readHunk(line: string): Hunk | null {
  const match = /^@@ -\d+(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/.exec(line);
  if (!match) return null;
  return { oldLeft: Number(match[1] ?? 1), start: Number(match[2]), newLeft: Number(match[3] ?? 1) };
}

/** Whether the line belongs to the hunk, which is then one line shorter. */
function takes(hunk: Hunk, line: string): boolean {
  if (line.startsWith('\\')) return true;
  if (hunk.oldLeft <= 0 && hunk.newLeft <= 0) return false;
  if (line.startsWith('+')) hunk.newLeft--;
  else if (line.startsWith('-')) hunk.oldLeft--;
  else if (line === '' || line.startsWith(' ')) {
    hunk.oldLeft--;
    hunk.newLeft--;
  } else return false;
  return true;
}

/** `a/x b/x`: only needed for files without `+++` lines, whose two paths are the same but for renames. */
function pathOfHeader(header: string): string {
  if (header.startsWith('"')) return unquoted(/^"(?:\\.|[^"\\])*"/.exec(header)?.[0] ?? header).slice(2);
  return header.slice(2, (header.length - 1) / 2);
}

/** Git puts a path with unusual characters in quotes, its bytes as octal escapes. */
function unquoted(path: string): string {
  if (!path.startsWith('"')) return path;
  const escapes: Record<string, string> = { n: '\n', t: '\t', r: '\r' };
  const binary = path
    .slice(1, -1)
    .replace(/\\([0-7]{3}|.)/g, (_, code: string) =>
      code.length === 3 ? String.fromCharCode(parseInt(code, 8)) : (escapes[code] ?? code),
    );
  return Buffer.from(binary, 'latin1').toString('utf8');
}
