import { runCommand } from '../command.js';
import type { Stage } from '../stage.js';

export const setup: Stage = {
  name: 'setup',
  needs: ['clone'],
  async run(run) {
    const script = run.commands.setup;
    if (!script) return { conclusion: 'skipped', summary: 'No setup commands' };
    return runCommand(run, 'setup', script, { network: 'shared' });
  },
};
