import { randomUUID } from 'node:crypto';
import { link, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * What is in a file that is made where it is missing, for its owner only. Whole for whoever reads it: also where
 * several make it at once, or where one was killed while it did.
 */
export async function madeOnce(file: string, make: () => Buffer): Promise<Buffer> {
  const known = await readFile(file).catch(unlessMissing);
  if (known) return known;
  await mkdir(dirname(file), { recursive: true });
  const draft = `${file}.${randomUUID()}`;
  try {
    const handle = await open(draft, 'wx', 0o600);
    try {
      await handle.writeFile(make());
      await handle.sync();
    } finally {
      await handle.close();
    }
    // The first one counts. Where a file system has no links, it is the last.
    await link(draft, file).catch((error: NodeJS.ErrnoException) =>
      error.code === 'EEXIST' ? undefined : rename(draft, file),
    );
  } finally {
    await rm(draft, { force: true });
  }
  return readFile(file);
}

function unlessMissing(error: NodeJS.ErrnoException): null {
  if (error.code !== 'ENOENT') throw error;
  return null;
}
