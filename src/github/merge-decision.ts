import type { Conclusion } from '../domain/pipeline.js';

export const DO_NOT_MERGE_LABEL = 'do-not-merge';

export interface MergeFacts {
  /** A person by command, or the end of a pipeline. */
  askedBy: 'person' | 'pipeline';
  /** Of the pipeline that validated `validatedSha`; null while it runs. */
  conclusion: Conclusion | null;
  validatedSha: string;
  autoMergeEnabled: boolean;
  /** The pull request as GitHub's REST API tells it now. */
  pullRequest: {
    state: 'open' | 'closed';
    merged: boolean;
    draft: boolean;
    headSha: string;
    labels: readonly string[];
    /** Null while GitHub is still working it out. */
    mergeable: boolean | null;
    /** `mergeable_state`: clean, has_hooks, unstable, blocked, behind, dirty, draft, unknown. */
    mergeableState: string;
  };
  /** The repository's own setting "Allow auto-merge"; null where not known. */
  autoMergeAllowed: boolean | null;
}

export interface MergeDecision {
  decision: 'merge' | 'enable_auto_merge' | 'no';
  /** A sentence for the check. */
  reason: string;
  /** GitHub doesn't know yet: ask it again in some seconds, and decide then. */
  askAgain: boolean;
}

/**
 * May this pull request be merged, and how? A person's command counts instead of the setting
 * `auto_merge_enabled`, and instead of nothing else. What is to be merged is always `validatedSha`: GitHub
 * refuses the merge when the head has moved since.
 */
export function decideMerge(facts: MergeFacts): MergeDecision {
  const { pullRequest: pull, conclusion, validatedSha } = facts;
  if (pull.merged) return no('The pull request is merged already.');
  if (pull.state !== 'open') return no('The pull request is closed.');
  if (facts.askedBy === 'pipeline' && !facts.autoMergeEnabled) {
    return no('Merging automatically is switched off for this repository.');
  }
  if (pull.headSha !== validatedSha) {
    return no(`There is a newer commit, ${short(pull.headSha)}, which has to be validated first.`);
  }
  if (conclusion === null) return no(`The validation of ${short(validatedSha)} is not finished yet.`);
  if (conclusion !== 'success') {
    return no(`The validation of ${short(validatedSha)} did not pass (${conclusion}).`);
  }
  if (pull.draft || pull.mergeableState === 'draft') return no('The pull request is a draft.');
  if (pull.labels.some((label) => label.trim().toLowerCase() === DO_NOT_MERGE_LABEL)) {
    return no(`The pull request has the label \`${DO_NOT_MERGE_LABEL}\`.`);
  }
  if (pull.mergeable === false || pull.mergeableState === 'dirty') {
    return no('The pull request has conflicts with its base branch.');
  }
  if (pull.mergeable === null || pull.mergeableState === 'unknown') {
    return { ...no('GitHub has not worked out yet whether the pull request can be merged.'), askAgain: true };
  }
  const awaited = AWAITED[pull.mergeableState];
  if (awaited === undefined) {
    return { decision: 'merge', reason: `Merged at ${short(validatedSha)}, as validated.`, askAgain: false };
  }
  if (facts.autoMergeAllowed === false) {
    return no(`${awaited}, and the repository does not allow GitHub's auto-merge, which would wait for it.`);
  }
  return {
    decision: 'enable_auto_merge',
    reason: `${awaited}: GitHub merges the pull request when that is done.`,
    askAgain: false,
  };
}

/** The states in which branch protection still waits for something. */
const AWAITED: Readonly<Partial<Record<string, string>>> = {
  blocked: 'Branch protection still waits for a review or another check',
  behind: 'Branch protection wants the branch to be brought up to date with its base',
};

const no = (reason: string): MergeDecision => ({ decision: 'no', reason, askAgain: false });

const short = (sha: string): string => sha.slice(0, 7);
