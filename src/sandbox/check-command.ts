import { statSync, type Stats } from 'node:fs';
import { isAbsolute } from 'node:path';
import { messageOf } from '../domain/errors.js';
import { SandboxError, type SandboxCommand } from './contract.js';

/** Linux: MAX_ARG_STRLEN, the longest single argument or variable of a program, execve(2). */
const MAX_ARGUMENT_BYTES = 128 * 1024;

/**
 * Refuses what no backend can start, or what would mean something else to one of them.
 * @throws SandboxError naming what is wrong
 */
export function checkCommand(command: SandboxCommand): void {
  for (const name of ['workspace', 'home', 'output'] as const) {
    const path = command[name];
    if (path !== undefined && (!isAbsolute(path) || path.includes('\0'))) {
      throw new SandboxError(`The ${name} of a script must be an absolute path, not "${path}".`);
    }
  }
  for (const name of ['workspace', 'home'] as const) {
    const path = command[name];
    if (path === undefined) continue;
    let stats: Stats;
    try {
      stats = statSync(path);
    } catch (error) {
      throw new SandboxError(`The ${name} of a script can't be used: ${messageOf(error)}`, { cause: error });
    }
    if (!stats.isDirectory()) throw new SandboxError(`The ${name} of a script is no directory: ${path}`);
  }
  checkText('The script', command.script);
  for (const [name, value] of Object.entries(command.environment)) {
    if (!/^[^=\0]+$/.test(name)) {
      throw new SandboxError(`"${name}" can't be the name of a variable.`);
    }
    checkText(`The variable ${name}`, `${name}=${value}`);
  }
}

function checkText(what: string, text: string): void {
  if (text.includes('\0')) throw new SandboxError(`${what} contains a NUL character.`);
  if (Buffer.byteLength(text) >= MAX_ARGUMENT_BYTES) {
    throw new SandboxError(`${what} is longer than ${MAX_ARGUMENT_BYTES / 1024} KiB.`);
  }
}
