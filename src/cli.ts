#!/usr/bin/env node
import { messageOf, OperationalError } from './domain/errors.js';
import { commands } from './cli/index.js';

const [name = 'help', ...rest] = process.argv.slice(2);
const command = Object.hasOwn(commands, name) ? commands[name] : undefined;

try {
  if (command) process.exitCode = await command.run(rest);
  else {
    const asked = ['help', '--help', '-h'].includes(name);
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
  process.exitCode = 2;
}

function usage(): string {
  const lines = Object.entries(commands).map(
    ([key, { usage, says }]) => `  ${`${key} ${usage}`.trim()}\n      ${says}`,
  );
  return `Usage: codegenapp COMMAND\n\n${lines.join('\n')}`;
}
