import { OperationalError } from '../domain/errors.js';
import { nearest } from '../domain/nearest.js';
import type { Command, CommandActions, CommandResult, CommandTarget, Permission } from './contract.js';
import { COMMANDS } from './registry.js';

export interface ExecuteDeps {
  actions: CommandActions;
  /** The user's permission in the repository, from GitHub at this moment. */
  permissionOf: (user: string) => Promise<Permission>;
}

/**
 * Carries out one command, for a comment or a button: reads what was written after its name, asks for permission,
 * asks for the action. Refusals, and faults that repeating would not mend, come back as `done: false`; other
 * faults are thrown.
 */
export async function executeCommand(
  command: Command,
  target: CommandTarget & { pullRequestAuthor: string },
  argument: string,
  { actions, permissionOf }: ExecuteDeps,
): Promise<CommandResult> {
  const read = readArgument(command, argument);
  if ('why' in read) return { done: false, why: read.why };
  const { repository, pullRequestNumber, actor, cause, pullRequestAuthor } = target;
  const refusal = await refusalFor(command, actor, pullRequestAuthor, permissionOf);
  if (refusal !== null) return { done: false, why: refusal };
  try {
    const call = { repository, pullRequestNumber, actor, cause, ...read };
    return await command.run(call, { actions, commands: COMMANDS });
  } catch (error) {
    if (error instanceof OperationalError && !error.retryable) return { done: false, why: error.message };
    throw error;
  }
}

async function refusalFor(
  { name, who }: Command,
  actor: string,
  author: string,
  permissionOf: ExecuteDeps['permissionOf'],
): Promise<string | null> {
  if (who === 'anyone') return null;
  if (who === 'author' && actor.toLowerCase() === author.toLowerCase()) return null;
  const permission = await permissionOf(actor);
  if (permission === 'admin' || permission === 'maintain' || permission === 'write') return null;
  return who === 'author'
    ? `\`${name}\` is for the author of the pull request and for who has write permission.`
    : `\`${name}\` needs write permission in this repository.`;
}

/**
 * Flags are read only where the command has some, so that text may contain dashes. A command that takes nothing
 * refuses words after it rather than guess: `merge tomorrow` must not merge now.
 */
function readArgument(
  command: Command,
  argument: string,
): { text: string; flags: ReadonlySet<string> } | { why: string } {
  const known = Object.keys(command.flags ?? {});
  const flags = new Set<string>();
  let text = argument.trim();
  if (known.length > 0) {
    const words = text.split(/\s+/).filter(Boolean);
    for (const word of words.filter((one) => one.startsWith('--'))) {
      const flag = word.slice(2).toLowerCase();
      if (!known.includes(flag)) {
        const near = nearest(flag.slice(0, 30), known);
        const hint = near === null ? '' : ` Did you mean \`--${near}\`?`;
        return { why: `\`${command.name}\` does not have that flag.${hint}` };
      }
      flags.add(flag);
    }
    text = words.filter((one) => !one.startsWith('--')).join(' ');
  }
  if (command.takes === 'nothing' && text !== '') {
    return {
      why: `\`${command.name}\` takes no further words, so nothing was done: write \`/codegen ${command.usage}\` alone on its line.`,
    };
  }
  return { text, flags };
}
