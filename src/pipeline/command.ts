/** Runs one stage's script to its end. */
import type { StageName } from '../domain/pipeline.js';
import { exitSentence } from '../sandbox/exit-sentence.js';
import { readTail } from '../sandbox/output.js';
import { runScript } from '../sandbox/run-script.js';
import { commandEnvironment } from './environment.js';
import type { PipelineRun, StageResult } from './stage.js';

const TAIL_BYTES = 16 * 1024;

/**
 * @returns how the script ended; afterwards no process of it is left
 * @throws SandboxError where the sandbox broke, the signal's reason where it was aborted
 */
export async function runCommand(
  run: PipelineRun,
  stage: StageName,
  script: string,
  options: { network: 'shared' | 'none' },
): Promise<StageResult> {
  const limitSeconds = run.spec.settings.stage_timeout_seconds;
  const result = await runScript({
    sandbox: run.tools.sandbox,
    command: {
      script,
      workspace: run.workspace,
      home: run.home,
      environment: commandEnvironment(run),
      output: run.logFile(stage),
      network: options.network,
    },
    timeoutMs: limitSeconds * 1000,
    signal: run.signal,
  });
  run.signal.throwIfAborted();
  const tail = await readTail(run.logFile(stage), { maxBytes: TAIL_BYTES });
  const summary = exitSentence({
    script,
    result,
    logTail: tail,
    timeoutMs: limitSeconds * 1000,
    timeoutSetting: 'stage_timeout_seconds',
  });
  if (result.outcome === 'timed_out') return { conclusion: 'timed_out', summary };
  return { conclusion: result.outcome === 'exited' && result.code === 0 ? 'success' : 'failure', summary };
}
