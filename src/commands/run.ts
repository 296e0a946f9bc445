import type { CommandResult, Permission } from './contract.js';
import { executeCommand } from './execute.js';
import type { ExecuteDeps } from './execute.js';
import { unknownCommand } from './help.js';
import { MAX_COMMANDS_PER_COMMENT, parseCommands } from './parse.js';
import type { ParsedCommand } from './parse.js';
import { COMMANDS, findCommand } from './registry.js';

/** A comment as its webhook tells it. */
export interface CommentFacts {
  id: number;
  action: 'created' | 'edited' | 'deleted';
  body: string;
  author: { login: string; isBot: boolean };
  repository: string;
  /** Null where the comment is on an issue. */
  pullRequest: { number: number; author: string } | null;
}

/** GitHub's names of 👀, 🚀 and 😕. */
export type Reaction = 'eyes' | 'rocket' | 'confused';

export interface RunCommandsDeps extends ExecuteDeps {
  /** Puts a reaction on the comment; the same twice is one. Only a receipt: rejects where repeating may put it. */
  react: (reaction: Reaction) => Promise<void>;
  /** One line of markdown for who wrote the comment (the help is a table); the caller decides where. */
  reply(text: string, cause: string): Promise<void>;
  /** Whether this command of the comment was marked as handled before. */
  alreadyHandled(commentId: number, index: number): Promise<boolean>;
  markHandled(commentId: number, index: number): Promise<void>;
}

export interface CommandOutcome {
  index: number;
  name: string;
  outcome: 'done' | 'refused' | 'already_handled';
}

/**
 * Carries out the commands of a comment, one after another. Edits, deletions, bots and plain issues are ignored.
 * It is safe to run again for the same comment: what is marked as handled is passed over, and a command that was
 * cut off reaches its action once more with the same `cause`. Rejects with the first fault that is worth
 * repeating; what comes after that command is then not handled yet.
 */
export async function runCommands(comment: CommentFacts, deps: RunCommandsDeps): Promise<CommandOutcome[]> {
  const { pullRequest } = comment;
  if (comment.action !== 'created' || comment.author.isBot || !pullRequest) return [];
  const { commands, leftOut } = parseCommands(comment.body);
  if (commands.length === 0) return [];

  const outcomes: CommandOutcome[] = [];
  const permissionOf = asked(deps.permissionOf);
  const reacted = new Set<Reaction>();
  const react = async (reaction: Reaction) => {
    if (reacted.has(reaction)) return;
    reacted.add(reaction);
    await deps.react(reaction);
  };
  const handle = async (index: number, name: string, act: (cause: string) => Promise<CommandResult>) => {
    if (await deps.alreadyHandled(comment.id, index)) {
      outcomes.push({ index, name, outcome: 'already_handled' });
      return;
    }
    await react('eyes');
    const cause = `comment:${comment.id}:${index}`;
    const result = await act(cause);
    const text = result.done ? result.message : result.why;
    if (text) await deps.reply(text, cause);
    await react(result.done ? 'rocket' : 'confused');
    await deps.markHandled(comment.id, index);
    outcomes.push({ index, name, outcome: result.done ? 'done' : 'refused' });
  };

  for (const parsed of commands) {
    await handle(parsed.index, parsed.name, (cause) => {
      // `/codegen` alone asks what there is.
      const command = findCommand(parsed.name || 'help');
      if (!command) return Promise.resolve({ done: false, why: unknownCommand(parsed.name, COMMANDS) });
      const target = {
        repository: comment.repository,
        pullRequestNumber: pullRequest.number,
        pullRequestAuthor: pullRequest.author,
        actor: comment.author.login,
        cause,
      };
      return executeCommand(command, target, argumentOf(parsed, command.takes === 'text'), {
        actions: deps.actions,
        permissionOf,
      });
    });
  }
  if (leftOut > 0) {
    await handle(commands.length, '', () =>
      Promise.resolve({
        done: false,
        why: `Only the first ${MAX_COMMANDS_PER_COMMENT} commands of a comment are carried out; ${leftOut} more were not.`,
      }),
    );
  }
  return outcomes;
}

function argumentOf(parsed: ParsedCommand, overLines: boolean): string {
  return overLines ? `${parsed.argument}\n${parsed.following}`.trim() : parsed.argument;
}

/** Asks for a permission once in the course of one comment. */
function asked(permissionOf: (user: string) => Promise<Permission>): (user: string) => Promise<Permission> {
  let answer: Promise<Permission> | undefined;
  return (user) => (answer ??= permissionOf(user));
}
