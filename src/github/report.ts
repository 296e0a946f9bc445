import { sortFailures } from './failures.js';
import { findingSections, measurementSection } from './finding-sections.js';
import { fit, listWithin, type Section } from './fit.js';
import { renderLead } from './lead.js';
import { logSection } from './log-section.js';
import { reproduceSection } from './reproduce-section.js';
import { renderStages } from './stage-table.js';
import { testSections, testSummarySections } from './test-sections.js';
import { inlineText } from './text.js';
import { failedStage } from './verdict.js';
import type { PipelineView } from './view.js';

/** GitHub's limit for a check run's summary and text; its "characters" are counted as bytes to be safe. */
export const REPORT_BYTES = 65_535;

/**
 * One page of GitHub markdown about a pipeline, within `limit` UTF-8 bytes: verdict and reason first, then what
 * an author needs to act, in this order.
 */
export function renderReport(view: PipelineView, limit = REPORT_BYTES): string {
  return fit(sections(view), limit);
}

function sections(view: PipelineView): Section[] {
  const failed = view.status === 'completed' && failedStage(view) !== null;
  // Where no test or finding names the cause, the end of the log is the cause.
  const logIsAll = sortFailures(view.results).fresh.length === 0 && view.results.findings.length === 0;
  const log = logSection(view.logTail, logIsAll);
  return [
    fixed('verdict', 100, renderLead(view)),
    fixed('stages', 95, renderStages(view)),
    ...(logIsAll ? [log] : []),
    ...testSections(view),
    ...findingSections(view),
    measurementSection(view),
    ...testSummarySections(view),
    notesSection(view),
    ...(failed ? [reproduceSection(view)] : []),
    ...(logIsAll ? [] : [log]),
  ];
}

function fixed(name: string, priority: number, body: string): Section {
  return { name, priority, render: (limit) => (Buffer.byteLength(body) <= limit ? body : '') };
}

function notesSection(view: PipelineView): Section {
  const notes = [...view.results.notes, ...view.settingsNotes].map((note) => `- ${inlineText(note, 500)}`);
  return { name: 'notes', priority: 30, render: (limit) => listWithin('### Notes', notes, limit) };
}
