import { targetOf } from './contract.js';
import type { Command } from './contract.js';

export const approve: Command = {
  name: 'approve',
  usage: 'approve',
  help: 'Lets the validation of a pull request from a fork run.',
  who: 'write',
  takes: 'nothing',
  run: (call, { actions }) => actions.approve(targetOf(call)),
};
