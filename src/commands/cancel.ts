import { targetOf } from './contract.js';
import type { Command } from './contract.js';

export const cancel: Command = {
  name: 'cancel',
  usage: 'cancel',
  help: 'Stops the running validation, or refuses the plan that waits.',
  who: 'write',
  takes: 'nothing',
  run: (call, { actions }) => actions.cancel(targetOf(call)),
};
