import { createHmac, randomUUID } from 'node:crypto';
import type { Change, WebhookEvent } from './events.js';
import type { World } from './world.js';

/** GitHub waits this long for an answer. */
const TIMEOUT_MS = 10_000;

export interface DeliveryOptions {
  /** X-GitHub-Delivery; the same one again is a duplicate. */
  deliveryId?: string;
  /** Signs with this; null: unsigned. */
  secret?: string | null;
  /** Sends it there, without `installation` and not as the App's: a plain webhook of a repository. */
  url?: string;
  /** The body in place of the payload, signed all the same. */
  raw?: string | Buffer;
  /** Added last; undefined takes a header away. */
  headers?: Record<string, string | undefined>;
}

/** One attempt to send a webhook, as `GET /app/hook/deliveries` lists it. */
export interface Delivery {
  id: number;
  /** X-GitHub-Delivery: the same in every attempt. */
  guid: string;
  event: WebhookEvent;
  url: string;
  redelivery: boolean;
  deliveredAt: Date;
  durationMs: number;
  /** GitHub's word for how it went: OK, or what was wrong. */
  status: string;
  /** 502 where nobody answered, 504 where it took too long. */
  statusCode: number;
  requestHeaders: Record<string, string>;
  responseHeaders: Record<string, string>;
  responseBody: string;
}

/** Sends webhooks and remembers them as GitHub does for an App. */
export class Deliveries {
  /** Where the App's webhooks go. */
  webhookUrl: string | undefined;
  secret = 'a-webhook-secret-of-32-characters';
  /** Attempts for the App, oldest first; those of plain webhooks are not among them. */
  readonly all: Delivery[] = [];
  private readonly underWay = new Set<Promise<unknown>>();

  constructor(private readonly world: World) {}

  /** Sends a webhook and resolves with what came back; it does not reject when the receiver refuses or is gone. */
  async send(change: WebhookEvent | Change, options: DeliveryOptions = {}): Promise<Delivery> {
    const delivery = this.prepare('event' in change ? change.event : change, options);
    await this.attempt(delivery, options);
    if (options.url === undefined) this.all.push(delivery);
    this.world.changed();
    return delivery;
  }

  /** Notes a webhook as sent in vain. It arrives only if somebody asks for it again. */
  lose(change: WebhookEvent | Change): Delivery {
    const delivery = this.prepare('event' in change ? change.event : change, {});
    delivery.status = 'failed to connect to host';
    delivery.statusCode = 502;
    this.all.push(delivery);
    return delivery;
  }

  /** Sends a delivery again in the background, under the same GUID. */
  redeliver(delivery: Delivery): void {
    const again = { ...delivery, id: this.world.nextId('delivery'), redelivery: true, url: this.target() };
    const sent = this.attempt(again, {}).then(() => {
      this.all.push(again);
      this.world.changed();
    });
    this.inBackground(sent);
  }

  /** Sends without anyone waiting for it; `settled` does. */
  inBackground(sent: Promise<unknown>): void {
    const done = sent
      .catch((error: unknown) => this.world.problem(`a webhook could not be sent: ${String(error)}`))
      .finally(() => this.underWay.delete(done));
    this.underWay.add(done);
  }

  async settled(): Promise<void> {
    await Promise.allSettled(this.underWay);
  }

  private target(): string {
    if (this.webhookUrl === undefined) throw new Error('Set github.webhookUrl before delivering webhooks.');
    return this.webhookUrl;
  }

  private prepare(event: WebhookEvent, options: DeliveryOptions): Delivery {
    for (const problem of this.world.openApi.payloadProblems(event.name, event.payload)) {
      const name = [event.name, event.payload.action].join('.');
      this.world.problem(`the fake's webhook ${name} is not like GitHub's: ${problem}`);
    }
    return {
      id: this.world.nextId('delivery'),
      guid: options.deliveryId ?? randomUUID(),
      event: options.url === undefined ? event : withoutInstallation(event),
      url: options.url ?? this.target(),
      redelivery: false,
      deliveredAt: new Date(),
      durationMs: 0,
      status: '',
      statusCode: 0,
      requestHeaders: {},
      responseHeaders: {},
      responseBody: '',
    };
  }

  private async attempt(delivery: Delivery, options: DeliveryOptions): Promise<void> {
    const { event, guid } = delivery;
    const body = Buffer.from(options.raw ?? JSON.stringify(event.payload));
    const secret = options.secret === undefined ? this.secret : options.secret;
    const plain = options.url !== undefined;
    const { repository } = event.payload as { repository?: { id: number } };
    const headers: Record<string, string | undefined> = {
      accept: '*/*',
      'content-type': 'application/json',
      'user-agent': 'GitHub-Hookshot/fa4e9b8',
      'x-github-delivery': guid,
      'x-github-event': event.name,
      'x-github-hook-id': plain ? '512001' : '512000',
      'x-github-hook-installation-target-id': String(plain ? (repository?.id ?? 0) : this.world.app.id),
      'x-github-hook-installation-target-type': plain ? 'repository' : 'integration',
      ...(secret !== null && {
        'x-hub-signature': `sha1=${createHmac('sha1', secret).update(body).digest('hex')}`,
        'x-hub-signature-256': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
      }),
      ...options.headers,
    };
    delivery.requestHeaders = Object.fromEntries(
      Object.entries(headers).filter((header): header is [string, string] => header[1] !== undefined),
    );
    delivery.deliveredAt = new Date();
    const started = performance.now();
    try {
      const response = await fetch(delivery.url, {
        method: 'POST',
        headers: delivery.requestHeaders,
        body,
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      delivery.statusCode = response.status;
      delivery.status = response.ok ? 'OK' : `Invalid HTTP Response: ${response.status}`;
      delivery.responseHeaders = Object.fromEntries(response.headers);
      delivery.responseBody = await response.text();
    } catch (error) {
      const timedOut = error instanceof Error && error.name === 'TimeoutError';
      delivery.statusCode = timedOut ? 504 : 502;
      delivery.status = timedOut ? 'timed out' : 'failed to connect to host';
    }
    delivery.durationMs = performance.now() - started;
  }
}

function withoutInstallation(event: WebhookEvent): WebhookEvent {
  const payload = { ...event.payload };
  delete payload['installation'];
  return { name: event.name, payload };
}
