import { codeBlock, details, inlineText, link, safeUrl } from './text.js';
import { truncateEnd } from './truncate.js';
import type { AgentState, AgentView, MergeView, PipelineView } from './view.js';

const AGENT: Record<AgentState, string> = {
  off: '',
  asked: 'A Codegen agent has been asked to fix this. What it pushes is validated by itself.',
  running: 'A Codegen agent is working on a fix. What it pushes is validated by itself.',
  plan_waiting: 'A Codegen agent has made a plan and waits for a go.',
  finished: 'The Codegen agent has finished.',
  failed: 'The Codegen agent could not fix this.',
  declined: 'No Codegen agent was asked to fix this.',
  exhausted: 'Automatic fixing ends here: a person is needed now.',
};

/** What happens next without the reader: agent and merge. Empty where nothing does. */
export function renderFollowUp(view: Pick<PipelineView, 'agent' | 'merge'>): string {
  return [view.agent ? agent(view.agent) : '', view.merge ? merge(view.merge) : '']
    .filter((part) => part !== '')
    .join('\n\n');
}

function agent({ state, text, url, plan, opened = null }: AgentView): string {
  if (state === 'off') return '';
  const page = url === null ? null : safeUrl(url);
  const line = [
    `🤖 ${AGENT[state]}`,
    opened === null ? '' : `It opened ${link(inlineText(opened.name), opened.url)}.`,
    text.trim() === '' ? '' : inlineText(text, 600),
    page === null ? '' : `${link('See the run', page)}.`,
  ]
    .filter((part) => part !== '')
    .join(' ');
  if (state !== 'plan_waiting') return line;
  return [
    line,
    plan === null || plan.trim() === '' ? '' : details('The plan', codeBlock(truncateEnd(plan, 4000))),
    'Confirm it with `/codegen confirm`, or say what to change: `/codegen confirm use the existing helper`.',
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

function merge({ state, reason }: MergeView): string {
  const why = reason.trim() === '' ? '' : inlineText(reason, 300);
  switch (state) {
    case 'merged':
      return `🔀 Merged.${why === '' ? '' : ` ${why}`}`;
    case 'scheduled':
      return `🔀 GitHub merges this as soon as branch protection allows.${why === '' ? '' : ` ${why}`}`;
    case 'refused':
      return `🔀 Not merged${why === '' ? '.' : `: ${why}`}`;
  }
}
