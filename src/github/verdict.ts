import { elapsed, formatDuration } from '../domain/duration.js';
import type { Conclusion, StageRecord } from '../domain/pipeline.js';
import { sortFailures } from './failures.js';
import { clause, plainText } from './text.js';
import { count, truncateEnd } from './truncate.js';
import type { PipelineView } from './view.js';

export const CONCLUSION_ICONS: Record<Conclusion, string> = {
  success: '✅',
  failure: '❌',
  cancelled: '🚫',
  timed_out: '⏱️',
  action_required: '✋',
  skipped: '⏭️',
  neutral: '➖',
};

export interface Verdict {
  icon: string;
  /** Plain text of at most 255 characters, verdict first. */
  title: string;
}

export const capitalise = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1);

/** Short form of a sha as git shows it. */
export const shortSha = (sha: string): string => sha.slice(0, 7);

/** A fault of ours rather than a result. */
export const isOurFault = (view: PipelineView): boolean =>
  view.status === 'completed' && view.errorMessage !== null && view.conclusion === 'cancelled';

/** Whether anything of the pull request has been looked at. */
export const hasRun = (view: PipelineView): boolean =>
  view.stages.some(({ name, startedAt }) => name !== 'report' && startedAt !== null);

/** The stage that decided a failure: the first one that failed or ran out of time. */
export function failedStage(view: PipelineView): StageRecord | null {
  return view.stages.find(({ conclusion }) => conclusion === 'failure' || conclusion === 'timed_out') ?? null;
}

export function verdict(view: PipelineView): Verdict {
  const icon =
    view.status !== 'completed'
      ? '⏳'
      : isOurFault(view)
        ? '⚠️'
        : CONCLUSION_ICONS[view.conclusion ?? 'neutral'];
  return { icon, title: plainText(title(view), 255) };
}

function title(view: PipelineView): string {
  if (view.status === 'queued') return because('Queued', view.reason);
  if (view.status === 'in_progress') return running(view);
  if (isOurFault(view)) return because('Could not be validated', view.errorMessage ?? '');
  switch (view.conclusion) {
    case 'success':
      return passed(view);
    case 'failure':
    case 'timed_out':
      return failed(view);
    case 'cancelled':
      return because('Cancelled', view.reason);
    case 'action_required':
      return 'Waiting for approval';
    case 'skipped':
      return because('Skipped', view.reason);
    default:
      return because('Nothing was validated', view.reason);
  }
}

function running(view: PipelineView): string {
  const step = view.stages.findIndex((stage) => stage.name === view.currentStep);
  if (view.currentStep === null || step < 0) return 'Starting';
  const failure = failedStage(view);
  const sofar = failure ? `; ${failure.name} failed` : '';
  return `Running ${view.currentStep} (${step + 1} of ${view.stages.length})${sofar}`;
}

function passed(view: PipelineView): string {
  const time = elapsed(view.startedAt, view.completedAt);
  const total = view.results.tests?.passed ?? 0;
  const flaky = sortFailures(view.results).flaky.length;
  return [
    time === null ? 'Passed' : `Passed in ${formatDuration(time)}`,
    total > 0 ? `: ${count(total, 'test')}` : '',
    flaky > 0 ? `, ${flaky} of them flaky` : '',
  ].join('');
}

function failed(view: PipelineView): string {
  const stage = failedStage(view);
  if (!stage) return because('Failed', view.reason);
  const name = capitalise(stage.name);
  if (stage.conclusion === 'timed_out') {
    const time = elapsed(stage.startedAt, stage.completedAt);
    return time === null ? `${name} timed out` : `${name} timed out after ${formatDuration(time)}`;
  }
  return because(`${name} failed`, (stage.name === 'test' && failedTests(view)) || stage.summary);
}

/** "3 of 42 tests, 1 of them new"; empty when no report names a failed test. */
function failedTests(view: PipelineView): string {
  const { tests } = view.results;
  if (!tests || tests.failed === 0) return '';
  const total = count(tests.passed + tests.failed + tests.skipped, 'test');
  const { fresh, onBase, compared } = sortFailures(view.results);
  const base = truncateEnd(view.baseRef, 60);
  const whose =
    !compared || onBase.length === 0
      ? ''
      : fresh.length === 0
        ? tests.failed === onBase.length
          ? `, also on ${base}`
          : ', none of them new'
        : `, ${fresh.length} of them new`;
  return `${tests.failed.toLocaleString('en-US')} of ${total}${whose}`;
}

function because(what: string, reason: string): string {
  const why = clause(reason);
  return why === '' ? what : `${what}: ${why}`;
}
