import { chmod, mkdir, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { Config } from './config.js';
import { messageOf, OperationalError } from './domain/errors.js';
import { sandboxUser } from './sandbox/user.js';

/** What only this process may see; workspaces have owners of their own. */
const PRIVATE = ['mirrors', 'trees', 'setup-layers', 'logs', 'artifacts'];

/**
 * Makes the data directory. As root, scripts run as another user, who must be able to pass through it to a
 * workspace but may not list it or look into anything else.
 * @throws OperationalError where it can't be made or written
 */
export async function prepareDataDir(directory: string): Promise<void> {
  try {
    await prepare(directory);
  } catch (error) {
    throw new OperationalError(`DATA_DIR ${directory} can't be used: ${messageOf(error)}.`, {
      advice: 'Set DATA_DIR to a folder that belongs to the user of this process, or make it so (chown).',
      cause: error,
    });
  }
}

async function prepare(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  if (sandboxUser()) await chmod(directory, (await stat(directory)).mode | 0o011);
  for (const name of PRIVATE) {
    await mkdir(join(directory, name), { recursive: true });
    await chmod(join(directory, name), 0o700);
  }
}

/** Where the server's own files are beside DATA_DIR: `.env` and what else it was started among, and its log. */
export function ownDirectories({ log }: Pick<Config, 'log'>): string[] {
  return [process.cwd(), ...(log.file === null ? [] : [dirname(resolve(log.file))])];
}
