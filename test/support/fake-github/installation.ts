import type { Account } from './accounts.js';
import { webhookEvent, type Change } from './events.js';
import { installationJson } from './json/app.js';
import { installedRepositoryJson } from './json/repository.js';
import type { FakeRepository } from './repository.js';
import type { World } from './world.js';

/** The App on one account. Its verbs return the webhook that GitHub would send. */
export class Installation {
  readonly id: number;
  readonly createdAt = new Date();
  /** What this account has granted; take from it to see the App refused. */
  permissions: Record<string, string>;
  suspendedAt: Date | undefined;
  suspendedBy: Account | undefined;
  /** The webhook of this installation. */
  readonly created: Change;
  private selected: Set<FakeRepository> | undefined;
  private readonly excluded = new Set<FakeRepository>();

  constructor(
    private readonly world: World,
    readonly account: Account,
    repositories?: FakeRepository[],
  ) {
    this.id = world.nextId('small');
    this.permissions = { ...world.app.permissions };
    this.selected = repositories && new Set(repositories);
    this.created = { event: this.event('created') };
  }

  get selection(): 'all' | 'selected' {
    return this.selected || this.excluded.size > 0 ? 'selected' : 'all';
  }

  get repositories(): FakeRepository[] {
    return this.world.repositories.filter((repository) => this.has(repository));
  }

  has(repository: FakeRepository): boolean {
    if (repository.owner !== this.account || this.excluded.has(repository)) return false;
    return this.selected ? this.selected.has(repository) : true;
  }

  /** Leaves a repository out, as if it had never been selected. */
  exclude(repository: FakeRepository): void {
    this.excluded.add(repository);
  }

  addRepositories(...repositories: FakeRepository[]): Change {
    for (const repository of repositories) {
      this.excluded.delete(repository);
      this.selected?.add(repository);
    }
    return this.repositoriesEvent('added', repositories, []);
  }

  removeRepositories(...repositories: FakeRepository[]): Change {
    this.selected ??= new Set(this.repositories);
    for (const repository of repositories) this.selected.delete(repository);
    return this.repositoriesEvent('removed', [], repositories);
  }

  suspend(by = this.administrator): Change {
    this.suspendedAt = new Date();
    this.suspendedBy = by;
    return { event: this.event('suspend') };
  }

  unsuspend(): Change {
    this.suspendedAt = this.suspendedBy = undefined;
    return { event: this.event('unsuspend') };
  }

  /** The account grants other permissions than so far. */
  acceptPermissions(permissions: Record<string, string>): Change {
    this.permissions = { ...permissions };
    return { event: this.event('new_permissions_accepted') };
  }

  uninstall(): Change {
    const event = this.event('deleted');
    this.world.installations.splice(this.world.installations.indexOf(this), 1);
    return { event };
  }

  private get administrator(): Account {
    return this.account.type === 'Organization' ? this.world.user('octocat') : this.account;
  }

  private event(action: string) {
    const { world } = this;
    return webhookEvent(
      world,
      'installation',
      {
        action,
        installation: installationJson(world.urls, world.app, this),
        ...(['created', 'deleted'].includes(action) && {
          repositories: this.repositories.map(installedRepositoryJson),
        }),
        ...(action === 'created' && { requester: null }),
      },
      {
        sender: this.account.type === 'Organization' ? world.user('octocat') : this.account,
      },
    );
  }

  private repositoriesEvent(action: string, added: FakeRepository[], removed: FakeRepository[]): Change {
    const { world } = this;
    const fields = {
      action,
      installation: installationJson(world.urls, world.app, this),
      repository_selection: this.selection,
      repositories_added: added.map(installedRepositoryJson),
      repositories_removed: removed.map(installedRepositoryJson),
      requester: null,
    };
    return {
      event: webhookEvent(world, 'installation_repositories', fields, { sender: this.administrator }),
    };
  }
}
