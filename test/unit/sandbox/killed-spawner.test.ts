import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bubblewrapSandbox } from '../../../src/sandbox/bubblewrap.js';
import { SandboxError } from '../../../src/sandbox/contract.js';
import { plainSandbox } from '../../../src/sandbox/plain.js';
import { untilGone } from '../../../src/sandbox/processes.js';
import { killSpawners } from '../../support/kill-spawners.js';
import {
  makeSandboxWorkspace,
  processesWith,
  type SandboxWorkspace,
} from '../../support/sandbox-workspace.js';

const toolchains = { directories: [], path: '/usr/bin:/bin', environment: {} };

(process.platform === 'linux' ? describe : describe.skip)(
  'where the process that starts programs is killed',
  () => {
    let place: SandboxWorkspace;
    beforeEach(async () => {
      place = await makeSandboxWorkspace();
    });
    afterEach(() => place.remove());

    const isRunning = () => untilGone('Nothing', () => processesWith(place.marker).length > 0);
    const isEmpty = () => untilGone('What was started', () => processesWith(place.marker).length === 0);

    it('a script of the plain sandbox was not ended by itself', async () => {
      const script = await plainSandbox({ toolchains }).start(place.command('sleep 1000'));
      killSpawners();
      await expect(script.exited).rejects.toThrow('The process that starts programs ended (SIGKILL).');
      await script.stop();
      await isEmpty();
    });

    it('nothing is left of a bubblewrap that had not tied its processes to each other yet', async () => {
      // As its child is for some milliseconds: it waits for bubblewrap, or is in a session of its own.
      const program = join(place.base, 'bwrap');
      await writeFile(
        program,
        `#!/bin/bash\nsetsid bash -c 'exec -a ${place.marker} sleep 1000' &\nexec sleep 1000\n`,
      );
      await chmod(program, 0o755);
      const features = { disableUserns: true, size: true };
      const bubblewrap = bubblewrapSandbox({ program, features, toolchains, privateDirectories: [] });
      const start = bubblewrap.start(place.command('true'));
      start.catch(() => undefined);
      await isRunning();
      killSpawners();
      await expect(start).rejects.toThrow(SandboxError);
      await isEmpty();
    });
  },
);
