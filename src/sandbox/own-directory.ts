import { lstat, mkdir, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { SandboxError } from './contract.js';
import { readProcess } from './processes.js';

const IS_ROOT = process.getuid?.() === 0;
/** As root where no other user can put anything; also where mounts of ours belong. */
const PLACE = IS_ROOT ? '/run' : tmpdir();
const NAME = /^codegenapp-(\d+)\.(\d+)$/;
/** The sandbox's user goes to what lies in it, without seeing what that is. */
const MODE = IS_ROOT ? 0o711 : 0o700;

/**
 * Bash that takes the directory $1 away, with what each part of us puts there. Never what is in a `tools-` directory:
 * something may be mounted there.
 */
export const CLEAR = `exec 2>/dev/null
rm -f "$1"/pipe-*
rm -rf "$1"/etc-*
for place in "$1"/tools-*; do umount -n -l "$place"; rmdir "$place"; done
rmdir "$1"`;
/** What can't be taken away stays for the next time. */
const CLEARING = { stdin: 'ignore', reject: false } as const;

/** What this process keeps while it lives lies here, by a name that tells whether it still does. */
export function ownDirectory(): string {
  return join(PLACE, `codegenapp-${process.pid}.${readProcess(process.pid)?.startTime ?? 0}`);
}

let cleared: Promise<void> | undefined;

/**
 * Makes it where it isn't there. First takes away what is left of dead processes, which otherwise the watchdog does.
 * @throws SandboxError where somebody else has put something in its place
 */
export async function openOwnDirectory(): Promise<string> {
  await (cleared ??= clearDead());
  const own = ownDirectory();
  await mkdir(own, { mode: MODE }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  if (!(await isOurs(own))) throw new SandboxError(`${own} belongs to another user: remove it`);
  return own;
}

/** In a directory that others write to, too, a name says nothing; a link could lead anywhere. */
async function isOurs(directory: string): Promise<boolean> {
  const stats = await lstat(directory);
  return stats.isDirectory() && stats.uid === process.getuid?.() && (stats.mode & 0o022) === 0;
}

async function clearDead(): Promise<void> {
  for (const name of await readdir(PLACE)) {
    const [, pid, startTime] = NAME.exec(name) ?? [];
    if (pid === undefined || readProcess(Number(pid))?.startTime === startTime) continue;
    const directory = join(PLACE, name);
    if (await isOurs(directory).catch(() => false))
      await execa('/bin/bash', ['-p', '-c', CLEAR, 'clear', directory], CLEARING);
  }
}
