import { statfs } from 'node:fs/promises';
import { MIN_FREE_BYTES } from './git/workspaces.js';
import { readableSize } from './sandbox/output.js';

/** Below this nothing can be relied on to be written. */
const FULL_BYTES = 16 * 1024 ** 2;

export interface DiskState {
  says: string;
  /** Whether a database on this disk takes nothing any more. */
  isFull: boolean;
}

/** How the disk of a directory stands: `ok`, or what is missing. */
export async function diskState(directory: string): Promise<DiskState> {
  const { bavail, bsize } = await statfs(directory);
  const free = bavail * bsize;
  if (free >= MIN_FREE_BYTES) return { says: 'ok', isFull: false };
  return {
    says: `nearly full: ${readableSize(free)} free, ${readableSize(MIN_FREE_BYTES)} needed to check out`,
    isFull: free < FULL_BYTES,
  };
}
