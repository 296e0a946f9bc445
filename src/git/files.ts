import path from 'node:path';
import { git } from './command.js';

/** Paths of all files of a commit, as git knows them. To be called before code of the commit ran in the checkout. */
export async function listFiles(workTree: string, sha: string): Promise<Set<string>> {
  const options = { name: workTree, gitDir: path.join(workTree, '.git'), workTree };
  const answer = await git(['ls-tree', '-r', '-z', '--name-only', sha], options);
  return new Set(answer.split('\0').filter((name) => name !== ''));
}
