/** What a detector gets and gives. One ecosystem a file; detect.ts holds the list. */

export interface RepositoryFiles {
  /** Paths of files from the top of the repository, `/`-separated, down to at least two levels. */
  list: ReadonlySet<string>;
  /**
   * Text of a file, or null when it is not there or can't be read. The repository is not trusted: it is for this
   * function to follow no links and to read no more than, say, 1 MB.
   */
  read: (path: string) => Promise<string | null>;
}

/** What would be run. Lines are shell, and work under `bash -eo pipefail` in a fresh checkout. */
export interface Recipe {
  /** The file that it was detected from. */
  from: string;
  /** Lines that come first in each script: paths, stand-ins for tools that are not installed. */
  prelude?: string[];
  setup: string[];
  deploy: string[];
  test: string[];
  /** Remarks for the author, sentences. */
  notes?: string[];
}

/** Null where the ecosystem isn't found. Unreadable files are no reason to reject. */
export type Detector = (files: RepositoryFiles) => Promise<Recipe | null>;

/** The first of `paths` that is there. */
export const firstOf = (files: RepositoryFiles, ...paths: string[]): string | null =>
  paths.find((path) => files.list.has(path)) ?? null;

export const hasFileLike = (files: RepositoryFiles, pattern: RegExp): boolean =>
  [...files.list].some((path) => pattern.test(path));
