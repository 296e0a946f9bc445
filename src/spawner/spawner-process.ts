/** The program of the spawner: starts what it is told to and tells what becomes of it. Ends with who started it. */
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { constants, setPriority } from 'node:os';
import { readProcess, sendSignal } from '../sandbox/processes.js';
import type { Program, Report, Request } from './protocol.js';

/** fcntl.h: Node does not name it. */
const O_CLOEXEC = 0o2000000;

const children = new Map<number, ChildProcess>();

/** A descriptor that this process was started with would be handed on to every program (Node opens none like that). */
function closeForeign(): void {
  if (process.platform !== 'linux') return;
  for (const fd of readdirSync('/proc/self/fdinfo'))
    try {
      const flags = /^flags:\s*(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1] ?? '0';
      if (Number(fd) > 2 && (Number.parseInt(flags, 8) & O_CLOEXEC) === 0) closeSync(Number(fd));
    } catch {
      // It was this reading itself.
    }
}

function tell(report: Report, socket?: Socket): void {
  // Who is gone needs to know nothing.
  if (process.connected) process.send!(report, socket, {}, () => undefined);
}

function start(id: number, program: Program): void {
  const { channels, maxSaidBytes, yields, lists = [] } = program;
  const child = spawnOn(program);
  child.on('error', (failed) => {
    if (child.pid === undefined) tell({ id, failed });
  });
  const { pid } = child;
  if (pid === undefined) return;
  // It is not reaped before the event loop turns.
  const entry = readProcess(pid);
  if (yields) yieldToOthers(pid);
  try {
    for (const list of lists) writeFileSync(list, String(pid));
  } catch (error) {
    // It may have ended already, and says why.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') {
      signal(child, 'SIGKILL');
      throw error;
    }
  }
  children.set(id, child);
  tell({ id, started: pid, entry });
  const heard = channels.map((channel, fd): Promise<void> => {
    const stream = child.stdio[fd] as Socket;
    if (channel === 'listen') return listen(stream, maxSaidBytes, (said) => tell({ id, fd, said }));
    if (channel === 'socket') tell({ id, socket: fd }, stream);
    else if (channel === 'later') feed(stream);
    else if (typeof channel === 'object' && 'content' in channel) feed(stream).end(channel.content);
    return Promise.resolve();
  });
  child.on('exit', (code, signal) => {
    // Until then what it has started may still have what is listened to, and is to be ended with it.
    void Promise.all(heard).then(() => {
      children.delete(id);
      tell({ id, ended: { code, signal } });
    });
  });
}

function spawnOn({ commandLine, environment, directory, user, channels }: Program): ChildProcess {
  const [file = '', ...args] = commandLine;
  const opened: number[] = [];
  const open = (path: string, flags: number) => {
    const fd = openSync(path, flags);
    opened.push(fd);
    return fd;
  };
  try {
    const stdio = channels.map((channel) => {
      if (channel === 'ignore') return channel;
      return typeof channel === 'object' && 'open' in channel ? open(channel.open, channel.flags) : 'pipe';
    });
    return spawn(file, args, { env: environment, cwd: directory, detached: true, ...user, stdio });
  } finally {
    for (const fd of opened) closeSync(fd);
  }
}

/** Resolves when the program, and whatever has its end of it, says no more. */
function listen(stream: Socket, maxBytes: number, hear: (said: Buffer) => void): Promise<void> {
  let left = maxBytes;
  stream.on('data', (chunk: Buffer) => {
    if (left > 0) hear(chunk.subarray(0, left));
    left -= chunk.length;
  });
  return new Promise((resolve) => stream.on('error', () => undefined).on('close', resolve));
}

/** A program that ends without reading is told by its end. */
const feed = (stream: Socket): Socket => stream.on('error', () => undefined).resume();

/** With all that it has started and that has not left its group. */
function signal({ pid }: ChildProcess, name: NodeJS.Signals): void {
  if (pid !== undefined) sendSignal(-pid, name);
}

function yieldToOthers(pid: number): void {
  try {
    setPriority(pid, constants.priority.PRIORITY_LOW);
  } catch {
    // It ended already.
  }
}

function obey(request: Request): void {
  const child = children.get(request.id);
  if ('start' in request) {
    try {
      start(request.id, request.start);
    } catch (failed) {
      tell({ id: request.id, failed: failed as Error });
    }
  } else if ('finish' in request) {
    (child?.stdio[request.finish] as Socket | undefined)?.end(request.content);
  } else if (child) signal(child, request.signal);
}

closeForeign();
// What a terminal or a service manager tells the whole group is for whom this serves to act upon.
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => undefined);
process.on('disconnect', () => process.exit(0));
process.on('message', obey);
