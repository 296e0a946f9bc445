import { statfs } from 'node:fs/promises';

const MAX_BYTES = 10 * 1024 ** 3;

/** What all caches of one kind may take on the disk of a directory: a fifth of it, and no more than 10 GiB. */
export async function cacheBytes(directory: string): Promise<number> {
  const { blocks, bsize } = await statfs(directory);
  return Math.min(MAX_BYTES, (blocks * bsize) / 5);
}
