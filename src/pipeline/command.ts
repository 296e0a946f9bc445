/** Runs one stage's script to its end. */
import type { StageName } from '../domain/pipeline.js';
import { exitSentence } from '../sandbox/exit-sentence.js';
import { readTail } from '../sandbox/output.js';
import { runScript, type RunScriptOptions } from '../sandbox/run-script.js';
import { commandEnvironment, placesInside } from './environment.js';
import type { PipelineRun, StageResult } from './stage.js';

const TAIL_BYTES = 16 * 1024;

/** What the sandbox is asked for to run a stage's script, and what is watched. */
export function scriptOptions(
  run: PipelineRun,
  stage: StageName,
  script: string,
  network: 'shared' | 'none',
): RunScriptOptions {
  const { sandbox, limits = {} } = run.tools;
  return {
    ...limits,
    sandbox,
    command: {
      script,
      workspace: run.workspace,
      home: run.home,
      inside: placesInside(run),
      environment: commandEnvironment(run),
      output: run.logFile(stage),
      network,
      limits,
      group: run.group,
    },
    signal: run.signal,
  };
}

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
  const timeoutMs = limitSeconds * 1000;
  const result = await runScript({ ...scriptOptions(run, stage, script, options.network), timeoutMs });
  run.signal.throwIfAborted();
  const hasPassed = result.outcome === 'exited' && result.code === 0;
  const summary = exitSentence({
    script,
    result,
    logTail: hasPassed ? '' : await readTail(run.logFile(stage), { maxBytes: TAIL_BYTES }),
    timeoutMs,
    timeoutSetting: 'stage_timeout_seconds',
    limits: run.tools.limits,
    totalMemoryBytes: run.group?.limits.memoryBytes,
  });
  if (result.outcome === 'timed_out') return { conclusion: 'timed_out', summary };
  return { conclusion: hasPassed ? 'success' : 'failure', summary };
}
