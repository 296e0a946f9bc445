import { approve } from './approve.js';
import { cancel } from './cancel.js';
import { confirm } from './confirm.js';
import type { Command } from './contract.js';
import { fix } from './fix.js';
import { help } from './help.js';
import { merge } from './merge.js';
import { retry } from './retry.js';
import { status } from './status.js';

/** Every command, in the order in which the help lists them. */
export const COMMANDS: readonly Command[] = [fix, retry, cancel, status, approve, confirm, merge, help];

/** The command of this name, in any case; undefined if there is none. */
export function findCommand(name: string): Command | undefined {
  return COMMANDS.find((command) => command.name === name.toLowerCase());
}
