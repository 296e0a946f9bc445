import type { CodegenRun } from './answers.js';
import { PLAN_HEADING } from './prompt.js';
import { keepStart, oneLine, readable } from './text.js';

export type ResponseType = 'regular' | 'plan' | 'pr';

/** What a run came to. All text is the agent's own words: escape it where it is shown. */
export interface AgentResponse {
  type: ResponseType;
  /** Markdown, at most 20,000 characters; only where the type is plan. */
  plan: string | null;
  /** Pull requests that the run opened, without the one it was asked about. */
  pullRequests: OwnPullRequest[];
  /** At most 600 characters on one line; empty where the agent said nothing. */
  summary: string;
}

export interface OwnPullRequest {
  url: string;
  /** `owner/name`. */
  repository: string;
  number: number;
}

export interface ResponseContext {
  /** `owner/name` of the repository that the run was asked about. */
  repository: string;
  pullRequestNumber: number | null;
  /**
   * Whether the prompt asked for a plan and nothing else, or one was confirmed. After that no answer counts as
   * a plan again, so that confirming automatically cannot go round in circles.
   */
  plan: 'requested' | 'not_requested' | 'confirmed';
}

/**
 * What a run's answer is. `pr` where it opened a pull request of its own; `plan` where it completed with a plan,
 * because it was asked for one or because its answer opens with a heading that says so; else `regular`. Codegen
 * has no field for this.
 */
export function readResponse(run: CodegenRun, context: ResponseContext): AgentResponse {
  const result = readable(run.result ?? '').trim();
  const summary = oneLine(run.summary ?? firstParagraph(result), 600);
  const pullRequests = ownPullRequests(run, result, context);
  if (pullRequests.length > 0) return { type: 'pr', plan: null, pullRequests, summary };
  const mayBePlan = run.status.state === 'complete' && context.plan !== 'confirmed';
  const plan = mayBePlan ? planIn(result, context.plan === 'requested') : null;
  return { type: plan === null ? 'regular' : 'plan', plan, pullRequests, summary };
}

const PLAN_OPENING = new RegExp(
  [
    String.raw`^#{1,6}\s*(?:the |my |proposed |implementation )?plan\b`,
    String.raw`^\*\*(?:proposed |implementation )?plan:?\*\*`,
    String.raw`^plan:`,
    `^<plan>`,
  ].join('|'),
  'i',
);

function planIn(result: string, requested: boolean): string | null {
  const wrapped = between(result, '<plan>', '</plan>');
  if (wrapped) return keepStart(wrapped, 20_000);
  if (PLAN_OPENING.test(result)) return keepStart(result, 20_000);
  if (!requested || result === '') return null;
  const heading = result.indexOf(`\n${PLAN_HEADING}`);
  return keepStart(heading < 0 ? result : result.slice(heading + 1), 20_000);
}

function between(text: string, open: string, close: string): string {
  const lower = text.toLowerCase();
  const start = lower.indexOf(open);
  const end = lower.indexOf(close, start);
  return start < 0 || end < 0 ? '' : text.slice(start + open.length, end).trim();
}

const PULL_URL = /https?:\/\/[^\s/()<>[\]"'`]+\/([\w.-]+\/[\w.-]+)\/pull\/(\d{1,9})\b/gi;

/**
 * The run's field counts wherever it is filled. Only without it are addresses in the answer taken, and only of
 * the same repository: an answer may mention others.
 */
function ownPullRequests(run: CodegenRun, result: string, context: ResponseContext): OwnPullRequest[] {
  const sameRepository = (found: OwnPullRequest) =>
    found.repository.toLowerCase() === context.repository.toLowerCase();
  const found =
    run.pullRequests.length > 0
      ? run.pullRequests.flatMap((pull) => pullRequestsIn(pull.url))
      : pullRequestsIn(result).filter(sameRepository);
  const own = found.filter((pull) => !(sameRepository(pull) && pull.number === context.pullRequestNumber));
  return [...new Map(own.map((pull) => [pull.url.toLowerCase(), pull])).values()];
}

/** Every address of a pull request in a text. */
export function pullRequestsIn(text: string): OwnPullRequest[] {
  return [...text.matchAll(PULL_URL)].map((match) => ({
    url: match[0],
    repository: match[1] ?? '',
    number: Number(match[2]),
  }));
}

function firstParagraph(text: string): string {
  return text.split(/\n\s*\n/, 1)[0] ?? '';
}
