/** What this process and the spawner say to each other. */
import type { ProcessEntry } from '../sandbox/processes.js';

/**
 * What a program has on one of its descriptors: nothing; what it writes is told; what it reads comes later, or by a
 * socket that we get; it reads this; a file, opened for it.
 */
export type Channel =
  'ignore' | 'listen' | 'later' | 'socket' | { content: Uint8Array } | { open: string; flags: number };

export interface Program {
  commandLine: string[];
  /** All of it. */
  environment: Record<string, string>;
  directory: string;
  user?: { uid: number; gid: number } | undefined;
  /** By descriptor, from 0 without gaps. */
  channels: Channel[];
  /** Of what it writes to a channel that is listened to, no more than this is told; the rest is let go. */
  maxSaidBytes: number;
  /** It gets the processor when nobody else wants it. */
  yields?: boolean;
  /** Where its number is written before it can read any content: see ProcessGroup. */
  lists?: readonly string[] | undefined;
}

export type Request = { id: number } & (
  { start: Program } | { finish: number; content: Uint8Array } | { signal: NodeJS.Signals }
);

export interface ProgramEnd {
  code: number | null;
  signal: NodeJS.Signals | null;
  /** Of ours, where nobody knows how it ended. */
  error?: Error;
}

/** A report with a socket has it as its handle. */
export type Report = { id: number } & (
  | { started: number; entry: ProcessEntry | undefined }
  | { failed: Error }
  | { fd: number; said: Uint8Array }
  | { socket: number }
  | { ended: ProgramEnd }
);
