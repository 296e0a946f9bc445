/**
 * A command is one file: what it is called, what it takes, who may give it, and which action it asks for. The
 * actions themselves are a port, so that comments, buttons and tests share the commands.
 */

export type Permission = 'admin' | 'maintain' | 'write' | 'triage' | 'read' | 'none';

/** `write`: write permission or more. `author`: that, or the pull request's author. */
export type Who = 'write' | 'author' | 'anyone';

/** What a command is about and who gave it. */
export interface CommandTarget {
  /** `owner/name`. */
  repository: string;
  pullRequestNumber: number;
  /** The GitHub login of who asks. */
  actor: string;
  /**
   * Names this one request (e.g. `comment:123:0`), the same however often it is delivered: what an action stores
   * to see that it has been done.
   */
  cause: string;
}

export interface CommandCall extends CommandTarget {
  /** What was written after the name, flags taken out; over several lines where the command takes text. */
  text: string;
  flags: ReadonlySet<string>;
}

export type CommandResult = { done: true; message?: string } | { done: false; why: string };

/**
 * What commands can bring about. Called at least once for one `cause`: the second time an action changes nothing
 * and answers the same. `why` and `message` are markdown on one line. A fault of ours is thrown.
 */
export interface CommandActions {
  fix(request: CommandTarget & { instruction: string | null }): Promise<CommandResult>;
  retry(request: CommandTarget & { noCache: boolean }): Promise<CommandResult>;
  cancel(request: CommandTarget): Promise<CommandResult>;
  status(request: CommandTarget): Promise<CommandResult>;
  approve(request: CommandTarget): Promise<CommandResult>;
  confirm(request: CommandTarget & { changes: string | null }): Promise<CommandResult>;
  merge(request: CommandTarget): Promise<CommandResult>;
}

export interface Command {
  /** Lower case. */
  name: string;
  /** As it is written after `/codegen`, e.g. `fix [what to do]`. */
  usage: string;
  /** What it does, a sentence for the help. */
  help: string;
  who: Who;
  /** Text goes over the following lines up to a blank one; a word is the rest of the line. */
  takes: 'nothing' | 'word' | 'text';
  /** Flags with two dashes and what each does. */
  flags?: Readonly<Record<string, string>>;
  run(call: CommandCall, tools: CommandTools): Promise<CommandResult>;
}

export interface CommandTools {
  actions: CommandActions;
  /** Every command there is, for the one that explains them. */
  commands: readonly Command[];
}

/** The part of a call that says what it is about. */
export function targetOf({ repository, pullRequestNumber, actor, cause }: CommandCall): CommandTarget {
  return { repository, pullRequestNumber, actor, cause };
}
