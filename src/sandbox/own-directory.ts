import { readdir, rm, rmdir, mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { readProcess } from './processes.js';

/** As root where no other user can put anything; also where mounts of ours belong. */
const PLACE = process.getuid?.() === 0 ? '/run' : tmpdir();
const NAME = /^codegenapp-(\d+)\.(\d+)$/;
/** In which everyone may go to what lies in it, without seeing what that is. */
const MODE = 0o711;

/** What this process keeps while it lives lies here, by a name that tells whether it still does. */
export function ownDirectory(): string {
  return join(PLACE, `codegenapp-${process.pid}.${readProcess(process.pid)?.startTime ?? 0}`);
}

let opened: Promise<string> | undefined;

/** Makes it, once, and takes away what is left of dead processes: theirs are otherwise taken away by the watchdog. */
export function openOwnDirectory(): Promise<string> {
  return (opened ??= open());
}

async function open(): Promise<string> {
  for (const name of await readdir(PLACE)) {
    const [, pid, startTime] = NAME.exec(name) ?? [];
    if (pid !== undefined && readProcess(Number(pid))?.startTime !== startTime)
      await clear(join(PLACE, name));
  }
  const own = ownDirectory();
  await mkdir(own, { mode: MODE, recursive: true });
  return own;
}

async function clear(directory: string): Promise<void> {
  for (const entry of await readdir(directory, { withFileTypes: true }).catch(() => [])) {
    const place = join(directory, entry.name);
    // Never what is in a directory: something may be mounted there.
    if (!entry.isDirectory()) await rm(place, { force: true });
    else {
      await execa('umount', ['-n', '-l', '--', place], { reject: false });
      await rmdir(place).catch(() => undefined);
    }
  }
  await rmdir(directory).catch(() => undefined);
}
