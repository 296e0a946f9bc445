import { targetOf } from './contract.js';
import type { Command } from './contract.js';

export const merge: Command = {
  name: 'merge',
  usage: 'merge',
  help: 'Merges the pull request at the commit that passed.',
  who: 'write',
  takes: 'nothing',
  run: (call, { actions }) => actions.merge(targetOf(call)),
};
