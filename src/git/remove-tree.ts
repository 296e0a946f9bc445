import { execa } from 'execa';

/**
 * Removes a folder and all in it, following no link; one that isn't there is fine. Folders that forbid writing are
 * opened up first where that is needed. In a process of its own: a million files must not hold this one up.
 * Throws when something is left.
 */
export async function removeTree(folder: string): Promise<void> {
  const options = { stdin: 'ignore', stdout: 'ignore', reject: false, maxBuffer: 65_536 } as const;
  const first = await execa('rm', ['-rf', '--', folder], options);
  if (first.exitCode === 0) return;
  await execa('chmod', ['-R', 'u+rwX', '--', folder], options);
  await execa('rm', ['-rf', '--', folder], { ...options, reject: true });
}

/** What a folder takes on the disk, in bytes. */
export async function sizeOf(folder: string): Promise<number> {
  const { stdout } = await execa('du', ['-sk', '--', folder], { stdin: 'ignore', reject: false });
  return Number.parseInt(stdout, 10) * 1024 || 0;
}
