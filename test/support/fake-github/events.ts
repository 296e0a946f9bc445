import type { Account } from './accounts.js';
import { accountJson, organizationJson } from './json/account.js';
import { type Json, nodeId } from './json/common.js';
import { repositoryJson } from './json/repository.js';
import type { FakeRepository } from './repository.js';
import type { World } from './world.js';

/** A webhook that GitHub would send now, complete: later changes don't alter it, so it can come late. */
export interface WebhookEvent {
  /** X-GitHub-Event. */
  name: string;
  payload: Json & { action?: string };
}

/** What every change of state made for a test returns: nothing is sent until it is delivered. */
export interface Change {
  event: WebhookEvent;
}

/** Builds an event with the parts that all events have. */
export function webhookEvent(
  world: World,
  name: string,
  fields: Json & { action?: string },
  about: { sender: Account; repository?: FakeRepository },
): WebhookEvent {
  const { repository, sender } = about;
  const installation = repository && world.installationOf(repository);
  const payload = {
    ...fields,
    ...(repository && { repository: repositoryJson(world.urls, repository) }),
    ...(repository?.owner.type === 'Organization' && {
      organization: organizationJson(world.urls, repository.owner),
    }),
    sender: accountJson(world.urls, sender),
    ...(installation && {
      installation: {
        id: installation.id,
        node_id: nodeId('I', installation.id),
      },
    }),
    // An event's own fields win: push has its own form of the repository, installation events of the installation.
    ...Object.fromEntries(
      Object.entries(fields).filter(([key]) => ['repository', 'installation'].includes(key)),
    ),
  };
  return { name, payload };
}
