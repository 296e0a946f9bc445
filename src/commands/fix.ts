import { targetOf } from './contract.js';
import type { Command } from './contract.js';

export const fix: Command = {
  name: 'fix',
  usage: 'fix [what to do]',
  help: 'Asks the Codegen agent to fix what failed; what you add is passed on to it.',
  who: 'write',
  takes: 'text',
  run: (call, { actions }) => actions.fix({ ...targetOf(call), instruction: call.text || null }),
};
