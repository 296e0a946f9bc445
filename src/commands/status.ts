import { targetOf } from './contract.js';
import type { Command } from './contract.js';

export const status: Command = {
  name: 'status',
  usage: 'status',
  help: 'Says how the validation stands.',
  who: 'anyone',
  takes: 'nothing',
  run: (call, { actions }) => actions.status(targetOf(call)),
};
