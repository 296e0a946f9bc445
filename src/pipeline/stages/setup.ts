import { appendFile } from 'node:fs/promises';
import { messageOf } from '../../domain/errors.js';
import { runCommand } from '../command.js';
import { startOver } from '../setup-cache/start-over.js';
import type { Layer } from '../setup-cache/layers.js';
import type { SetupEntry } from '../setup-cache/setup-cache.js';
import type { PipelineRun, Stage } from '../stage.js';

/** Runs the setup, or takes what it made before from the cache; keeps what it made. */
export const setup: Stage = {
  name: 'setup',
  needs: ['clone'],
  async run(run) {
    const script = run.commands.setup;
    if (!script) return { conclusion: 'skipped', summary: 'No setup commands' };
    const entry = (await run.tools.setupCache?.open(run, script)) ?? null;
    run.setupLayer = entry && !run.suspectLayer ? await restore(run, entry) : null;
    if (run.setupLayer) {
      const summary = `From cache ${nameOf(run.setupLayer)}`;
      await appendFile(run.logFile('setup'), `${summary}; retry with --no-cache to run it.\n`, {
        mode: 0o600,
      });
      return { conclusion: 'success', summary };
    }
    await entry?.begin();
    const result = await runCommand(run, 'setup', script, { network: 'shared' });
    const obstacle = result.conclusion === 'success' ? await entry?.keep() : null;
    if (obstacle) run.results.notes.push(`What setup made is not kept for the next time: it ${obstacle}.`);
    return result;
  },
};

/** Whatever can't be restored is made anew. */
async function restore(run: PipelineRun, entry: SetupEntry): Promise<Layer | null> {
  try {
    return await entry.restore();
  } catch (error) {
    run.signal.throwIfAborted();
    run.results.notes.push(`The setup cache could not be used: ${messageOf(error).slice(0, 200)}.`);
    await startOver(run);
    return null;
  }
}

/** As reports show a layer: `1a2b3c4, made 2026-01-31 12:00 UTC by #12`. */
export const nameOf = ({ key, madeAt, by }: Layer): string =>
  `${key.slice(0, 7)}, made ${madeAt.slice(0, 16).replace('T', ' ')} UTC by ${by}`;
