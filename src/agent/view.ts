import type { AgentRun, ValidationPipeline } from '../database/entities/index.js';
import type { AgentView, OwnPullRequestLink } from '../github/view.js';
import { pullRequestsIn } from './response.js';
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
    case 'completed': {
      const opened = openedBy(run, pipeline);
      return pushed(run)
        ? { ...view, state: 'finished', text: said(run, opened), opened }
        : { ...view, state: 'exhausted', text: `The agent has pushed nothing. ${said(run, null)}`.trim() };
    }
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

function said(run: AgentRun, linked: OwnPullRequestLink | null): string {
  const opened = run.context?.['pullRequest'];
  const own = linked === null && typeof opened === 'string' ? `It opened ${opened}.` : '';
  const words = oneLine(run.response ?? '', 400);
  return [own, words === '' ? '' : `It says: ${words}`].filter(Boolean).join(' ');
}

/** The address is the agent's word: only one on the GitHub that we work with is linked, any other is but named. */
function openedBy({ context }: AgentRun, { pullRequestUrl }: ValidationPipeline): OwnPullRequestLink | null {
  const address = context?.['pullRequest'];
  const [opened] = typeof address === 'string' ? pullRequestsIn(address) : [];
  if (!opened || !URL.canParse(pullRequestUrl) || !URL.canParse(opened.url)) return null;
  const { origin } = new URL(opened.url);
  if (origin !== new URL(pullRequestUrl).origin) return null;
  const { repository, number } = opened;
  return { name: `${repository}#${number}`, url: `${origin}/${repository}/pull/${number}` };
}
