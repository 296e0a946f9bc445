import { chmod, mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { openOwnDirectory } from './own-directory.js';

/**
 * Mounts directories of ours, read-only and for as long as this process lives, where every user can go: those of
 * toolchains in root's home, which would otherwise be mounted anew for each script.
 * @returns where each can be found: itself where that did not work
 */
export async function openPassage(directories: string[]): Promise<(directory: string) => string> {
  const places = new Map<string, string>();
  try {
    for (const directory of directories) {
      const place = await mkdtemp(join(await openOwnDirectory(), 'tools-'));
      await chmod(place, 0o755);
      await execa('mount', ['-n', '-o', 'rbind,ro', '--', directory, place]);
      places.set(directory, place);
    }
  } catch {
    // Then mountForUser() does it.
  }
  return (directory) => places.get(directory) ?? directory;
}
