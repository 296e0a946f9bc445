import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

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
