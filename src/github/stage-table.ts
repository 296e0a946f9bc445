import { elapsed, formatDuration } from '../domain/duration.js';
import type { StageConclusion, StageRecord } from '../domain/pipeline.js';
import { inlineText, table } from './text.js';
import { CONCLUSION_ICONS, hasRun } from './verdict.js';
import type { PipelineView } from './view.js';

/** The stages as a table: icon, name, time, one line each. Empty when the end came before any of them began. */
export function renderStages(view: PipelineView): string {
  const over = view.status === 'completed';
  if (view.stages.length === 0 || (over && !hasRun(view))) return '';
  const rows = view.stages.map((stage) => row(over && stage.status !== 'completed' ? notRun(stage) : stage));
  return table(['', 'Stage', 'Time:', 'Result'], rows);
}

const notRun = (stage: StageRecord): StageRecord => ({
  ...stage,
  status: 'completed',
  conclusion: stage.startedAt ? 'cancelled' : 'skipped',
  summary: stage.summary || (stage.startedAt ? '' : 'not run'),
});

function row(stage: StageRecord): string[] {
  const time = elapsed(stage.startedAt, stage.completedAt);
  return [icon(stage), stage.name, time === null ? '' : formatDuration(time), result(stage)];
}

function icon(stage: StageRecord): string {
  if (stage.status === 'queued') return '·';
  return stage.status === 'in_progress' ? '⏳' : CONCLUSION_ICONS[stage.conclusion ?? 'neutral'];
}

function result(stage: StageRecord): string {
  if (stage.summary !== '') return inlineText(stage.summary, 300);
  if (stage.status !== 'completed') return stage.status === 'queued' ? 'waiting' : 'running';
  return RESULTS[stage.conclusion ?? 'neutral'];
}

const RESULTS: Record<StageConclusion, string> = {
  success: 'passed',
  failure: 'failed',
  timed_out: 'timed out',
  cancelled: 'not finished',
  skipped: 'not run',
  neutral: 'nothing to say',
};
