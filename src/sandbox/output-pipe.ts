import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { chown } from 'node:fs/promises';
import { Socket, type ConnectOpts, type SocketConstructorOpts } from 'node:net';
import { constants as os, setPriority } from 'node:os';
import { join } from 'node:path';
import { messageOf } from '../domain/errors.js';
import { runSystem } from '../spawner/system.js';
import { SandboxError } from './contract.js';
import { openOutputFile } from './output-file.js';
import { openOwnDirectory } from './own-directory.js';
import { sandboxUser } from './user.js';

/** What a script writes to. */
export interface OutputPipe {
  /** To be opened as the script's stdout. */
  readonly path: string;
  /** The script, or nobody, has it open now. */
  handedOn(): void;
  /** Settles when nobody can write any more, and all is in the file. */
  readonly written: Promise<void>;
}

const { O_RDONLY, O_WRONLY, O_NONBLOCK } = constants;
/** Of what a script writes this much is taken through this process; of more, a `cat` takes the rest. */
const OURS_BYTES = 256 * 1024;
const CHUNK_BYTES = 64 * 1024;
const MADE_AT_ONCE = 8;

/** Named pipes that are used again, since each costs a process to make. */
const free: string[] = [];
let making: Promise<void> | undefined;

/**
 * A pipe into a file. `> /dev/stderr` and `tee /dev/stdout` open the output anew, and on the file itself would empty
 * it; like this a script can't touch what it has written. (Nor is it a socket, as Node's own pipes are: those can't
 * be opened at all.) Most scripts write little, for which a process of its own would be the larger part of the cost.
 */
export async function openOutputPipe(path: string): Promise<OutputPipe> {
  const { pipe, source } = await openFree();
  const opened = [source];
  try {
    const end = openSync(pipe, O_WRONLY);
    opened.push(end);
    const file = openOutputFile(path);
    let isOpen = true;
    const handedOn = () => {
      if (isOpen) closeSync(end);
      isOpen = false;
    };
    const written = take(source, file, pipe)
      .then((isClear) => {
        if (isClear) free.push(pipe);
      })
      .finally(() => closeSync(file));
    written.catch(() => undefined);
    return { path: pipe, handedOn, written };
  } catch (error) {
    for (const descriptor of opened) closeSync(descriptor);
    throw error;
  }
}

/** Whoever tidies up temporary files may have removed some. */
async function openFree(): Promise<{ pipe: string; source: number }> {
  for (;;) {
    while (free.length === 0) await (making ??= make().finally(() => (making = undefined)));
    const pipe = free.pop()!;
    try {
      return { pipe, source: openSync(pipe, O_RDONLY | O_NONBLOCK) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
}

async function make(): Promise<void> {
  const directory = await openOwnDirectory();
  const made = Array.from({ length: MADE_AT_ONCE }, () => join(directory, `pipe-${randomUUID()}`));
  await runSystem(['mkfifo', '-m', '600', '--', ...made]);
  const user = sandboxUser();
  if (user) for (const pipe of made) await chown(pipe, user.uid, user.gid);
  free.push(...made);
}

/**
 * @returns whether all was read to its end, so that nothing of it can come out where the pipe is used again
 * @throws SandboxError where the script lost what it writes to through no fault of its own
 */
function take(source: number, file: number, pipe: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    let bytes = 0;
    let isBroken = false;
    let failure: unknown;
    let rest: Promise<boolean> | undefined;
    const options: SocketConstructorOpts & ConnectOpts = {
      fd: source,
      writable: false,
      onread: {
        buffer: Buffer.allocUnsafe(CHUNK_BYTES),
        callback: (length, chunk) => {
          try {
            writeWhole(file, chunk.subarray(0, length));
            bytes += length;
            if (bytes >= OURS_BYTES) rest = takeRest(pipe, file);
          } catch (error) {
            isBroken = true;
            // A full disk ends the script, by SIGPIPE, as it ends `cat`; the watch says why.
            if (!/^(ENOSPC|EDQUOT|EFBIG)$/.test(String((error as NodeJS.ErrnoException).code)))
              failure = error;
          }
          if (rest || isBroken) socket.destroy();
          return !rest && !isBroken;
        },
      },
    };
    const socket = new Socket(options);
    socket.on('error', (error) => {
      isBroken = true;
      failure ??= error;
    });
    socket.on('close', () =>
      failure === undefined ? resolve(rest ?? !isBroken) : reject(notWritten(failure)),
    );
  });
}

function takeRest(pipe: string, file: number): Promise<boolean> {
  // Opened to read, it would wait for a writer, and there may be none any more.
  const writer = openSync(pipe, O_WRONLY | O_NONBLOCK);
  const source = openSync(pipe, O_RDONLY);
  try {
    const cat = spawn('/bin/cat', [], { stdio: [source, file, 'ignore'], env: {}, cwd: '/', detached: true });
    if (cat.pid !== undefined) yieldToScript(cat.pid);
    return new Promise((resolve, reject) => {
      cat.on('error', (error) => reject(notWritten(error)));
      cat.on('exit', (code) => resolve(code === 0));
    });
  } finally {
    closeSync(source);
    closeSync(writer);
  }
}

/**
 * What reads is not in the script's control group, so it is worth ten times as much: by each line that is written it
 * would take the processor from who writes it, which made 1 GB last half as long again. One of the batch policy takes
 * it from nobody, and so finds the pipe full.
 */
function yieldToScript(reader: number): void {
  setPriority(reader, os.priority.PRIORITY_LOW);
  // Without it all is as it was, only slower.
  runSystem(['chrt', '-b', '-p', '0', String(reader)]).catch(() => undefined);
}

const notWritten = (error: unknown): SandboxError =>
  new SandboxError(`The output of a script can't be written: ${messageOf(error)}`, { cause: error });

function writeWhole(file: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length;) done += writeSync(file, bytes, done);
}
