import { chmod, mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { runSystem } from '../spawner/system.js';
import { openOwnDirectory } from './own-directory.js';
import { unreachable } from './paths.js';
import { sandboxUser } from './user.js';

export interface Passage {
  /** Where the sandbox's user finds a directory. */
  place: (directory: string) => string;
  /** The places that have to be mounted for each script all the same. */
  closed: string[];
}

/** By directory; they stay for as long as this process lives. */
const places = new Map<string, Promise<string>>();

/**
 * Mounts directories that the sandbox's user can't come to, read-only and for as long as this process lives, where
 * every user can go: those of toolchains in root's home, which would otherwise be mounted anew for each script.
 */
export async function passTo(directories: string[]): Promise<Passage> {
  const user = sandboxUser();
  if (!user) return { place: (directory) => directory, closed: [] };
  const found = await mounted(unreachable(user, directories));
  const place = (directory: string) => found.get(directory) ?? directory;
  return { place, closed: unreachable(user, directories.map(place)) };
}

/** Where they are mounted; without those for which that did not work. */
async function mounted(directories: string[]): Promise<Map<string, string>> {
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
  return found;
}

async function mount(directory: string): Promise<string> {
  const place = await mkdtemp(join(await openOwnDirectory(), 'tools-'));
  await chmod(place, 0o755);
  await runSystem(['mount', '-n', '-o', 'rbind,ro', '--', directory, place]);
  return place;
}
