/** What the page of a pipeline consists of and can do. */
import { Router, type Request, type Response } from 'express';
import { AgentRun } from '../database/entities/index.js';
import { STAGE_NAMES, type StageName } from '../domain/pipeline.js';
import { actionRoute } from './action-route.js';
import { Problem } from '../api/problem.js';
import { field, pipelineOr404, projectOr404, type PageDeps } from './deps.js';
import { html } from './html.js';
import { noticeBox, sendPage } from './layout.js';
import { MAX_LINES, type Hit } from './line-index.js';
import { streamLive } from './live.js';
import { colored } from './log-panel.js';
import { takeNotice } from './notices.js';
import { loadPipeline } from './pipeline-model.js';
import { nameOf, pipelinePage, tabTitle, toneOfPipeline } from './pipeline-page.js';

const REFRESH_SECONDS = 3;
/** Of one search. */
const MAX_HITS = 1_000;
const OPERATOR = 'the operator';

export function pipelineRoutes(deps: PageDeps): Router {
  const router = Router();
  const { actions, loop } = deps;

  router.get('/pipelines/:id', async (request, response) => {
    const row = await pipelineOr404(deps, request.params.id);
    const shown = await loadPipeline(deps, row);
    const { project } = shown;
    await sendPage(
      response,
      {
        title: tabTitle(shown),
        tone: toneOfPipeline(shown.view),
        path: project ? [{ name: project.fullName, url: `/projects/${project.id}` }] : [],
        scripts: ['pipeline', 'live', 'log-panel', 'log-viewer', 'ansi'],
        refresh: row.status === 'completed' ? null : REFRESH_SECONDS,
      },
      [noticeBox(takeNotice(request, response)), pipelinePage(shown)],
    );
  });

  router.get('/pipelines/:id/live', async (request, response) => {
    const row = await pipelineOr404(deps, request.params.id);
    const after = request.get('last-event-id') ?? field(request.query, 'after');
    if (request.method === 'HEAD') return void response.type('text/event-stream').end();
    await streamLive(deps, row, after, response);
  });

  router.get('/pipelines/:id/lines', async (request, response) => {
    const row = await pipelineOr404(deps, request.params.id);
    const redactor = await deps.redactorOf({ id: row.projectId });
    const count = Math.min(whole(request, 'count', MAX_LINES), MAX_LINES);
    const answer = await deps.logs.lines(row, stageOf(request), redactor, whole(request, 'from', 0), count);
    response.set('Cache-Control', 'no-store').json({ attempt: row.attempt, ...answer });
  });

  router.get('/pipelines/:id/first-error', async (request, response) => {
    const row = await pipelineOr404(deps, request.params.id);
    const redactor = await deps.redactorOf({ id: row.projectId });
    const line = await deps.logs.firstError(row, stageOf(request), redactor);
    response.set('Cache-Control', 'no-store').json({ line });
  });

  router.get('/pipelines/:id/search', async (request, response) => {
    const row = await pipelineOr404(deps, request.params.id);
    const stage = stageOf(request);
    const query = field(request.query, 'q').slice(0, 200);
    if (query === '') throw new Problem(400, 'Nothing to search for', 'Give `q`, the text to search for.');
    const redactor = await deps.redactorOf({ id: row.projectId });
    const hits = deps.logs.search(row, stage, redactor, query, 0);
    if (request.accepts(['html', 'application/x-ndjson']) !== 'html') return sendHits(hits, response);

    const found: Hit[] = [];
    for await (const hit of hits) if (found.push(hit) >= MAX_HITS) break;
    const shown = await loadPipeline(deps, row, 0);
    const page = `/pipelines/${row.id}`;
    await sendPage(
      response,
      { title: `Search: ${query}`, path: [{ name: nameOf(shown), url: page }] },
      html`<h1>
          ${found.length === MAX_HITS ? 'The first ' : ''}${found.length}
          ${found.length === 1 ? 'line' : 'lines'} of ${stage} with “${query}”
        </h1>
        <p><a href="${page}#log-${stage}">Back to the log</a></p>
        <div class="log" tabindex="0" role="region" aria-label="Lines found">
          ${found.map(({ line, text }) => html`<div class="line"><a href="${page}#${stage}-L${line}">${line}</a><span>${colored(text)}</span></div>`)}
        </div>`,
    );
  });

  const act = actionRoute(router);
  const back = ({ params }: Request) => `/pipelines/${params['id'] as string}`;
  act('/pipelines/:id/cancel', back, async ({ params }) => {
    await actions.cancel(await pipelineOr404(deps, params['id']), OPERATOR);
    return { text: 'It is cancelled: what runs ends in a moment.' };
  });
  act('/pipelines/:id/approve', back, async ({ params }) => {
    // Whoever is logged in has the server's own token: that is permission enough.
    await actions.approve(await pipelineOr404(deps, params['id']), OPERATOR);
    return { text: 'Approved: this commit is validated now.' };
  });
  act('/pipelines/:id/retry', back, async ({ params, body }) => {
    const row = await pipelineOr404(deps, params['id']);
    if (row.status !== 'completed')
      throw new Problem(409, 'Makes no sense now', 'This validation is not over; cancel it first.');
    const noCache = field(body, 'no_cache') === 'true';
    const again = await actions.retry(row, 'retry', { noCache });
    return { text: 'This is the new validation.', url: `/pipelines/${again.id}` };
  });
  act('/pipelines/:id/fix', back, async ({ params, body }) => {
    const row = await pipelineOr404(deps, params['id']);
    const instruction = field(body, 'instruction').trim().slice(0, 4_000) || null;
    await loop.ask(row, await projectOr404(deps, row.projectId), { login: OPERATOR, instruction });
    return { text: 'The agent is asked to fix this.' };
  });
  act('/pipelines/:id/confirm', back, async ({ params, body }) => {
    const row = await pipelineOr404(deps, params['id']);
    const run = await deps.runs.ofPipeline(row.id);
    const changes = field(body, 'changes').trim().slice(0, 4_000) || null;
    const cause = `page:${run?.id}:${run?.looks}`;
    await loop.confirm(row, await projectOr404(deps, row.projectId), { changes, cause });
    return { text: 'The plan is confirmed: the agent carries it out.' };
  });
  act(
    '/agent-runs/:id/resume',
    async ({ params }) => {
      const run = await deps.runs.find(params['id'] as string);
      if (run?.pipelineId) return `/pipelines/${run.pipelineId}`;
      return run ? `/projects/${run.projectId}` : '/';
    },
    async ({ params, body }) => {
      const run = await deps.database.read.findOneBy(AgentRun, { id: params['id'] as string });
      const message = field(body, 'message').trim().slice(0, 20_000);
      if (!run) throw new Problem(404, 'Not found', 'There is no such agent run, or not any more.');
      if (!deps.agent) throw new Problem(503, 'Agent features are off', 'The agent is off on this server.');
      if (message === '') throw new Problem(400, 'Nothing to say', 'Write a message for the agent.');
      await deps.agent.resume(run, message);
      return { text: 'The agent has your message.' };
    },
  );
  return router;
}

/** One JSON object a line, as they are found; the last one says whether there may be more. */
async function sendHits(hits: AsyncIterable<Hit>, response: Response): Promise<void> {
  response.set({ 'Cache-Control': 'no-store', 'Content-Type': 'application/x-ndjson' });
  let count = 0;
  for await (const { line } of hits) {
    if (response.destroyed) return;
    response.write(`${JSON.stringify({ line })}\n`);
    if (++count >= MAX_HITS) break;
  }
  response.end(`${JSON.stringify({ done: true, more: count >= MAX_HITS })}\n`);
}

function stageOf({ query }: Request): StageName {
  const name = field(query, 'stage') as StageName;
  if (!STAGE_NAMES.includes(name))
    throw new Problem(400, 'Bad request', `stage must be one of ${STAGE_NAMES.join(', ')}.`);
  return name;
}

function whole({ query }: Request, name: string, fallback: number): number {
  const text = field(query, name);
  if (text === '') return fallback;
  if (!/^-?\d{1,12}$/.test(text)) throw new Problem(400, 'Bad request', `${name} must be a whole number.`);
  return Number(text);
}
