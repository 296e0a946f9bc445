import { nearest } from '../domain/nearest.js';
import type { Command, Who } from './contract.js';

export const help: Command = {
  name: 'help',
  usage: 'help [command]',
  help: 'Lists the commands.',
  who: 'anyone',
  takes: 'word',
  run(call, { commands }) {
    if (call.text === '') return Promise.resolve({ done: true, message: helpText(commands) });
    const command = commands.find((one) => one.name === call.text.toLowerCase());
    return Promise.resolve(
      command
        ? { done: true, message: helpText([command]) }
        : { done: false, why: unknownCommand(call.text, commands) },
    );
  },
};

const WHO: Readonly<Record<Who, string>> = {
  write: 'write permission',
  author: 'write permission, or the author',
  anyone: 'anyone',
};

/** The commands as a markdown table: for the reply to `help`, and for the README. */
export function helpText(commands: readonly Command[]): string {
  const rows = commands.map(({ usage, help, flags, who }) => {
    const flagTexts = Object.entries(flags ?? {}).map(([flag, what]) => ` \`--${flag}\` ${what}.`);
    return `| \`/codegen ${usage}\` | ${help}${flagTexts.join('')} | ${WHO[who]} |`;
  });
  return ['| command | does | who |', '|---|---|---|', ...rows].join('\n');
}

/** A line for who wrote a command that there is not. The word is a stranger's, so it is echoed only when harmless. */
export function unknownCommand(word: string, commands: readonly Command[]): string {
  const said = /^[a-z0-9_-]{1,30}$/i.test(word) ? `\`${word}\`` : 'That';
  const near = nearest(
    word.slice(0, 30),
    commands.map((command) => command.name),
  );
  const hint = near === null ? '' : ` Did you mean \`/codegen ${near}\`?`;
  return `${said} is not a command.${hint} \`/codegen help\` lists them all.`;
}
