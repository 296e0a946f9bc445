import { readFileSync } from 'node:fs';
import { listProcesses } from '../../src/sandbox/processes.js';

/** Kills the processes through which this one starts programs, also those of other test files, which are idle. */
export function killSpawners(): void {
  for (const { pid, parent } of listProcesses())
    if (parent === process.pid && isSpawner(pid)) process.kill(pid, 'SIGKILL');
}

const isSpawner = (pid: number): boolean =>
  readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes('spawner-process.js');
