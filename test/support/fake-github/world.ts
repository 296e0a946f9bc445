import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Accounts, type Account } from './accounts.js';
import { APP_EVENTS, APP_PERMISSIONS, type AppRegistration } from './app-registration.js';
import { Deliveries } from './deliveries.js';
import type { WebhookEvent } from './events.js';
import { Installation } from './installation.js';
import type { Urls } from './json/common.js';
import { OpenApi } from './openapi.js';
import { FakeRepository, type RepositoryOptions } from './repository.js';
import { Tokens } from './tokens.js';

/** Real ids of GitHub are beyond 32 bits for these, and so are ours. */
const FIRST_ID = {
  small: 1_000,
  repository: 700_000_000,
  issue: 2_300_000_000,
  comment: 2_500_000_000,
  check: 41_000_000_000,
  delivery: 180_000_000_000_000,
};
export type IdKind = keyof typeof FIRST_ID;

/** Everything on this GitHub, and what happens to it. */
export class World {
  private readonly ids = { ...FIRST_ID };
  readonly directory = mkdtempSync(join(tmpdir(), 'fake-github-'));
  /** The URL of a process that serves `directory` to git: for a test's own, starting programs takes longer. */
  gitServer: string | null = null;
  readonly openApi = OpenApi.load();
  readonly accounts = new Accounts(() => this.nextId('small'));
  readonly app: AppRegistration = {
    id: 420_042,
    slug: 'codegenapp',
    name: 'CodegenApp',
    clientId: 'Iv23liFakeGitHubApp0',
    owner: this.accounts.named('codegen-owner'),
    createdAt: new Date(),
    permissions: { ...APP_PERMISSIONS },
    events: [...APP_EVENTS],
  };
  /** The author of what the App does. */
  readonly appAccount = this.accounts.named(`${this.app.slug}[bot]`);
  /** How far GitHub's clock is ahead of this machine's. */
  clockAheadMs = 0;
  readonly now = (): number => Date.now() + this.clockAheadMs;
  readonly tokens = new Tokens(this);
  readonly deliveries = new Deliveries(this);
  readonly repositories: FakeRepository[] = [];
  readonly installations: Installation[] = [];
  /** Webhooks about what the App itself did over REST, in order. Sent by `deliver`, or at once with `autoDeliver`. */
  readonly emitted: WebhookEvent[] = [];
  urls: Urls = { api: '', html: '' };

  protected readonly problems: string[] = [];
  private readonly otherApps = new Map<string, AppRegistration>();
  private readonly listeners = new Set<() => void>();

  nextId(kind: IdKind): number {
    return ++this.ids[kind];
  }

  /** The account of that name, made when it does not exist. */
  user(login: string): Account {
    return this.accounts.named(login);
  }

  /** Another GitHub App, made when it does not exist; nobody acts as it but a test. */
  otherApp(slug: string): AppRegistration {
    const app = this.otherApps.get(slug) ?? {
      ...this.app,
      id: this.nextId('small'),
      slug,
      name: slug,
      clientId: `Iv1.${slug}`,
      owner: this.user('github'),
    };
    this.otherApps.set(slug, app);
    return app;
  }

  /**
   * Makes a repository with one commit of the files on its default branch. Its owner, an organization unless
   * known before as something else, has the App installed on all its repositories, unless `installed` is false.
   */
  createRepository(fullName: string, options: RepositoryOptions = {}): FakeRepository {
    const [owner = '', name = ''] = fullName.split('/');
    if (this.repositoryNamed(fullName)) throw new Error(`There is a repository ${fullName} already.`);
    const account = this.accounts.named(owner, options.ownerType ?? 'Organization');
    const repository = new FakeRepository(this, account, name, options);
    this.repositories.push(repository);
    if (options.installed !== false && !this.installationOn(account)) this.install(owner);
    if (options.installed === false) this.installationOn(account)?.exclude(repository);
    return repository;
  }

  /** Installs the App on an account: on all its repositories, or only on those given. */
  install(owner: string, repositories?: FakeRepository[]): Installation {
    const account = this.accounts.named(owner, 'Organization');
    if (this.installationOn(account)) throw new Error(`The App is already installed on ${owner}.`);
    const installation = new Installation(this, account, repositories);
    this.installations.push(installation);
    return installation;
  }

  installationOn(account: Account): Installation | undefined {
    return this.installations.find((installation) => installation.account === account);
  }

  installationOf(repository: FakeRepository): Installation | undefined {
    return this.installations.find((installation) => installation.has(repository));
  }

  /** By the name it has now, without regard to case. */
  repositoryNamed(fullName: string): FakeRepository | undefined {
    return this.repositories.find((each) => each.fullName.toLowerCase() === fullName.toLowerCase());
  }

  /** By a name it had before, which GitHub redirects until the name is taken again. */
  repositoryOnceNamed(fullName: string): FakeRepository | undefined {
    return this.repositories.find((each) => each.formerNames.includes(fullName.toLowerCase()));
  }

  /** Notes something that must fail the test. */
  problem(text: string): void {
    if (!this.problems.includes(text)) this.problems.push(text);
  }

  emit(event: WebhookEvent): void {
    this.emitted.push(event);
  }

  /** Calls back whenever something happened; returns how to stop that. */
  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  changed(): void {
    for (const listener of [...this.listeners]) listener();
  }
}
