/** What a pull request changes, file by file. */
export interface FileChange {
  /** From the repository's root; of a renamed file the new one. */
  path: string;
  status: 'added' | 'removed' | 'modified' | 'renamed';
  additions: number;
  deletions: number;
  /** The hunks of a unified diff; null for binary files and where they are too long to be told. */
  patch: string | null;
}

const HUNK = /^@@ -\d+(?:,\d+)? \+(\d+)(?:,\d+)? @@/;

/** The lines that the patches add or change, by path, counted from 1 as in the new file. */
export function changedLines(changes: readonly FileChange[]): Map<string, Set<number>> {
  const byPath = new Map<string, Set<number>>();
  for (const { path, patch } of changes) {
    const lines = new Set<number>();
    let at = 0;
    for (const text of patch?.split('\n') ?? []) {
      const hunk = HUNK.exec(text);
      if (hunk) at = Number(hunk[1]);
      else if (text.startsWith('+')) lines.add(at++);
      else if (!text.startsWith('-') && !text.startsWith('\\')) at++;
    }
    byPath.set(path, lines);
  }
  return byPath;
}

/** The lines that a hunk shows of the new file, changed or around a change: where GitHub shows annotations. */
export function shownLines(patch: string): [from: number, to: number][] {
  return [...patch.matchAll(/^@@ -\d+(?:,\d+)? \+(\d+)(?:,(\d+))? @@/gm)].map((hunk) => {
    const from = Number(hunk[1]);
    return [from, from + Number(hunk[2] ?? 1) - 1];
  });
}
