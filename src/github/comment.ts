import { canAskAgent } from './check.js';
import { sortFailures } from './failures.js';
import { fit } from './fit.js';
import { renderLead } from './lead.js';
import { renderLog } from './log-section.js';
import { findingSections } from './finding-sections.js';
import { testSections } from './test-sections.js';
import { isOurFault } from './verdict.js';
import type { PipelineView } from './view.js';

/** By this line, and its author, our one comment on a pull request is found again. */
export const COMMENT_MARKER = '<!-- codegenapp -->';

/** GitHub takes 65,536 characters; a comment is short on purpose. */
const COMMENT_BYTES = 30_000;
const LOG_LINES = 60;
const LOG_BYTES = 8_000;

/**
 * Our one comment on the pull request, edited in place. Null: nothing needs saying, so write none and leave an
 * earlier one as it is.
 *
 * @param isThere whether there is a comment already: good news are told then too, so that it does not go on
 *   telling of a failure
 */
export function renderComment(view: PipelineView, isThere = false): string | null {
  if (!isWorthSaying(view, isThere)) return null;
  const failing = view.conclusion === 'failure' || view.conclusion === 'timed_out';
  const { logTail } = view;
  const named = sortFailures(view.results).fresh.length > 0 || view.results.findings.length > 0;
  const body = fit(
    [
      { name: 'verdict', priority: 100, render: () => renderLead(view) },
      ...(failing ? testSections(view, { told: 5, named: 10 }) : []),
      ...(failing ? findingSections(view) : []),
      {
        name: 'log',
        priority: 80,
        render: (limit) =>
          failing && logTail
            ? renderLog(logTail, Math.min(limit, LOG_BYTES), { lines: LOG_LINES, open: !named })
            : '',
      },
      { name: 'commands', priority: 90, render: () => commands(view) },
    ],
    COMMENT_BYTES,
  );
  return `${COMMENT_MARKER}\n${body}`;
}

function isWorthSaying(view: PipelineView, saidBefore: boolean): boolean {
  if (view.status !== 'completed') return saidBefore;
  if (isOurFault(view)) return true;
  switch (view.conclusion) {
    case 'failure':
    case 'timed_out':
    case 'action_required':
      return true;
    case 'success':
      // All green at the first go needs no words.
      return saidBefore || view.retryCount > 0;
    case 'neutral':
    case 'skipped':
      return saidBefore;
    default:
      // Cancelled: the newer commit, or whoever cancelled, has the last word.
      return false;
  }
}

/** The commands that make sense now. */
function commands(view: PipelineView): string {
  if (view.status !== 'completed') return '';
  const useful = [
    view.conclusion === 'action_required' ? '`/codegen approve` runs this commit' : '',
    view.agent?.state === 'plan_waiting' ? '`/codegen confirm` starts the plan' : '',
    isFailed(view) && canAskAgent(view) ? '`/codegen fix` asks a Codegen agent to fix this' : '',
    isFailed(view) || isOurFault(view) ? '`/codegen retry` validates this commit again' : '',
  ].filter((part) => part !== '');
  return useful.length === 0 ? '' : `Commands: ${useful.join(', ')}, \`/codegen help\` lists all.`;
}

const isFailed = (view: PipelineView): boolean =>
  view.conclusion === 'failure' || view.conclusion === 'timed_out';
