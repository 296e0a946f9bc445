/** A project's stored webhook events, to be filtered and handled once more. */
import { Router } from 'express';
import { LISTED_EVENT, replayEvent } from '../api/events.js';
import { WebhookEvent } from '../database/entities/index.js';
import { EVENT_STATUSES, type EventStatus } from '../database/entities/webhook-event.js';
import { pageOf } from '../database/pages.js';
import { isId } from '../domain/ids.js';
import { actionRoute } from './action-route.js';
import { ago, buttonForm, pager } from './bits.js';
import { field, projectOr404, type PageDeps } from './deps.js';
import { html, type Fragment } from './html.js';
import { icon, type Tone } from './icons.js';
import { noticeBox, sendPage } from './layout.js';
import { takeNotice } from './notices.js';
import { projectHeader, projectPath } from './project-header.js';

const LISTED = 30;

const TONES: Record<EventStatus, Tone> = {
  queued: 'running',
  processed: 'passed',
  ignored: 'muted',
  failed: 'failed',
};

export function eventPages(deps: PageDeps): Router {
  const router = Router();
  router.get('/projects/:id/events', async (request, response) => {
    const project = await projectOr404(deps, request.params.id);
    const event = field(request.query, 'event').trim().slice(0, 100);
    const status = EVENT_STATUSES.find((one) => one === field(request.query, 'status'));
    const after = field(request.query, 'after');
    const where = { projectId: project.id, ...(event ? { event } : {}), ...(status ? { status } : {}) };
    const page = await pageOf(
      deps.database,
      WebhookEvent,
      where,
      { limit: LISTED, cursor: isId(after) ? after : undefined },
      LISTED_EVENT,
    );
    const { redact } = await deps.redactorOf(project);
    const base = `/projects/${project.id}/events`;
    const address = (cursor: string | null) => {
      const query = new URLSearchParams({ event, status: status ?? '' });
      if (cursor !== null) query.set('after', cursor);
      return `${base}?${query.toString()}`;
    };
    await sendPage(response, { title: `Webhook events of ${project.fullName}`, path: projectPath(project) }, [
      projectHeader(project, 'events'),
      noticeBox(takeNotice(request, response)),
      html`<form class="filters" action="${base}">
        <label>Event <input name="event" value="${event}" placeholder="pull_request" size="18" /></label
        ><label
          >Status
          <select name="status">
            <option value="">any</option>
            ${EVENT_STATUSES.map((one) => html`<option${one === status && html` selected`}>${one}</option>`)}
          </select></label
        ><button>Filter</button>
      </form>`,
      page.rows.length === 0
        ? html`<p>
            ${event || status || after ? 'No event matches.' : 'No webhook has come yet: GitHub sends them when something happens on a pull request.'}
          </p>`
        : html`<table class="stack">
            <thead>
              <tr>
                <th scope="col">Event</th>
                <th scope="col">Status</th>
                <th scope="col">Received</th>
                <th scope="col"><span class="hidden-text">Actions</span></th>
              </tr>
            </thead>
            <tbody>
              ${page.rows.map((row) => eventRow(row, base, redact))}
            </tbody>
          </table>`,
      pager(page.next && address(page.next), after ? address(null) : null),
    ]);
  });

  actionRoute(router)(
    '/projects/:id/events/:event/replay',
    ({ params }) => `/projects/${params['id'] as string}/events`,
    async ({ params }) => {
      const project = await projectOr404(deps, params['id']);
      const id = params['event'] as string;
      const where = { id, projectId: project.id };
      if (isId(id) && (await deps.database.read.existsBy(WebhookEvent, where)))
        return { text: `It is handled once more, as the event ${await replayEvent(deps, id)}.` };
      return { text: 'This event is no longer kept.' };
    },
  );
  return router;
}

function eventRow(row: WebhookEvent, base: string, redact: (text: string) => string): Fragment {
  const tone = TONES[row.status];
  return html`<tr>
    <td>
      <strong>${row.event}</strong
      >${row.action && html` ${row.action}`}${row.pullRequestNumber !== null && html` <span class="muted">#${row.pullRequestNumber}</span>`}<br /><span
        class="muted small mono"
        >${row.deliveryId}</span
      >${row.replayOf && html` <span class="pill">replay</span>`}
    </td>
    <td>
      <span class="state ${tone}">${icon(tone)} ${row.status}</span
      >${row.error && html`<br /><span class="small">${redact(row.error)}</span>`}
    </td>
    <td class="nowrap">${ago(row.receivedAt)}</td>
    <td>${buttonForm(`${base}/${row.id}/replay`, 'Replay')}</td>
  </tr>`;
}
