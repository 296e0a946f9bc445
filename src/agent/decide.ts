import type { Conclusion } from '../domain/pipeline.js';

/** Who made something: a person, the agent itself, or another bot (Dependabot and the like). */
export type ActorKind = 'person' | 'agent' | 'bot';

/** A fix that was tried before: one that Codegen accepted as a run. Refused creates are none. */
export interface EarlierFix {
  headSha: string;
  /** Of the failure that it was asked to fix. */
  signature: string | null;
  /** Not ended yet: running, or waiting with a plan. */
  open: boolean;
}

export interface FixFacts {
  /** A person by command or button, or the end of a pipeline. */
  askedBy: 'person' | 'pipeline';
  pullRequest: {
    state: 'open' | 'closed';
    fromFork: boolean;
    labels: readonly string[];
    author: ActorKind;
    /** The head as GitHub has it now. */
    headSha: string;
    headAuthor: ActorKind;
  };
  pipeline: {
    headSha: string;
    /** Null while it runs. */
    conclusion: Conclusion | null;
    /** It ended by a fault of ours or of the surroundings, not of the pull request. */
    ourFault: boolean;
    signature: string | null;
  };
  /** The base branch's own validation fails with all that failed here; false also where it is not known. */
  baseFailsToo: boolean;
  /** Of this pull request, and where a fix opened it, of the pull request that this was for. */
  earlier: readonly EarlierFix[];
  agentConfigured: boolean;
  /** Codegen has answered 402 and its runs are not known to be renewed. */
  outOfRuns: boolean;
  settings: { autoFixEnabled: boolean; maxFixAttempts: number };
}

export interface FixDecision {
  decision: 'fix' | 'no';
  /** Which rule decided. */
  rule: FixRuleName | 'allowed';
  /** A sentence for the comment. */
  reason: string;
  /** The pull request stays red and nothing more happens by itself: say that a person is needed. */
  needsPerson: boolean;
}

export const NO_AUTO_FIX_LABEL = 'no-auto-fix';

export type FixRuleName =
  | 'closed'
  | 'still_running'
  | 'our_fault'
  | 'nothing_failed'
  | 'head_moved'
  | 'not_configured'
  | 'switched_off'
  | 'opted_out'
  | 'made_by_a_bot'
  | 'timed_out'
  | 'fork'
  | 'already_at_work'
  | 'base_fails_too'
  | 'attempts_used'
  | 'tried_this_commit'
  | 'same_failure'
  | 'out_of_runs';

interface FixRule {
  name: FixRuleName;
  /** Does not hold where a person asks. */
  relaxes?: true;
  needsPerson?: true;
  forbids(facts: FixFacts): boolean;
  reason(facts: FixFacts): string;
}

/**
 * In the order in which they are asked. First what makes the question moot, then what somebody chose, then the
 * limits that keep the loop in hand: those hold for everyone.
 */
const RULES: readonly FixRule[] = [
  {
    name: 'closed',
    forbids: ({ pullRequest }) => pullRequest.state !== 'open',
    reason: () => 'The pull request is closed.',
  },
  {
    name: 'still_running',
    forbids: ({ pipeline }) => pipeline.conclusion === null,
    reason: ({ pipeline }) => `The validation of ${short(pipeline.headSha)} is not finished yet.`,
  },
  {
    name: 'our_fault',
    forbids: ({ pipeline }) => pipeline.ourFault,
    reason: () =>
      "The validation ended by a fault that is not the pull request's, so there is nothing in it to fix.",
  },
  {
    name: 'nothing_failed',
    forbids: ({ pipeline }) => pipeline.conclusion !== 'failure' && pipeline.conclusion !== 'timed_out',
    reason: ({ pipeline }) =>
      `The validation of ${short(pipeline.headSha)} did not fail (${pipeline.conclusion}), so there is nothing to fix.`,
  },
  {
    name: 'head_moved',
    forbids: ({ pullRequest, pipeline }) => pullRequest.headSha !== pipeline.headSha,
    reason: ({ pullRequest }) =>
      `There is a newer commit, ${short(pullRequest.headSha)}; its own validation decides.`,
  },
  {
    name: 'not_configured',
    forbids: ({ agentConfigured }) => !agentConfigured,
    reason: () => 'Fixing is off, because this server has no access to Codegen.',
  },
  {
    name: 'switched_off',
    relaxes: true,
    forbids: ({ settings }) => !settings.autoFixEnabled || settings.maxFixAttempts === 0,
    reason: () => 'Automatic fixing is switched off for this repository.',
  },
  {
    name: 'opted_out',
    relaxes: true,
    forbids: ({ pullRequest }) =>
      pullRequest.labels.some((label) => label.trim().toLowerCase() === NO_AUTO_FIX_LABEL),
    reason: () => `The label \`${NO_AUTO_FIX_LABEL}\` keeps automatic fixing off this pull request.`,
  },
  {
    name: 'made_by_a_bot',
    relaxes: true,
    forbids: ({ pullRequest }) => pullRequest.author === 'bot' || pullRequest.headAuthor === 'bot',
    reason: () => 'The pull request or its last commit is by another bot, which is not fixed automatically.',
  },
  {
    name: 'timed_out',
    relaxes: true,
    forbids: ({ pipeline }) => pipeline.conclusion === 'timed_out',
    reason: () =>
      "The validation ran out of time, which is often not the code's fault and is not fixed automatically.",
  },
  {
    name: 'fork',
    needsPerson: true,
    forbids: ({ pullRequest }) => pullRequest.fromFork,
    reason: () => 'The pull request comes from a fork, to which the agent cannot push.',
  },
  {
    name: 'already_at_work',
    forbids: ({ earlier }) => earlier.some((fix) => fix.open),
    reason: () => 'The agent is already at work on this pull request, or waits for its plan to be confirmed.',
  },
  {
    name: 'base_fails_too',
    needsPerson: true,
    forbids: ({ baseFailsToo }) => baseFailsToo,
    reason: () => 'The base branch fails in the same way, so the cause is not in this pull request.',
  },
  {
    name: 'attempts_used',
    needsPerson: true,
    forbids: ({ earlier, settings }) => earlier.length >= settings.maxFixAttempts,
    reason: ({ settings }) =>
      settings.maxFixAttempts === 0
        ? 'This repository allows no fix by the agent (`max_fix_attempts` is 0).'
        : `The agent has used up its ${settings.maxFixAttempts === 1 ? 'one attempt' : `${settings.maxFixAttempts} attempts`} on this pull request.`,
  },
  {
    name: 'tried_this_commit',
    needsPerson: true,
    forbids: ({ earlier, pipeline }) => earlier.some((fix) => fix.headSha === pipeline.headSha),
    reason: ({ pipeline }) => `The agent has already tried to fix ${short(pipeline.headSha)}.`,
  },
  {
    name: 'same_failure',
    needsPerson: true,
    forbids: ({ earlier, pipeline }) =>
      pipeline.signature !== null && earlier.some((fix) => fix.signature === pipeline.signature),
    reason: () => 'It fails in the same way as before an earlier attempt of the agent.',
  },
  {
    name: 'out_of_runs',
    needsPerson: true,
    forbids: ({ outOfRuns }) => outOfRuns,
    reason: () => 'The Codegen organization has used up its agent runs.',
  },
];

/**
 * May the agent be asked to fix what a pipeline found? A person's command or button overrides the setting
 * `auto_fix_enabled`, the label `no-auto-fix`, the rule about other bots, and that a timeout is not fixed; it
 * overrides none of the limits.
 */
export function decideFix(facts: FixFacts): FixDecision {
  const rule = RULES.find((one) => !(one.relaxes && facts.askedBy === 'person') && one.forbids(facts));
  if (rule) {
    return {
      decision: 'no',
      rule: rule.name,
      reason: rule.reason(facts),
      needsPerson: rule.needsPerson ?? false,
    };
  }
  const attempt = facts.earlier.length + 1;
  return {
    decision: 'fix',
    rule: 'allowed',
    reason: `The agent is asked to fix it (attempt ${attempt} of ${facts.settings.maxFixAttempts}).`,
    needsPerson: false,
  };
}

/** Who a GitHub account is. `agentLogins` are the accounts that the agent pushes with, in any case. */
export function actorKind(
  account: { login: string; type?: string | null },
  agentLogins: readonly string[],
): ActorKind {
  const login = account.login.toLowerCase();
  if (agentLogins.some((agent) => agent.toLowerCase() === login)) return 'agent';
  return account.type === 'Bot' || login.endsWith('[bot]') ? 'bot' : 'person';
}

const short = (sha: string): string => sha.slice(0, 7);
