import { targetOf } from './contract.js';
import type { Command } from './contract.js';

export const retry: Command = {
  name: 'retry',
  usage: 'retry [--no-cache]',
  help: 'Validates the current head again.',
  who: 'author',
  takes: 'nothing',
  flags: { 'no-cache': 'sets up from scratch' },
  run: (call, { actions }) => actions.retry({ ...targetOf(call), noCache: call.flags.has('no-cache') }),
};
