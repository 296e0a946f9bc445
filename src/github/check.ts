import type { Conclusion, PipelineStatus } from '../domain/pipeline.js';
import { renderAnnotations, type Annotation } from './annotations.js';
import { renderReport } from './report.js';
import { isOurFault, verdict } from './verdict.js';
import type { PipelineView } from './view.js';

/** The name of the check run and the context of the commit status. */
export const CHECK_NAME = 'Codegen validation';

/** GitHub takes this many annotations in one request; the rest goes into updates, which append. */
export const ANNOTATIONS_PER_REQUEST = 50;

export type ActionIdentifier = 'fix' | 'retry' | 'approve' | 'confirm';

/** At most three; label and identifier of at most 20 characters, description of at most 40. */
export interface CheckAction {
  label: string;
  description: string;
  identifier: ActionIdentifier;
}

/** A check run as GitHub's REST API takes it, but with all annotations apart. */
export interface CheckRun {
  body: {
    name: string;
    head_sha: string;
    status: PipelineStatus;
    conclusion?: Conclusion;
    started_at: string;
    completed_at?: string;
    external_id: string;
    details_url: string;
    output: { title: string; summary: string; images?: { alt: string; image_url: string }[] };
    actions?: CheckAction[];
  };
  annotations: Annotation[];
}

const ACTIONS: Record<ActionIdentifier, CheckAction> = {
  fix: { identifier: 'fix', label: 'Fix with Codegen', description: 'Ask a Codegen agent to fix this' },
  retry: { identifier: 'retry', label: 'Re-run', description: 'Validate this commit again' },
  approve: { identifier: 'approve', label: 'Approve and run', description: 'Run this commit of the fork' },
  confirm: { identifier: 'confirm', label: 'Confirm plan', description: 'Let the agent carry out its plan' },
};

/** The check run that tells this pipeline, at any moment of its life. */
export function renderCheck(view: PipelineView): CheckRun {
  const completed = view.status === 'completed';
  return {
    body: {
      name: CHECK_NAME,
      head_sha: view.headSha,
      status: view.status,
      started_at: (view.startedAt ?? view.createdAt).toISOString(),
      external_id: view.id,
      details_url: view.pageUrl,
      output: {
        title: verdict(view).title,
        summary: renderReport(view),
        ...(completed && view.images?.length
          ? { images: view.images.map(({ alt, url }) => ({ alt, image_url: url })) }
          : {}),
      },
      // GitHub shows buttons on completed runs only, and takes a conclusion for nothing else.
      ...(completed && {
        conclusion: view.conclusion ?? 'neutral',
        completed_at: (view.completedAt ?? view.createdAt).toISOString(),
        actions: actions(view),
      }),
    },
    annotations: completed ? renderAnnotations(view) : [],
  };
}

function actions(view: PipelineView): CheckAction[] {
  return chosen(view).map((identifier) => ACTIONS[identifier]);
}

function chosen(view: PipelineView): ActionIdentifier[] {
  if (view.conclusion === 'action_required') return ['approve'];
  if (isOurFault(view)) return ['retry'];
  if (view.conclusion !== 'failure' && view.conclusion !== 'timed_out') return [];
  if (view.agent?.state === 'plan_waiting') return ['confirm', 'retry'];
  return view.isFork || isAtWork(view) ? ['retry'] : ['fix', 'retry'];
}

/** An agent is at it: a second one would be in its way. Elsewhere the button is there, and says why where it can't. */
const isAtWork = ({ agent }: PipelineView): boolean => agent?.state === 'asked' || agent?.state === 'running';

/** `finished` and `failed` have had their one fix of this commit. */
const NOT_TO_BE_ASKED = ['off', 'asked', 'running', 'plan_waiting', 'finished', 'failed', 'exhausted'];

/** Whether it is worth saying: not without a key, while an agent is at it or used up, or for a fork. */
export function canAskAgent(view: PipelineView): boolean {
  return !view.isFork && !NOT_TO_BE_ASKED.includes(view.agent?.state ?? '');
}
