import type { Conclusion } from '../domain/pipeline.js';
import { CHECK_NAME } from './check.js';
import { truncateEnd } from './truncate.js';
import { verdict } from './verdict.js';
import type { PipelineView } from './view.js';

/** A commit status as GitHub's REST API takes it: what there is where only a token is known. */
export interface CommitStatus {
  state: 'pending' | 'success' | 'failure' | 'error';
  context: string;
  /** At most 140 characters. */
  description: string;
  target_url: string;
}

const STATES: Record<Conclusion, CommitStatus['state']> = {
  success: 'success',
  neutral: 'success',
  skipped: 'success',
  failure: 'failure',
  timed_out: 'failure',
  cancelled: 'error',
  action_required: 'pending',
};

/** The verdict in one line, under the same name as the check run. */
export function renderStatus(view: PipelineView): CommitStatus {
  const completed = view.status === 'completed' && view.conclusion !== null;
  return {
    state: completed ? STATES[view.conclusion!] : 'pending',
    context: CHECK_NAME,
    description: truncateEnd(verdict(view).title, 140),
    target_url: view.pageUrl,
  };
}
