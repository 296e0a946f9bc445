import { targetOf } from './contract.js';
import type { Command } from './contract.js';

export const confirm: Command = {
  name: 'confirm',
  usage: 'confirm [changes to the plan]',
  help: 'Has the agent carry out its plan, with your changes to it.',
  who: 'write',
  takes: 'text',
  run: (call, { actions }) => actions.confirm({ ...targetOf(call), changes: call.text || null }),
};
