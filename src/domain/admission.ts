/** Whether a pull request is validated now. A pure decision over facts; what follows from it is for the caller. */
import { globMatcher } from './glob.js';

export interface AdmissionFacts {
  state: 'open' | 'closed';
  draft: boolean;
  title: string;
  /** Null where it is not known. */
  headCommitMessage: string | null;
  /** All paths that the pull request changes, of renamed files both; null where not all are known. */
  changedPaths: readonly string[] | null;
  /** A person asked for this very run: draft, paths and skip markers don't count then, who may run what does. */
  requested: boolean;

  /** The head is in another repository than the base, or in one that is gone. */
  fork: boolean;
  /** The author has write permission on the base repository, as GitHub says (not `author_association`). */
  authorCanWrite: boolean;
  /** Somebody with write permission approved running this very head sha. */
  headApproved: boolean;

  skipDrafts: boolean;
  pathsIgnore: readonly string[];
  forkPolicy: 'approve' | 'run' | 'ignore';
  /** This server can't lock up code that it doesn't trust. */
  trustedOnly: boolean;
}

/** run: now; wait: for approval (`action_required`); skip: said so on the check (`skipped`); ignore: say nothing. */
export type AdmissionDecision = 'run' | 'wait' | 'skip' | 'ignore';

export interface Admission {
  decision: AdmissionDecision;
  /** A sentence for the author. */
  reason: string;
}

/**
 * A skip marker comes after the question of trust, because a skipped check lets a required check pass: strangers
 * must not be able to skip. Draft and ignored paths come before it, so that nobody is asked to approve those.
 */
export function admit(facts: AdmissionFacts): Admission {
  if (facts.state === 'closed') return { decision: 'ignore', reason: 'The pull request is closed.' };
  if (facts.fork && facts.forkPolicy === 'ignore') {
    return { decision: 'ignore', reason: 'Pull requests from forks are not validated here.' };
  }
  if (!facts.requested) {
    if (facts.draft && facts.skipDrafts) {
      return { decision: 'skip', reason: 'Drafts are validated once they are ready for review.' };
    }
    if (onlyIgnoredPaths(facts)) {
      return { decision: 'skip', reason: 'Only paths that `paths_ignore` names are changed.' };
    }
  }
  if (facts.fork && facts.trustedOnly) {
    return {
      decision: 'wait',
      reason:
        'This server has no sandbox for code from forks, so it only runs pull requests from the repository itself.',
    };
  }
  if (facts.fork && facts.forkPolicy === 'approve' && !facts.authorCanWrite && !facts.headApproved) {
    return {
      decision: 'wait',
      reason:
        'The code comes from a fork; somebody with write permission has to approve running this commit.',
    };
  }
  const marker = facts.requested ? null : skipMarker(facts.title, facts.headCommitMessage ?? '');
  if (marker !== null) return { decision: 'skip', reason: marker };
  return { decision: 'run', reason: reasonToRun(facts) };
}

function onlyIgnoredPaths({ changedPaths, pathsIgnore }: AdmissionFacts): boolean {
  if (changedPaths === null || changedPaths.length === 0 || pathsIgnore.length === 0) return false;
  return changedPaths.every(globMatcher(pathsIgnore));
}

const MARKER = /\[(?:skip ci|ci skip|no ci|skip codegen)\]/i;

/** GitHub's own trailer for "no checks please", in the last paragraph of the message. */
const TRAILER = /^skip-checks: ?true[ \t]*$/im;

/** Why to skip, as a sentence, or null. */
export function skipMarker(title: string, headCommitMessage: string): string | null {
  const inTitle = MARKER.exec(title);
  if (inTitle) return `The title says \`${inTitle[0]}\`.`;
  const inMessage = MARKER.exec(headCommitMessage);
  if (inMessage) return `The message of the head commit says \`${inMessage[0]}\`.`;
  const [, ...paragraphs] = headCommitMessage.replaceAll('\r\n', '\n').trimEnd().split('\n\n');
  return TRAILER.test(paragraphs.at(-1) ?? '')
    ? 'The head commit has the trailer `skip-checks: true`.'
    : null;
}

function reasonToRun(facts: AdmissionFacts): string {
  if (facts.requested) return 'Somebody asked for this run.';
  if (!facts.fork) return 'The pull request is open.';
  if (facts.headApproved) return 'Running this commit from a fork was approved.';
  if (facts.forkPolicy === 'run') return 'Pull requests from forks are run without approval here.';
  return 'The code comes from a fork of somebody with write permission.';
}
