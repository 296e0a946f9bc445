import type { AgentRun, ValidationPipeline } from '../database/entities/index.js';
import type { AgentView } from '../github/view.js';
import { oneLine } from './text.js';

/**
 * What check and comment say about having the agent fix this pipeline.
 * @param run the newest one that is to fix it
 */
export function agentView(
  pipeline: ValidationPipeline,
  run: AgentRun | null,
  configured: boolean,
): AgentView | null {
  if (!configured && !run) return { state: 'off', text: '', url: null, plan: null };
  if (pipeline.agentDecision) return { ...pipeline.agentDecision, url: run?.webUrl ?? null, plan: null };
  if (!run) return null;
  const view = { url: run.webUrl, plan: null };
  switch (run.status) {
    case 'queued':
      return { ...view, state: 'asked', text: again(run) };
    case 'running':
      return { ...view, state: 'running', text: again(run) };
    case 'plan_waiting':
      return { ...view, state: 'plan_waiting', text: '', plan: run.plan };
    case 'completed':
      return pushed(run)
        ? { ...view, state: 'finished', text: said(run) }
        : { ...view, state: 'exhausted', text: `The agent has pushed nothing. ${said(run)}`.trim() };
    case 'failed':
      return run.remoteId === null
        ? { ...view, state: 'declined', text: run.errorMessage ?? '' }
        : { ...view, state: 'failed', text: `${run.errorMessage ?? ''} A person is needed now.`.trim() };
    case 'cancelled':
      // A plan that was refused, or that came too late.
      if (run.remoteId !== null) return { ...view, state: 'exhausted', text: run.errorMessage ?? '' };
      return { ...view, state: 'declined', text: run.errorMessage ?? '' };
  }
}

/** Whether the run led to something: a push, or a pull request of its own. */
const pushed = (run: AgentRun): boolean =>
  run.nextPipelineId !== null || run.responseType === 'pr' || run.context?.['headMoved'] === true;

const again = ({ errorMessage }: AgentRun): string =>
  errorMessage === null ? '' : `${errorMessage} It is tried again.`;

function said(run: AgentRun): string {
  const opened = run.context?.['pullRequest'];
  const own = typeof opened === 'string' ? `It opened ${opened}.` : '';
  const words = oneLine(run.response ?? '', 400);
  return [own, words === '' ? '' : `It says: ${words}`].filter(Boolean).join(' ');
}
