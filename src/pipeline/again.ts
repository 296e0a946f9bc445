/** What failed, but may not be the commit's fault, is tried again. */
import { existsSync } from 'node:fs';
import { truncate } from 'node:fs/promises';
import type { PipelineResults, StageName } from '../domain/pipeline.js';
import { readTail } from '../sandbox/output.js';
import { startOver } from './setup-cache/start-over.js';
import { nameOf } from './stages/setup.js';
import type { PipelineRun, StageResult } from './stage.js';

const FROM_SETUP = ['setup', 'deploy', 'test'] as const;
const TAIL_BYTES = 256 * 1024;
/** As programs say it, and as the C library does. */
const RENAME_REFUSED = /\bEXDEV\b|cross-device link/i;

/**
 * Makes all ready to run setup and what follows once more, where a stage failed that may pass then. What was found
 * out since `before` is forgotten.
 * @returns false where there is nothing to be run again
 */
export async function setUpAnew(
  run: PipelineRun,
  failed: StageName,
  { conclusion }: StageResult,
  before: PipelineResults,
): Promise<boolean> {
  if (conclusion !== 'failure' && conclusion !== 'timed_out') return false;
  const why = run.signal.aborted ? null : await causeOf(run, failed);
  if (why === null) return false;
  try {
    await startOver(run);
  } catch (error) {
    if (run.signal.aborted) return false;
    throw error;
  }
  before.notes.push(why);
  Object.assign(run.results, structuredClone(before));
  for (const name of FROM_SETUP) if (existsSync(run.logFile(name))) await truncate(run.logFile(name));
  return true;
}

/** What may be to blame instead of the commit, each once; the run is told to do without. */
async function causeOf(run: PipelineRun, failed: StageName): Promise<string | null> {
  if (await wasRenameRefused(run, failed)) {
    run.isCopied = true;
    return `${failed} was refused a rename (EXDEV), as folders that are mounted are, so all was copied and tried again.`;
  }
  const layer = run.setupLayer;
  if (!layer || (failed !== 'deploy' && failed !== 'test')) return null;
  run.suspectLayer = layer;
  return `Setup came from the cache (${nameOf(layer)}) and ${failed} failed, so all was set up anew and tried again.`;
}

async function wasRenameRefused(run: PipelineRun, failed: StageName): Promise<boolean> {
  if (run.lower === null || run.isCopied || run.tools.setupCache?.renamesFolders !== false) return false;
  if (!FROM_SETUP.some((name) => name === failed) || !existsSync(run.logFile(failed))) return false;
  return RENAME_REFUSED.test(await readTail(run.logFile(failed), { maxBytes: TAIL_BYTES }));
}

/** A layer without which the same passes is not used again. */
export async function judgeSuspect({ suspectLayer, tools, records, results }: PipelineRun): Promise<void> {
  if (!suspectLayer) return;
  const passed = FROM_SETUP.every((name) =>
    ['success', 'skipped'].includes(records.get(name)!.conclusion ?? ''),
  );
  if (!passed) return;
  await tools.setupCache?.discard(suspectLayer);
  results.notes.push('It passed then: what the cache held was discarded.');
}
