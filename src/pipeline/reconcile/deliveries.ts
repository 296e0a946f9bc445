/** Webhooks that GitHub could not deliver: it never tries again by itself, but keeps them for 3 days. */
import { In } from 'typeorm';
import { WebhookEvent } from '../../database/entities/index.js';
import { statusOf } from '../../github/repository.js';
import type { ReconcileDeps } from './deps.js';

const KEPT_MS = 3 * 86_400_000;
/** Deliveries are listed when they have ended, so a slow one appears behind a newer one. */
const OVERLAP_MS = 15 * 60_000;
const MAX_LISTED = 10_000;
const MAX_ASKED = 100;
const MARK = 'deliveries';

interface Listed {
  id: number;
  guid: string;
  deliveredAt: number;
  redelivery: boolean;
  failed: boolean;
}

/**
 * Asks GitHub again for the deliveries that failed and that we don't have, the oldest first, each once, at most 100
 * in a round.
 * @returns how many were asked for
 */
export async function askForMissedDeliveries(deps: ReconcileDeps, signal: AbortSignal): Promise<number> {
  const { github, leases, log } = deps;
  if (!github.app) return 0;
  const octokit = await github.app.auth();
  const mark = Number((await leases.mark(MARK)) ?? 0);
  const listed = await list(octokit, Math.max(Date.now() - KEPT_MS, mark - OVERLAP_MS), signal);
  if (listed.length === 0) return 0;

  const missed = (await missing(listed, deps)).reverse();
  for (const { id, guid } of missed.slice(0, MAX_ASKED)) {
    try {
      await octokit.request('POST /app/hook/deliveries/{delivery_id}/attempts', {
        delivery_id: id,
        request: { signal, retries: 0 },
      });
      log.info({ deliveryId: guid }, 'a delivery that was missed is asked for again');
    } catch (error) {
      // GitHub does not have it any more, or refuses: asking again would change nothing.
      const status = statusOf(error);
      if (status !== 404 && status !== 422 && status !== 400) throw error;
      log.warn({ deliveryId: guid, err: error }, 'a delivery that was missed can not be had again');
    }
  }
  // Whatever was too much for this round is looked for again by the next.
  if (missed.length <= MAX_ASKED)
    await leases.setMark(MARK, String(Math.max(...listed.map(({ deliveredAt }) => deliveredAt))));
  return Math.min(missed.length, MAX_ASKED);
}

type AppOctokit = Awaited<ReturnType<NonNullable<ReconcileDeps['github']['app']>['auth']>>;

/** Newest first, down to a time. */
async function list(octokit: AppOctokit, downTo: number, signal: AbortSignal): Promise<Listed[]> {
  const listed: Listed[] = [];
  const pages = octokit.paginate.iterator(octokit.rest.apps.listWebhookDeliveries, {
    per_page: 100,
    request: { signal },
  });
  for await (const { data } of pages) {
    for (const item of data) {
      const deliveredAt = Date.parse(item.delivered_at);
      if (deliveredAt < downTo) return listed;
      listed.push({
        id: item.id,
        guid: item.guid,
        deliveredAt,
        redelivery: item.redelivery,
        failed: item.status_code < 200 || item.status_code > 299,
      });
    }
    if (listed.length >= MAX_LISTED) return listed;
  }
  return listed;
}

async function missing(listed: Listed[], { database }: ReconcileDeps): Promise<Listed[]> {
  const askedBefore = new Set(listed.filter(({ redelivery }) => redelivery).map(({ guid }) => guid));
  const failed = listed.filter(({ failed, guid }) => failed && !askedBefore.has(guid));
  const stored = new Set<string>();
  for (let n = 0; n < failed.length; n += 500) {
    const guids = failed.slice(n, n + 500).map(({ guid }) => guid);
    const rows = await database.read.find(WebhookEvent, {
      select: { id: true, deliveryId: true },
      where: { deliveryId: In(guids) },
    });
    for (const { deliveryId } of rows) stored.add(deliveryId);
  }
  return failed.filter(({ guid }) => !stored.has(guid));
}
