// Not execa: the child must outlive us by a moment, hold nothing of ours open and never be waited for.
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import { CLEAR, ownDirectory } from './own-directory.js';

/** The variable by which the processes of a sandbox are known from outside, whatever session they are in. */
export const MARK = 'CODEGENAPP_SANDBOX';

/** Three times: a process has no environment for a moment while it becomes another program. */
const PROGRAM = `
cat >/dev/null
for round in 1 2 3; do
  while pids=$(grep -lsz "^$1" /proc/[0-9]*/environ | cut -d / -f 3); [ -n "$pids" ]; do
    kill -9 $pids 2>/dev/null
  done
  sleep 0.1
done
shift
${CLEAR}`;

const instance = randomUUID();
let count = 0;
let isWatched = false;

/**
 * A new value of MARK. Every process started with it ends when this process is gone, even by SIGKILL: a small
 * shell, whose stdin is a pipe from us, ends them then, until none is left, and takes away our own
 * directory. On Linux; elsewhere nothing does.
 */
export function newMark(): string {
  if (!isWatched && process.platform === 'linux') startWatchdog();
  return `${instance}.${++count}`;
}

function startWatchdog(): void {
  isWatched = true;
  // A pipe of Node is a socket, and with one for its stdin bash takes itself for a remote shell and reads ~/.bashrc,
  // with -p too (bash(1), INVOCATION).
  const args = ['--norc', '-p', '-c', PROGRAM, 'watchdog', `${MARK}=${instance}.`, ownDirectory()];
  const child = spawn('/bin/bash', args, {
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
    cwd: '/',
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  child.on('error', () => (isWatched = false));
  child.on('exit', () => (isWatched = false));
  child.stdin.on('error', () => undefined);
  child.unref();
  (child.stdin as Socket).unref();
}
