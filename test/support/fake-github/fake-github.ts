import { rmSync } from 'node:fs';
import { appKeys } from './app-registration.js';
import type { Delivery, DeliveryOptions } from './deliveries.js';
import type { Change, WebhookEvent } from './events.js';
import { Faults, type ActiveFault, type Fault } from './faults.js';
import { describeHistory } from './history.js';
import { FakeServer, type LoggedRequest, type WriteLimit } from './server.js';
import { waitFor, type WaitOptions } from './wait.js';
import { World } from './world.js';

/**
 * A GitHub of a test's own, in memory, served over real HTTP: the real Octokit and the real git talk to it by
 * GHE_HOST and GHE_PROTOCOL=http. Verbs on its repositories and pull requests change state and return the
 * webhook; `deliver` sends it, so lost, late and doubled webhooks are told as easily as good ones.
 *
 * It fails the test at `stop` when the App asked for something it does not model or that GitHub's OpenAPI
 * description does not allow, when it differed from that description itself, and when a fault hit nothing.
 */
export class FakeGitHub extends World {
  /** The user of `personalToken`; give rights by `repository.permit`. */
  readonly personalUser = this.user('token-owner');
  /** A classic personal access token. */
  readonly personalToken = this.tokens.issuePersonal(this.personalUser);
  /** Sends what `emitted` gets at once, to a webhookUrl that is set: the App hears its own comments, as on GitHub. */
  autoDeliver = false;
  private readonly faults = new Faults();
  private readonly server = new FakeServer(this, this.faults);
  private readonly acknowledged: RegExp[] = [];

  private constructor() {
    super();
  }

  static async start(): Promise<FakeGitHub> {
    const github = new FakeGitHub();
    const host = await github.server.start();
    github.urls = { html: `http://${host}`, api: `http://${host}/api/v3` };
    return github;
  }

  /** Stops the server and deletes the repositories. Throws with everything that must fail the test. */
  async stop(): Promise<void> {
    await this.deliveries.settled();
    await this.server.stop();
    rmSync(this.directory, { recursive: true, force: true, maxRetries: 3 });
    const problems = [...this.problems, ...this.faults.unused()].filter(
      (problem) => !this.acknowledged.some((pattern) => pattern.test(problem)),
    );
    if (problems.length > 0) {
      throw new Error(`The fake GitHub saw what GitHub would not take:\n- ${problems.join('\n- ')}`);
    }
  }

  // What the App needs to know

  /** For GHE_HOST. */
  get host(): string {
    return new URL(this.urls.html).host;
  }
  get url(): string {
    return this.urls.html;
  }
  /** Octokit's baseUrl. */
  get apiUrl(): string {
    return this.urls.api;
  }
  get appId(): number {
    return this.app.id;
  }
  get privateKey(): string {
    return appKeys().privateKey;
  }
  get webhookSecret(): string {
    return this.deliveries.secret;
  }
  /** Probot's environment variables for this GitHub. */
  get environment(): Record<string, string> {
    return {
      APP_ID: String(this.appId),
      PRIVATE_KEY: this.privateKey,
      WEBHOOK_SECRET: this.webhookSecret,
      GHE_HOST: this.host,
      GHE_PROTOCOL: 'http',
    };
  }

  // Webhooks

  /** Where the App's webhooks go. */
  get webhookUrl(): string | undefined {
    return this.deliveries.webhookUrl;
  }
  set webhookUrl(url: string | undefined) {
    this.deliveries.webhookUrl = url;
  }

  /** Sends a webhook, signed; resolves with what came back. */
  deliver(change: WebhookEvent | Change, options?: DeliveryOptions): Promise<Delivery> {
    return this.deliveries.send(change, options);
  }

  /** Notes a webhook as sent while nobody listened: only `GET /app/hook/deliveries` knows of it. */
  lose(change: WebhookEvent | Change): Delivery {
    return this.deliveries.lose(change);
  }

  override emit(event: WebhookEvent): void {
    super.emit(event);
    if (this.autoDeliver && this.webhookUrl !== undefined) this.deliveries.inBackground(this.deliver(event));
  }

  // Trouble

  /** Makes requests fail. A fault that hits nothing fails the test. */
  fault(fault: Fault): ActiveFault {
    return this.faults.add(fault);
  }

  /** Refuses what is written beyond this, as GitHub does; null: nothing is too much. */
  set writeLimit(limit: WriteLimit | null) {
    this.server.writeLimit = limit;
  }

  /** Ends all installation tokens. */
  expireTokens(): void {
    this.tokens.expireAll();
  }

  /** Says that problems which match belong to the test. */
  acknowledge(problem: RegExp): void {
    this.acknowledged.push(problem);
  }

  // Looking

  /** Every request that arrived, oldest first. */
  get requests(): readonly LoggedRequest[] {
    return this.server.requests;
  }

  /**
   * Resolves with the condition's value once it is true-ish. It is looked at whenever something happened here;
   * after the timeout (10 s) this rejects with the whole history.
   */
  waitFor<T>(condition: () => T | Promise<T>, options: WaitOptions = {}): Promise<T> {
    return waitFor(this, condition, options, () => this.history());
  }

  /** Requests, check runs, statuses and comments, as text. */
  history(): string {
    return describeHistory(this, this.requests);
  }
}
