import { randomBytes } from 'node:crypto';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { PipelineResults } from '../domain/pipeline.js';
import { isPublicUrl } from '../github/text.js';

/**
 * Keeps an image under a name that nobody can guess, so that whoever has its address may see it.
 * @param directory of all artifacts; each pipeline has a folder in it
 * @returns PIPELINE/NAME.png
 */
export async function keepScreenshot(
  directory: string,
  pipelineId: string,
  png: Uint8Array,
): Promise<string> {
  const name = `${randomBytes(24).toString('base64url')}.png`;
  const folder = join(directory, pipelineId);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeFile(join(folder, name), png, { mode: 0o600 });
  return `${pipelineId}/${name}`;
}

/** The names of a pipeline's screenshots, as `keepScreenshot` gave them. */
export const screenshotsIn = ({ validations }: Pick<PipelineResults, 'validations'>): string[] =>
  validations.flatMap(({ facts }) => (typeof facts?.['screenshot'] === 'string' ? facts['screenshot'] : []));

/** Larger ones are not sent along; their address is. Lighthouse's have some 100 KB. */
const MAX_SENT_BYTES = 2 * 1024 * 1024;

/**
 * The first screenshot, to be sent to the agent: as a data URI, and its address where it can be reached.
 * @param directory of all artifacts
 */
export async function screenshotToSend(
  directory: string,
  publicUrl: string,
  results: PipelineResults | null,
): Promise<{ image: string | null; url: string | null } | null> {
  const [name] = results ? screenshotsIn(results) : [];
  if (name === undefined || !/^[\w-]{1,36}\/[\w-]{1,64}\.png$/.test(name)) return null;
  const url = isPublicUrl(publicUrl) ? `${publicUrl}/artifacts/${name}` : null;
  try {
    const path = join(directory, name);
    if ((await stat(path)).size > MAX_SENT_BYTES) return { image: null, url };
    return { image: `data:image/png;base64,${(await readFile(path)).toString('base64')}`, url };
  } catch {
    // Another machine has it, or it is too old.
    return { image: null, url };
  }
}
