/**
 * What is kept beside a stored event. Receiving waits for this, and shall be there at once after a start,
 * so it is read by hand, without the library that checks what handlers use.
 */
import type { EventName } from './events.js';

/** The events and actions that we have a use for. */
const ACTIONS: Record<EventName, readonly string[]> = {
  pull_request: ['opened', 'reopened', 'synchronize', 'ready_for_review', 'edited', 'closed'],
  issue_comment: ['created'],
  check_run: ['rerequested', 'requested_action'],
  check_suite: ['rerequested'],
  merge_group: ['checks_requested', 'destroyed'],
  installation: ['created', 'deleted', 'suspend', 'unsuspend', 'new_permissions_accepted'],
  installation_repositories: ['added', 'removed'],
  repository: ['renamed', 'transferred', 'deleted', 'edited'],
};

export interface EventSummary {
  action: string | null;
  repositoryId: number | null;
  fullName: string | null;
  pullRequestNumber: number | null;
  /** Events of one pull request are handled in order, those of different ones side by side. */
  lane: string;
  /** Whether we have a use for it. */
  wanted: boolean;
}

/** Reads it without trusting the payload's form. @param payload a JSON object, of any content */
export function summarise(event: string, payload: object): EventSummary {
  const { action: given, repository, installation, pull_request, issue } = payload as Record<string, unknown>;
  const action = typeof given === 'string' && /^[a-z_]{1,100}$/.test(given) ? given : null;
  const repositoryId = idOf(repository);
  const fullName = fieldOf(repository, 'full_name');
  const isRepository = repositoryId !== null && typeof fullName === 'string';
  const pullRequestNumber = numberOf(pull_request) ?? numberOf(issue);
  const where = isRepository ? repositoryId : `installation-${idOf(installation) ?? 0}`;
  return {
    action,
    repositoryId: isRepository ? repositoryId : null,
    // PostgreSQL's text can't hold NUL.
    fullName: isRepository ? fullName.replaceAll('\0', '') : null,
    pullRequestNumber,
    lane: `event:${where}:${pullRequestNumber ?? ''}`,
    wanted: action !== null && Object.hasOwn(ACTIONS, event) && ACTIONS[event as EventName].includes(action),
  };
}

const fieldOf = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;

/** GitHub's ids are within what a double holds exactly. */
function idOf(value: unknown): number | null {
  const id = fieldOf(value, 'id');
  return Number.isSafeInteger(id) && (id as number) >= 0 ? (id as number) : null;
}

/** Within what an integer column holds. */
function numberOf(value: unknown): number | null {
  const number = fieldOf(value, 'number');
  return Number.isInteger(number) && (number as number) > 0 && (number as number) < 2 ** 31
    ? (number as number)
    : null;
}
