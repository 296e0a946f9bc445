import { pipeline as pump } from 'node:stream/promises';
import type { Request, Response } from 'express';
import { Not } from 'typeorm';
import { z } from 'zod';
import { ValidationPipeline } from '../database/entities/index.js';
import { aside, pageOf } from '../database/pages.js';
import type { StageName } from '../domain/pipeline.js';
import {
  answerPage,
  answerPipeline,
  answerPipelineSummary,
  redactTexts,
  type PipelineAnswer,
} from './answers.js';
import { projectOr404, type ApiDeps } from './deps.js';
import { PipelineLog } from './logs.js';
import { streamPipeline } from './pipeline-events.js';
import { Problem } from './problem.js';
import { missing, route, type Route } from './route.js';
import * as schemas from './schemas/index.js';

const byId = z.object({ id: schemas.id });
const tag = 'Pipelines';
const GITHUB = {
  409: 'It makes no sense now: closed, over, no such pull request.',
  502: 'GitHub refused.',
  503: 'GitHub or the repository is out of reach.',
};

/** What lists need: the results and settings of a pipeline may have megabytes. */
const LISTED = Object.fromEntries(
  schemas.pipelineSummary.keyof().options.map((name) => [name, true]),
) as Record<keyof z.infer<typeof schemas.pipelineSummary>, true>;

export function pipelineRoutes(deps: ApiDeps): Route[] {
  const { database, pipelines, actions } = deps;
  const find = async (id: string): Promise<ValidationPipeline> => {
    const row = await pipelines.find(id);
    if (!row) throw missing('pipeline');
    return row;
  };
  const redactorOf = (row: ValidationPipeline) => deps.redactorOf({ id: row.projectId });
  const answer = async (row: ValidationPipeline): Promise<PipelineAnswer> => {
    const [stages, { redact }] = await Promise.all([pipelines.stagesOf(row.id), redactorOf(row)]);
    return redactTexts(answerPipeline(row, stages), redact);
  };

  return [
    route(
      {
        method: 'get',
        path: '/api/projects/{id}/pipelines',
        operationId: 'listPipelines',
        summary: 'Pipelines of a project',
        tag,
        params: byId,
        query: schemas.pipelineQuery,
        answer: { status: 200, description: 'One page.', schema: schemas.pipelinePage },
      },
      async ({ params, query: { limit, cursor, ...filter } }) => {
        const project = await projectOr404(deps, params.id);
        // Only what is completed has a conclusion.
        const isNothing = filter.conclusion && filter.status && filter.status !== 'completed';
        const where = { projectId: project.id, ...conditions(filter) };
        const page = isNothing
          ? { rows: [], next: null }
          : await pageOf(database, ValidationPipeline, where, { limit, cursor }, LISTED);
        const { redact } = await deps.redactorOf(project);
        return answerPage(page, (row) => redactTexts(answerPipelineSummary(row), redact));
      },
    ),
    route(
      {
        method: 'post',
        path: '/api/projects/{id}/pipelines',
        operationId: 'startPipeline',
        summary: 'Validate the head that a pull request has now',
        tag,
        params: byId,
        body: schemas.pipelineStart,
        answer: {
          status: 202,
          description: 'Queued.',
          schema: schemas.pipeline,
          headers: { Location: 'The pipeline.' },
        },
        also: GITHUB,
      },
      async ({ params, body }, _request, response) => {
        const project = await projectOr404(deps, params.id);
        const row = await actions.start(project, body.pullRequestNumber, 'api');
        response.location(`/api/pipelines/${row.id}`);
        return answer(await find(row.id));
      },
    ),
    route(
      {
        method: 'get',
        path: '/api/pipelines/{id}',
        operationId: 'readPipeline',
        summary: 'One pipeline with all that it found out',
        tag,
        params: byId,
        answer: { status: 200, description: 'The pipeline.', schema: schemas.pipeline },
      },
      async ({ params }) => answer(await find(params.id)),
    ),
    route(
      {
        method: 'get',
        path: '/api/pipelines/{id}/logs',
        operationId: 'readLogs',
        summary: 'The log, whole or by Range',
        tag,
        params: byId,
        query: schemas.logQuery,
        answer: {
          status: 200,
          description: 'The log as it is now; secrets are masked by as many `*`.',
          type: 'text/plain',
          headers: { 'Accept-Ranges': 'bytes' },
        },
        also: { 206: 'The part that Range names.', 416: 'Range begins behind the end.' },
      },
      async ({ params, query }, request, response) => {
        const row = await find(params.id);
        await sendLog(deps, row, query.stage, request, response);
      },
    ),
    route(
      {
        method: 'get',
        path: '/api/pipelines/{id}/events',
        operationId: 'streamPipeline',
        summary: 'State changes and log lines, live',
        tag,
        params: byId,
        answer: {
          status: 200,
          description:
            'Events `state` (data: a Pipeline), `log` (data: a LogEvent) and at last `end`; Last-Event-ID resumes.',
          type: 'text/event-stream',
        },
        also: { 204: 'Last-Event-ID names the end: there is nothing more.' },
      },
      async ({ params }, request, response) => {
        const row = await find(params.id);
        const redactor = await redactorOf(row);
        if (request.method === 'HEAD') return void response.type('text/event-stream').end();
        const lastEventId = request.get('last-event-id');
        await streamPipeline(row, { pipelines, storage: deps.storage, redactor, lastEventId }, response);
      },
    ),
    route(
      {
        method: 'post',
        path: '/api/pipelines/{id}/cancel',
        operationId: 'cancelPipeline',
        summary: 'End a pipeline that is queued, running or waiting',
        tag,
        params: byId,
        answer: { status: 202, description: 'It ends in a moment.', schema: schemas.pipeline },
        also: { 409: 'It is over already.' },
      },
      async ({ params }) => {
        await actions.cancel(await find(params.id), 'the operator');
        return answer(await find(params.id));
      },
    ),
    route(
      {
        method: 'post',
        path: '/api/pipelines/{id}/retry',
        operationId: 'retryPipeline',
        summary: 'Validate the same pull request again, as a new pipeline',
        tag,
        params: byId,
        answer: {
          status: 202,
          description: 'The new pipeline.',
          schema: schemas.pipeline,
          headers: { Location: 'The new pipeline.' },
        },
        also: GITHUB,
      },
      async ({ params }, _request, response) => {
        const row = await find(params.id);
        if (row.status !== 'completed')
          throw new Problem(409, 'Makes no sense now', 'This validation is not over; cancel it first.');
        const again = await actions.retry(row, 'retry', { noCache: true });
        response.location(`/api/pipelines/${again.id}`);
        return answer(await find(again.id));
      },
    ),
  ];
}

/**
 * Pull requests and heads are rare, conclusions less so, a status least: the rarest has its index used. Those of the
 * base branch alone are nobody's pull request, and left out.
 */
function conditions({
  status,
  conclusion,
  ...rare
}: Omit<z.output<typeof schemas.pipelineQuery>, 'limit' | 'cursor'>) {
  const isRare = rare.headSha !== undefined || rare.pullRequestNumber !== undefined;
  return {
    ...rare,
    ...(conclusion && { conclusion: isRare ? aside(conclusion) : conclusion }),
    ...(status && !conclusion && { status: isRare ? aside(status) : status }),
    trigger: Not('base' as const),
  };
}

async function sendLog(
  deps: ApiDeps,
  row: ValidationPipeline,
  stage: StageName | undefined,
  request: Request,
  response: Response,
): Promise<void> {
  const [log, redactor] = await Promise.all([
    PipelineLog.open(deps.storage, row.id, stage),
    deps.redactorOf({ id: row.projectId }),
  ]);
  const { size } = log;
  response.set({
    'Accept-Ranges': 'bytes',
    'Content-Type': 'text/plain; charset=utf-8',
    'Cache-Control': 'no-store',
  });
  const ranges = request.range(size, { combine: true });
  if (ranges === -1 || (Array.isArray(ranges) && ranges.type === 'bytes' && size === 0)) {
    response.set('Content-Range', `bytes */${size}`);
    throw new Problem(416, 'Range not satisfiable', `The log has ${size} bytes.`);
  }
  let [start, end] = [0, size];
  // Several parts at once, or a unit unknown: the whole, as RFC 9110 allows.
  if (Array.isArray(ranges) && ranges.type === 'bytes' && ranges.length === 1) {
    [start, end] = [ranges[0]!.start, ranges[0]!.end + 1];
    response.status(206).set('Content-Range', `bytes ${start}-${end - 1}/${size}`);
  }
  response.set('Content-Length', String(end - start));
  if (request.method === 'HEAD') return void response.end();
  try {
    await pump(log.read(start, end, redactor), response);
  } catch (error) {
    // A reader who leaves early is no fault.
    if (!response.destroyed) throw error;
  }
}
