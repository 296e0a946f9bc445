import type { RepositorySource } from './source.js';

export interface Wanted {
  source: RepositorySource;
  ref: string;
  sha: string;
  depth: number;
  /** A commit that is there already with depth 1, as is wanted: only what is new against it is delivered. */
  have?: string | undefined;
  /** It was had a moment ago: where it is still in the cache, nobody is asked. */
  again?: boolean | undefined;
  signal?: AbortSignal;
}

/** What a workspace's own git directory needs to know beside the objects. */
export interface Delivered {
  fetchedBytes: number;
  /** Commits whose parents were left out: the content of `shallow`. */
  boundary: string[];
  /** Branches and tags, with the whole history only, as actions/checkout has it. */
  refs: { name: string; sha: string }[];
  /** The files of the pack that was written. */
  packs: string[];
  /** Whether nothing else is needed than this pack. */
  isComplete: boolean;
}
