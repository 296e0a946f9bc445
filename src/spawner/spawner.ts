/**
 * Programs are started through a small process of ours: starting one costs what the starting process is large (its
 * page tables are copied, and each page is copied again when it is next written to), and holds its event loop up.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { compiledModule } from '../compiled-module.js';
import { isReused, sendSignal, type ProcessEntry } from '../sandbox/processes.js';
import type { MountNamespace } from './mount-namespace.js';
import type { Program, ProgramEnd, Report, Request } from './protocol.js';

export interface Started {
  readonly pid: number;
  /** As /proc had it at the start. */
  readonly entry: ProcessEntry | undefined;
  /** When it has ended and nobody has a channel any more that is listened to. Never rejects. */
  readonly ended: Promise<ProgramEnd>;
  /** Of the one channel that was to have one. */
  readonly socket: Socket | undefined;
  /** Gives a channel that was left for later its content, and its end. */
  readonly finish: (fd: number, content: Uint8Array) => void;
  /** To it and all in its group. Nothing happens where it has ended. */
  readonly kill: (signal?: NodeJS.Signals) => void;
}

type Listener = (fd: number, said: Buffer) => void;

interface Running {
  listener: Listener;
  resolve: (started: Started) => void;
  reject: (error: Error) => void;
  end: (end: ProgramEnd) => void;
  ended: Promise<ProgramEnd>;
  /** Until the socket is there too. */
  begun?: { pid: number; entry: ProcessEntry | undefined };
  wantsSocket: boolean;
}

/** It takes 45 MB, which nobody needs on a quiet evening, and 60 ms to start. */
const IDLE_MS = 60_000;
/** Less to copy for each program. (Without a compiler there is no WebAssembly, and Node would warn of that.) */
const FLAGS = [
  '--jitless',
  '--no-expose-wasm',
  '--max-semi-space-size=1',
  '--max-old-space-size=64',
  '--no-warnings',
];

class Spawner {
  private readonly running = new Map<number, Running>();
  private readonly child: ChildProcess;
  private idle: NodeJS.Timeout | undefined;
  private nextId = 0;
  private idleMs = IDLE_MS;
  isOver = false;

  /**
   * @param within where it and all programs shall run
   * @param group list of the control group that it is put into, and so all programs of which nothing else is said
   */
  constructor(within: MountNamespace | undefined, group: string | null) {
    const [program = '', ...before] = [...(within?.enter ?? []), process.execPath];
    this.child = fork(compiledModule('spawner/spawner-process.js'), [], {
      // Nothing of the server's environment or flags, and no signal that is for its group; what breaks it is seen.
      env: {},
      execPath: program,
      execArgv: [...before, ...FLAGS],
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      detached: true,
    });
    this.join(group);
    this.child.on('message', (report, handle) => this.hear(report as Report, handle as Socket | undefined));
    this.child.on('error', (error) => this.over(error));
    this.child.on('exit', (code, signal) => {
      const error = new Error(`The process that starts programs ended (${signal ?? `exit code ${code}`}).`);
      this.isOver = true;
      // What it said last is still to be heard: which programs it had started.
      if (this.child.connected) this.child.once('disconnect', () => this.over(error));
      else this.over(error);
    });
    this.rest();
  }

  join(group: string | null): void {
    const { pid } = this.child;
    if (group === null || pid === undefined) return;
    try {
      writeFileSync(group, String(pid));
    } catch {
      // It has ended already, or somebody tidied up: then it competes with this process as if there were no groups.
    }
  }

  start(program: Program, listener: Listener): Promise<Started> {
    const id = this.nextId++;
    clearTimeout(this.idle);
    this.child.ref();
    this.child.channel?.ref();
    let end!: Running['end'];
    const ended = new Promise<ProgramEnd>((resolve) => (end = resolve));
    return new Promise((resolve, reject) => {
      const wantsSocket = program.channels.includes('socket');
      this.running.set(id, { listener, resolve, reject, end, ended, wantsSocket });
      this.tell({ id, start: program });
    });
  }

  /** Ends it when the programs that it has started have ended. */
  retire(): void {
    this.idleMs = 0;
    if (this.running.size === 0) this.rest();
  }

  private tell(request: Request): void {
    // That it is gone is told by its exit.
    if (this.child.connected) this.child.send(request, () => undefined);
  }

  private hear(report: Report, handle: Socket | undefined): void {
    const { id } = report;
    const program = this.running.get(id);
    if (!program) return;
    if ('said' in report) program.listener(report.fd, Buffer.from(report.said));
    else if ('failed' in report) {
      this.remove(id);
      program.reject(report.failed);
    } else if ('ended' in report) {
      this.remove(id);
      program.end(report.ended);
    } else {
      // It is written to only: that the program says nothing there is no end, and one that is over is told by that.
      if (handle) handle.on('error', () => undefined).allowHalfOpen = true;
      if ('started' in report) program.begun = { pid: report.started, entry: report.entry };
      if (program.begun && (!program.wantsSocket || handle))
        program.resolve(this.started(id, program.begun, program.ended, handle));
    }
  }

  private started(
    id: number,
    { pid, entry }: NonNullable<Running['begun']>,
    ended: Promise<ProgramEnd>,
    socket: Socket | undefined,
  ): Started {
    return {
      ...{ pid, entry, ended, socket },
      finish: (fd, content) => this.tell({ id, finish: fd, content }),
      kill: (signal = 'SIGKILL') => this.tell({ id, signal }),
    };
  }

  private remove(id: number): void {
    this.running.delete(id);
    if (this.running.size === 0) this.rest();
  }

  /** Keeps nobody alive who has nothing else to do. */
  private rest(): void {
    this.child.unref();
    this.child.channel?.unref();
    clearTimeout(this.idle);
    this.idle = setTimeout(() => {
      this.isOver = true;
      if (this.child.connected) this.child.disconnect();
    }, this.idleMs).unref();
  }

  /** Nobody will learn how a program ends that goes on, so it is ended, before somebody tries again what it does. */
  private over(error: Error): void {
    this.isOver = true;
    clearTimeout(this.idle);
    for (const { begun, reject, end } of this.running.values()) {
      // The first of them may be gone, and what it had started not.
      if (begun && !isReused(begun.pid, begun.entry?.startTime)) sendSignal(-begun.pid, 'SIGKILL');
      reject(error);
      end({ code: null, signal: null, error });
    }
    this.running.clear();
  }
}

let spawner: Spawner | undefined;
let namespace: MountNamespace | undefined;
let group: string | null = null;

/** All programs that are started from now on run in this namespace; undefined: where this process does. */
export function startWithin(wanted: MountNamespace | undefined): void {
  namespace = wanted;
  spawner?.retire();
  spawner = undefined;
}

/** All programs that are started from now on are put into the control group with this list, but those with lists. */
export function startInGroup(list: string | null): void {
  group = list;
  spawner?.join(group);
}

/** The path by which this process finds what programs find at an absolute path, also where they are elsewhere. */
export const seenByPrograms = (path: string): string => namespace?.seen(path) ?? path;

/** The file that lists what is mounted where programs run. */
export const mountTable = (): string => namespace?.mountTable ?? '/proc/self/mountinfo';

/** To be called when programs will be started soon: the spawner starts meanwhile. */
export function prepareToStart(): void {
  if (!spawner || spawner.isOver) spawner = new Spawner(namespace, group);
}

/**
 * @param listener called with what the program writes to channels that are listened to
 * @throws what spawn(2) answered, or an OperationalError
 */
export async function startProgram(program: Program, listener: Listener = () => undefined): Promise<Started> {
  prepareToStart();
  return spawner!.start(program, listener);
}
