import type { Conclusion, StageRecord } from '../domain/pipeline.js';

export interface PipelineOutcome {
  conclusion: Conclusion;
  /** One sentence; null where the stages say it all. */
  reason: string | null;
}

/** What the stages of a pipeline that ran to its end amount to. */
export function conclude(stages: readonly StageRecord[]): PipelineOutcome {
  const broken = stages.find(({ conclusion }) => conclusion === 'failure' || conclusion === 'timed_out');
  if (broken) return { conclusion: broken.conclusion!, reason: broken.summary };
  const validated = stages.some(
    ({ name, conclusion }) => conclusion === 'success' && name !== 'clone' && name !== 'report',
  );
  if (!validated)
    return {
      conclusion: 'neutral',
      reason:
        'Nothing could be validated: no commands are configured and none were detected. ' +
        'Set test_commands in .github/codegenapp.yml on the base branch.',
    };
  return { conclusion: 'success', reason: null };
}

const WEIGHTS = { clone: 5, setup: 30, deploy: 15, validate: 15, test: 30, report: 5 } as const;

/** 0 to 100, by stages that are over. */
export function progressOf(stages: readonly StageRecord[]): number {
  return stages
    .filter(({ status }) => status === 'completed')
    .reduce((sum, { name }) => sum + WEIGHTS[name], 0);
}
