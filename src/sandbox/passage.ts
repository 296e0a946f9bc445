import { chmod, mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { runSystem } from '../spawner/system.js';
import { openOwnDirectory } from './own-directory.js';

/** By directory; they stay for as long as this process lives. */
const places = new Map<string, Promise<string>>();

/**
 * Mounts directories of ours, read-only and for as long as this process lives, where every user can go: those of
 * toolchains in root's home, which would otherwise be mounted anew for each script.
 * @returns where each can be found: itself where that did not work
 */
export async function openPassage(directories: string[]): Promise<(directory: string) => string> {
  const found = new Map<string, string>();
  for (const directory of directories) {
    const place = places.get(directory) ?? mount(directory);
    places.set(directory, place);
    try {
      found.set(directory, await place);
    } catch {
      // Then mountForUser() does it; the next sandbox tries again.
      places.delete(directory);
      break;
    }
  }
  return (directory) => found.get(directory) ?? directory;
}

async function mount(directory: string): Promise<string> {
  const place = await mkdtemp(join(await openOwnDirectory(), 'tools-'));
  await chmod(place, 0o755);
  await runSystem(['mount', '-n', '-o', 'rbind,ro', '--', directory, place]);
  return place;
}
