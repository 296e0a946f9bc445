import { notFound } from '../api-error.js';
import type { Delivery } from '../deliveries.js';
import { iso, type Json } from '../json/common.js';
import { asApp, ok, type ApiRequest, type Routes } from './route.js';

function itemJson(delivery: Delivery): Json {
  return {
    id: delivery.id,
    guid: delivery.guid,
    delivered_at: iso(delivery.deliveredAt),
    redelivery: delivery.redelivery,
    duration: delivery.durationMs / 1000,
    status: delivery.status,
    status_code: delivery.statusCode,
    event: delivery.event.name,
    action: delivery.event.payload.action ?? null,
    installation_id: (delivery.event.payload['installation'] as Json | undefined)?.['id'] ?? null,
    repository_id: (delivery.event.payload['repository'] as Json | undefined)?.['id'] ?? null,
    throttled_at: null,
  };
}

function deliveryWith({ world, params }: ApiRequest): Delivery {
  const found = world.deliveries.all.find(({ id }) => id === Number(params['delivery_id']));
  if (!found) throw notFound();
  return found;
}

export const deliveryRoutes: Routes = {
  'apps/get-webhook-config-for-app': asApp(({ world }) =>
    ok({
      content_type: 'json',
      insecure_ssl: '0',
      secret: '********',
      ...(world.deliveries.webhookUrl !== undefined && { url: world.deliveries.webhookUrl }),
    }),
  ),

  /** Newest first, by cursor: the id of the first delivery of the page. */
  'apps/list-webhook-deliveries': asApp((request) => {
    const { world, query, url } = request;
    const size = Math.min(Number(query.get('per_page') ?? 30), 100);
    const cursor = query.get('cursor');
    const wanted = query.get('status');
    const newestFirst = [...world.deliveries.all].reverse().filter(({ statusCode }) => {
      const succeeded = statusCode >= 200 && statusCode < 300;
      return wanted === null || succeeded === (wanted === 'success');
    });
    const start = cursor === null ? 0 : newestFirst.findIndex(({ id }) => id <= Number(cursor));
    const page = start < 0 ? [] : newestFirst.slice(start, start + size);
    const next = start < 0 ? undefined : newestFirst[start + size];
    const nextUrl = new URL(url);
    if (next) nextUrl.searchParams.set('cursor', String(next.id));
    const list = ok(page.map(itemJson));
    return next ? { ...list, headers: { link: `<${nextUrl.href}>; rel="next"` } } : list;
  }),

  'apps/get-webhook-delivery': asApp((request) => {
    const delivery = deliveryWith(request);
    return ok({
      ...itemJson(delivery),
      url: delivery.url,
      request: { headers: delivery.requestHeaders, payload: delivery.event.payload },
      response: { headers: delivery.responseHeaders, payload: delivery.responseBody },
    });
  }),

  /** Sends it again, soon after it has answered. */
  'apps/redeliver-webhook-delivery': asApp((request) => {
    request.world.deliveries.redeliver(deliveryWith(request));
    return { status: 202, body: {} };
  }),
};
