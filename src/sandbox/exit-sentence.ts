import type { SandboxLimits } from './contract.js';
import { DEFAULT_SANDBOX_LIMITS } from './contract.js';
import { signalOf } from './exit-code.js';
import { readableSize } from './output.js';
import type { ScriptResult } from './run-script.js';
import { DEFAULT_WATCH_LIMITS, type WatchLimits } from './watch.js';

export interface ExitFacts {
  /** The script that ran. */
  script: string;
  result: Pick<ScriptResult, 'outcome' | 'code' | 'durationMs'>;
  /** The end of its output as plain text, to tell which command was missing or why it died. */
  logTail?: string;
  timeoutMs?: number;
  /** The setting that `timeoutMs` comes from. */
  timeoutSetting?: string;
  limits?: Partial<WatchLimits & SandboxLimits> | undefined;
  /** What all processes of the pipeline may use together, where that is held. */
  totalMemoryBytes?: number | undefined;
}

/** How a script ended, in one sentence for the author of the pull request. */
export function exitSentence(facts: ExitFacts): string {
  const { result, timeoutMs = result.durationMs, timeoutSetting } = facts;
  const limits = { ...DEFAULT_WATCH_LIMITS, ...DEFAULT_SANDBOX_LIMITS, ...facts.limits };
  const name = commandName(facts.script);
  const after = `after ${readableDuration(result.durationMs)}`;
  switch (result.outcome) {
    case 'timed_out': {
      const setting = timeoutSetting === undefined ? '' : ` (${timeoutSetting})`;
      return `${name} was ended because it ran longer than ${readableDuration(timeoutMs)}${setting}.`;
    }
    case 'aborted':
      return `${name} was ended ${after} because the pipeline was cancelled.`;
    case 'output_limit':
      return `${name} was ended ${after} because it wrote more than ${readableSize(limits.maxOutputBytes)} of output.`;
    case 'workspace_limit':
      return (
        `${name} was ended ${after} because its files grew beyond ${readableSize(limits.maxWorkspaceBytes)} or ` +
        `${limits.maxWorkspaceFiles.toLocaleString('en')} in number, or lie too deep (paths of over 4,000 characters).`
      );
    case 'disk_full':
      return `${name} was ended ${after} because less than ${readableSize(limits.minFreeBytes)} of disk were left.`;
    case 'memory_limit': {
      const total = facts.totalMemoryBytes === undefined ? 'they may' : readableSize(facts.totalMemoryBytes);
      return `${name} was ended ${after} because the processes of this validation used more than ${total} of memory altogether.`;
    }
    case 'exited':
      return exited(name, after, result.code, facts.logTail ?? '', limits);
  }
}

function exited(
  name: string,
  after: string,
  code: number | null,
  logTail: string,
  limits: SandboxLimits,
): string {
  if (code === 0) return `${name} succeeded ${after}.`;
  if (code === null) return `${name} was ended ${after}.`;
  const ended = `${name} ended with exit code ${code} ${after}`;
  const memory = readableSize(limits.memoryBytes);
  if (/JavaScript heap out of memory/.test(logTail)) {
    return `${ended}: Node.js ran out of memory (a process may use ${memory}; see --max-old-space-size).`;
  }
  if (code === 127) return `${ended}: ${missingCommand(logTail)}`;
  if (code === 126) return `${ended}: ${unusableCommand(logTail)}`;
  const meanings: Partial<Record<NodeJS.Signals, string>> = {
    SIGABRT: 'it aborted (SIGABRT), as a failed assertion does',
    SIGBUS: 'it crashed (SIGBUS), perhaps because the private /tmp or /dev/shm was full',
    SIGFPE: 'it crashed on an arithmetic error (SIGFPE)',
    SIGILL: 'it crashed on an instruction that this processor does not have (SIGILL)',
    SIGINT: 'it was interrupted (SIGINT)',
    SIGKILL: `it was killed (SIGKILL), probably because memory ran out (a process may use ${memory})`,
    SIGPIPE: 'a command wrote to a pipe that nobody read any more (SIGPIPE)',
    SIGSEGV: 'it crashed (SIGSEGV, a segmentation fault)',
    SIGTERM: 'it was terminated (SIGTERM)',
    SIGXFSZ: `a file grew beyond ${readableSize(limits.fileBytes)} (SIGXFSZ)`,
  };
  const signal = signalOf(code);
  if (signal === null) return `${ended}.`;
  return `${ended}: ${meanings[signal] ?? `it was ended by the signal ${signal}`}.`;
}

/** The shells' messages: bash `bash: line 3: foo: command not found`, dash (npm) `sh: 1: foo: not found`. */
function missingCommand(logTail: string): string {
  const match = lastMatch(logTail, /(?:line )?(\d{1,9}): ([^\s:]{1,100}): (?:command )?not found$/gm);
  if (!match) return 'a command was not found.';
  const line = /line /.test(match[0]) ? ` (line ${match[1]})` : '';
  return `the command ${quoted(match[2] ?? '')} was not found${line}.`;
}

function unusableCommand(logTail: string): string {
  const match = lastMatch(
    logTail,
    /\d: ([^\s:]{1,200}): (Permission denied|Is a directory|[\w ]*[Ee]xec format error)$/gm,
  );
  if (!match) return 'a command was found but could not be run.';
  const why =
    match[2] === 'Permission denied' ? 'it is not executable (git update-index --chmod=+x)' : match[2];
  return `${quoted(match[1] ?? '')} could not be run: ${why}.`;
}

function lastMatch(text: string, pattern: RegExp): RegExpExecArray | undefined {
  return [...text.matchAll(pattern)].at(-1);
}

const MAX_NAME_LENGTH = 60;

/** What a script is called: its first command in backticks, and that there are more. */
function commandName(script: string): string {
  const lines = script.split('\n').map((line) => line.trim());
  const commands = lines.filter((line) => line !== '' && !line.startsWith('#'));
  const [first] = commands;
  if (first === undefined) return 'The script';
  const isWhole = commands.length <= 1 && first.length <= MAX_NAME_LENGTH;
  return isWhole ? quoted(first) : `${quoted(`${first.slice(0, MAX_NAME_LENGTH)}…`)}`;
}

/** As Markdown code; a backtick within would end it. */
function quoted(text: string): string {
  return `\`${text.replaceAll('`', "'")}\``;
}

/** `0.4 s`, `12 s`, `10 min`, `1 min 30 s`, `1 h 5 min`. */
function readableDuration(ms: number): string {
  if (ms < 9950) return `${(ms / 1000).toFixed(1).replace(/\.0$/, '')} s`;
  const seconds = Math.round(ms / 1000);
  const parts =
    seconds < 3600
      ? [`${Math.floor(seconds / 60)} min`, `${seconds % 60} s`]
      : [`${Math.floor(seconds / 3600)} h`, `${Math.floor((seconds % 3600) / 60)} min`];
  return parts.filter((part) => !part.startsWith('0 ')).join(' ');
}
