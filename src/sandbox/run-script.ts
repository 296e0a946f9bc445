import { addAbortListener } from 'node:events';
import type { Sandbox, SandboxCommand, SandboxProcess, ScriptExit } from './contract.js';
import { DEFAULT_WATCH_LIMITS, watchLimits, type Breach, type WatchLimits } from './watch.js';

export interface RunScriptOptions extends Partial<WatchLimits> {
  sandbox: Sandbox;
  command: SandboxCommand;
  timeoutMs?: number;
  signal?: AbortSignal;
}

/** `aborted`: by the signal; a limit: see WatchLimits. */
export type ScriptOutcome = 'exited' | 'timed_out' | 'aborted' | Breach;

export interface ScriptResult extends ScriptExit {
  outcome: ScriptOutcome;
  durationMs: number;
  /** What this script added to the output file. */
  outputBytes: number;
}

/**
 * Runs a script to its end, or ends it: at a timeout, a limit or the signal. No process of it is left then.
 * @throws SandboxError when the sandbox, not the script, failed
 */
export async function runScript(options: RunScriptOptions): Promise<ScriptResult> {
  if (options.signal?.aborted) {
    return { outcome: 'aborted', code: null, signal: null, durationMs: 0, outputBytes: 0 };
  }
  const run = await startScript({ ...options, command: { ...options.command, keepAlive: false } });
  return await run.ended;
}

export interface Preview {
  /** Settles when the script itself ended; what it left running lives on. As `ended` when it was ended. */
  readonly exited: Promise<ScriptExit>;
  /** Settles when nothing of it is left: after `stop` (`aborted`), the signal, a timeout or a limit. */
  readonly ended: Promise<ScriptResult>;
  /** Ends all of it. Safe to call twice. */
  stop(): Promise<ScriptResult>;
}

/**
 * Starts a script whose processes live on after it, watched until the end by the same limits.
 * @throws SandboxError when the sandbox could not be started (`ended` rejects with it when it breaks later); the
 *   signal's reason when it was aborted before
 */
export async function startPreview(options: RunScriptOptions): Promise<Preview> {
  return await startScript({ ...options, command: { ...options.command, keepAlive: true } });
}

async function startScript(options: RunScriptOptions): Promise<Preview> {
  const { sandbox, command, timeoutMs, signal } = options;
  const start = performance.now();
  signal?.throwIfAborted();

  const directories = [command.workspace, ...(command.home === undefined ? [] : [command.home])];
  const watch = await watchLimits(command.output, directories, withDefaults(options), command.group);
  let script: SandboxProcess;
  try {
    script = await sandbox.start(command);
  } catch (error) {
    watch.close();
    throw error;
  }

  let end: (outcome: ScriptOutcome) => void = () => undefined;
  const outcome = new Promise<ScriptOutcome>((resolve, reject) => {
    end = resolve;
    watch.breach.then(resolve, reject);
    // What the kernel ended may have ended the script, or the sandbox itself, before the watch looked.
    const orOutOfMemory = (otherwise: () => void) =>
      watch.isOutOfMemory() ? resolve('memory_limit') : otherwise();
    script.exited.then(
      () => orOutOfMemory(() => (command.keepAlive ? undefined : resolve('exited'))),
      (error: Error) => orOutOfMemory(() => reject(error)),
    );
  });
  const timer = timeoutMs === undefined ? undefined : setTimeout(() => end('timed_out'), timeoutMs);
  const listener = signal && addAbortListener(signal, () => end('aborted'));

  const finish = async (): Promise<ScriptResult> => {
    try {
      const reason = await outcome;
      const durationMs = performance.now() - start;
      await script.stop();
      return {
        outcome: reason,
        ...(await exitOf(script, reason)),
        durationMs,
        outputBytes: watch.outputBytes(),
      };
    } finally {
      clearTimeout(timer);
      listener?.[Symbol.dispose]();
      watch.close();
      await script.stop();
    }
  };
  const ended = finish();
  // Whoever only waits for `exited` must not be ended by it.
  ended.catch(() => undefined);
  return {
    exited: script.exited,
    ended,
    stop: () => {
      end('aborted');
      return ended;
    },
  };
}

async function exitOf(script: SandboxProcess, outcome: ScriptOutcome): Promise<ScriptExit> {
  const ended: ScriptExit = { code: null, signal: 'SIGKILL' };
  return outcome === 'memory_limit' ? await script.exited.catch(() => ended) : await script.exited;
}

function withDefaults(options: Partial<WatchLimits>): WatchLimits {
  const { maxOutputBytes, maxWorkspaceBytes, maxWorkspaceFiles, minFreeBytes, pollMs } = DEFAULT_WATCH_LIMITS;
  return {
    maxOutputBytes: options.maxOutputBytes ?? maxOutputBytes,
    maxWorkspaceBytes: options.maxWorkspaceBytes ?? maxWorkspaceBytes,
    maxWorkspaceFiles: options.maxWorkspaceFiles ?? maxWorkspaceFiles,
    minFreeBytes: options.minFreeBytes ?? minFreeBytes,
    pollMs: options.pollMs ?? pollMs,
  };
}
