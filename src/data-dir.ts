import { chmod, mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { sandboxUser } from './sandbox/user.js';

/** What only this process may see; workspaces have owners of their own. */
const PRIVATE = ['mirrors', 'trees', 'setup-layers', 'logs', 'artifacts'];

/**
 * Makes the data directory. As root, scripts run as another user, who must be able to pass through it to a
 * workspace but may not list it or look into anything else.
 */
export async function prepareDataDir(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  if (sandboxUser()) await chmod(directory, (await stat(directory)).mode | 0o011);
  for (const name of PRIVATE) {
    await mkdir(join(directory, name), { recursive: true });
    await chmod(join(directory, name), 0o700);
  }
}
