/** The Probot application: binds events to handlers, nothing else. */
import type { Probot } from 'probot';
import { EVENTS, parseEvent, type EventName, type Payload } from './webhooks/events.js';
import { onCheckRun, onCheckSuite } from './webhooks/handlers/checks.js';
import type { HandlerDeps } from './webhooks/handlers/deps.js';
import {
  onInstallation,
  onInstallationRepositories,
  onRepository,
} from './webhooks/handlers/installation.js';
import { onIssueComment } from './webhooks/handlers/issue-comment.js';
import { onMergeGroup } from './webhooks/handlers/merge-group.js';
import { onPullRequest } from './webhooks/handlers/pull-request.js';

type Handler<Name extends EventName> = (
  payload: Payload<Name>,
  deps: HandlerDeps,
  deliveryId: string,
) => Promise<void>;

const handlers: { [Name in EventName]?: Handler<Name> } = {
  pull_request: onPullRequest,
  issue_comment: onIssueComment,
  check_run: onCheckRun,
  check_suite: onCheckSuite,
  merge_group: onMergeGroup,
  installation: onInstallation,
  installation_repositories: onInstallationRepositories,
  repository: onRepository,
};

export const codegenApp =
  (deps: HandlerDeps) =>
  (app: Probot): void => {
    for (const name of Object.keys(EVENTS) as EventName[]) bind(app, name, handlers[name], deps);
  };

function bind(
  app: Probot,
  name: EventName,
  handler: Handler<EventName> | undefined,
  deps: HandlerDeps,
): void {
  if (handler) app.on(name, async ({ id, payload }) => handler(parseEvent(name, payload), deps, id));
}
