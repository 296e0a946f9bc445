/**
 * The HTTP server. Webhooks are verified and stored by what is loaded first; everything else is answered by the App,
 * and waits for it where a request comes before the App is there.
 */
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { accessLog, type Answered } from './access-log.js';
import type { Logger } from './logging.js';
import type { Inbox, WebhookProject } from './webhooks/inbox.js';
import { webhookListener } from './webhooks/receive.js';

/**
 * Longer than proxies keep their idle connections (AWS's balancers 60 s, nginx as long): who closes first must not be
 * us, or what a proxy sends at that moment is lost.
 */
const KEEP_ALIVE_MS = 65_000;

export interface FrontOptions {
  inbox: Inbox;
  webhookSecret: string | null;
  log: Logger;
}

/** What the App adds once it is built. */
export interface Behind {
  http: RequestListener;
  findProject(id: string): Promise<WebhookProject | null>;
  answered(request: Answered): void;
  delivery(event: string, outcome: string): void;
}

export class Front {
  readonly inbox: Inbox;
  readonly listener: RequestListener;
  private readonly server;
  private readonly app: Promise<Behind>;
  /** Resolves `app`. */
  attach!: (app: Behind) => void;

  constructor({ inbox, webhookSecret, log }: FrontOptions) {
    this.inbox = inbox;
    let behind: Behind | null = null;
    this.app = new Promise((resolve) => (this.attach = (app) => resolve((behind = app))));
    // Without a turn of promises once it is there: under load that costs a tenth of all receiving.
    const tell = (say: (app: Behind) => void): void => (behind ? say(behind) : void this.app.then(say));
    const observed = accessLog(log, (request) => tell((app) => app.answered(request)));
    const receive = webhookListener({
      inbox,
      secret: webhookSecret,
      findProject: async (id) => (await this.app).findProject(id),
      log,
      onDelivery: (event, outcome) => tell((app) => app.delivery(event, outcome)),
    });
    this.listener = (request, response) =>
      observed(request, response, () => {
        if (!receive(request, response)) void this.app.then((app) => app.http(request, response));
      });
    this.server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, this.listener);
  }

  /** Resolves with the port that was taken; 0 takes a free one. Rejects where it can't be had. */
  async listen(port: number, host: string): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', reject).listen(port, host, resolve);
    });
    return this.port!;
  }

  /** Null before `listen`. */
  get port(): number | null {
    return (this.server.address() as AddressInfo | null)?.port ?? null;
  }

  /** Ends all connections; answers that are still owed are lost. */
  async close(): Promise<void> {
    if (this.server.listening) {
      this.server.closeAllConnections();
      await new Promise((resolve) => this.server.close(resolve));
    }
    await this.inbox.close();
  }
}
