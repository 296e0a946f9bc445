import { checkOut } from '../stages/clone.js';
import type { PipelineRun } from '../stage.js';

/** Makes workspace and home as they were after the checkout. Nothing of the pipeline may run. */
export async function startOver(run: PipelineRun): Promise<void> {
  await run.preview?.stop();
  run.preview = null;
  await run.tools.setupCache?.reset(run, () => checkOut(run, true));
}
