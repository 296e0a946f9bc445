#!/usr/bin/env node
import { messageOf, OperationalError } from './domain/errors.js';
import { commands, type CliCommand } from './cli/index.js';

// Whoever read our output has gone, as `head` does: ended as the signal of that would end it, which Node ignores; a
// validation and a server clean up first.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.kill(process.pid, 'SIGTERM');
});

const [name = 'help', ...rest] = process.argv.slice(2);
const command = Object.hasOwn(commands, name) ? commands[name] : undefined;

try {
  const unknown = rest.filter((argument) => command?.takes && !command.takes.includes(argument));
  if (command && rest.some(isHelp)) console.log(`Usage: codegenapp COMMAND\n\n${describe(name, command)}`);
  // A mistyped option must not do the opposite of what was meant.
  else if (command && unknown.length > 0) {
    console.error(`codegenapp ${name} does not take ${unknown.join(', ')}.\n\n${describe(name, command)}`);
    process.exitCode = 2;
  } else if (command) process.exitCode = await command.run(rest);
  else {
    const asked = name === 'help' || isHelp(name);
    (asked ? console.log : console.error)(
      asked ? usage() : `codegenapp has no command "${name}".\n\n${usage()}`,
    );
    process.exitCode = asked ? 0 : 2;
  }
} catch (error) {
  console.error(messageOf(error));
  if (error instanceof OperationalError) {
    if (error.advice) console.error(error.advice);
  } else if (process.env['DEBUG'] === 'true') console.error(error);
  // Whatever was begun may have sockets and threads that would keep this process.
  process.exit(2);
}

function isHelp(argument: string): boolean {
  return argument === '--help' || argument === '-h';
}

function describe(key: string, { usage, says }: CliCommand): string {
  return `  ${`${key} ${usage}`.trim()}\n      ${says}`;
}

function usage(): string {
  const lines = Object.entries(commands).map(([key, command]) => describe(key, command));
  return `Usage: codegenapp COMMAND\n\n${lines.join('\n')}`;
}
