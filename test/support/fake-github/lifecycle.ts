import { webhookEvent, type Change } from './events.js';
import { accountJson, organizationJson } from './json/account.js';
import type { FakeRepository } from './repository.js';

/** Renames a repository; the old name redirects. */
export function rename(repository: FakeRepository, name: string, by = repository.maintainer): Change {
  const from = repository.name;
  repository.formerNames.push(repository.fullName.toLowerCase());
  repository.name = name;
  return event(repository, 'renamed', by, { changes: { repository: { name: { from } } } });
}

/** Gives a repository to another owner; the App stays where that owner has it installed too. */
export function transfer(repository: FakeRepository, owner: string, by = repository.maintainer): Change {
  const from = repository.owner;
  repository.formerNames.push(repository.fullName.toLowerCase());
  repository.owner = repository.world.accounts.named(owner, 'Organization');
  const { urls } = repository.world;
  const owned =
    from.type === 'Organization'
      ? { organization: organizationJson(urls, from) }
      : { user: accountJson(urls, from) };
  const changes = { owner: { from: owned } };
  return event(repository, 'transferred', by, { changes });
}

/** Deletes a repository. Its pull requests to others stay, without a head repository. */
export function remove(repository: FakeRepository, by = repository.maintainer): Change {
  const change = event(repository, 'deleted', by);
  const { repositories } = repository.world;
  repositories.splice(repositories.indexOf(repository), 1);
  return change;
}

/** Makes a repository read-only. */
export function archive(repository: FakeRepository, by = repository.maintainer): Change {
  repository.archived = true;
  return event(repository, 'archived', by);
}

function event(repository: FakeRepository, action: string, by: string, fields = {}): Change {
  const { world } = repository;
  const sender = world.user(by);
  return { event: webhookEvent(world, 'repository', { action, ...fields }, { sender, repository }) };
}
