import { z } from 'zod';
import { AgentRun } from '../database/entities/index.js';
import { aside, pageOf } from '../database/pages.js';
import { agentLog, agentOf } from './agent-log.js';
import { answerAgentRun, answerPage, redactTexts } from './answers.js';
import { projectOr404, type ApiDeps } from './deps.js';
import { Problem } from './problem.js';
import { missing, route, type Route } from './route.js';
import * as schemas from './schemas/index.js';

const byId = z.object({ id: schemas.id });
const OFF =
  'Agent features are off: CODEGEN_API_KEY and CODEGEN_ORG_ID are not set. Or the database does not answer.';

export function agentRunRoutes(deps: ApiDeps): Route[] {
  const { database } = deps;
  const redacted = async (run: AgentRun) =>
    redactTexts(answerAgentRun(run), (await deps.redactorOf({ id: run.projectId })).redact);
  const find = async (id: string): Promise<AgentRun> => {
    const run = await database.read.findOneBy(AgentRun, { id });
    if (!run) throw missing('agent run');
    return run;
  };

  return [
    route(
      {
        method: 'get',
        path: '/api/projects/{id}/agent-runs',
        operationId: 'listAgentRuns',
        summary: 'Agent runs of a project',
        tag: 'Agent runs',
        params: byId,
        query: schemas.agentRunQuery,
        answer: { status: 200, description: 'One page.', schema: schemas.agentRunPage },
      },
      async ({ params, query: { limit, cursor, status, pullRequestNumber } }) => {
        const project = await projectOr404(deps, params.id);
        const where = {
          projectId: project.id,
          ...(pullRequestNumber && { pullRequestNumber }),
          ...(status && { status: pullRequestNumber ? aside(status) : status }),
        };
        const page = await pageOf(database, AgentRun, where, { limit, cursor });
        const { redact } = await deps.redactorOf(project);
        return answerPage(page, (run) => redactTexts(answerAgentRun(run), redact));
      },
    ),
    route(
      {
        method: 'post',
        path: '/api/projects/{id}/agent-runs',
        operationId: 'createAgentRun',
        summary: 'Ask the agent for something',
        tag: 'Agent runs',
        params: byId,
        body: schemas.newAgentRun,
        answer: {
          status: 202,
          description: 'Stored; it is started at Codegen.',
          schema: schemas.agentRun,
          headers: { Location: 'The run.' },
        },
        also: { 503: OFF },
      },
      async ({ params, body }, _request, response) => {
        const project = await projectOr404(deps, params.id);
        const run = await agentOf(deps).create(project, body);
        response.location(`/api/agent-runs/${run.id}`);
        return redacted(run);
      },
    ),
    route(
      {
        method: 'get',
        path: '/api/agent-runs/{id}',
        operationId: 'readAgentRun',
        summary: 'One agent run',
        tag: 'Agent runs',
        params: byId,
        answer: { status: 200, description: 'The run.', schema: schemas.agentRun },
      },
      async ({ params }) => redacted(await find(params.id)),
    ),
    route(
      {
        method: 'post',
        path: '/api/agent-runs/{id}/resume',
        operationId: 'resumeAgentRun',
        summary: 'Continue a run with a message: confirms a plan, or gives a further task',
        tag: 'Agent runs',
        params: byId,
        body: schemas.agentMessage,
        answer: { status: 202, description: 'Handed to Codegen.', schema: schemas.agentRun },
        also: { 409: 'It makes no sense now.', 503: OFF },
      },
      async ({ params, body }) => {
        const run = await find(params.id);
        return redacted(await agentOf(deps).resume(run, body.message));
      },
    ),
    route(
      {
        method: 'get',
        path: '/api/agent-runs/{id}/logs',
        operationId: 'listAgentRunLogs',
        summary: 'What the agent noted down, oldest first, as Codegen gives it now',
        tag: 'Agent runs',
        params: byId,
        query: schemas.agentLogQuery,
        answer: { status: 200, description: 'One page.', schema: schemas.agentLogPage },
        also: { 502: 'Codegen did not give them.', 503: OFF },
      },
      async ({ params, query: { limit, cursor: skip = 0 } }) => {
        const run = await find(params.id);
        const { items, next, total } = await agentLog(deps, run, { skip, limit });
        return {
          items,
          nextCursor: next === null ? null : Buffer.from(String(next)).toString('base64url'),
          total,
        };
      },
    ),
    route(
      {
        method: 'post',
        path: '/api/agent-runs/{id}/callback',
        operationId: 'hintAgentRun',
        summary:
          'Have a run looked at now: the address in its metadata’s `callback_url`, signed for this run',
        tag: 'Agent runs',
        open: true,
        params: byId,
        query: schemas.callbackQuery,
        body: schemas.callbackBody,
        answer: { status: 202, description: 'It is looked at, unless it was so seconds ago.' },
        also: {
          401: 'The signature is missing, or is not this run’s.',
          403: 'A foreign host name or origin.',
          503: OFF,
        },
      },
      async ({ params, query }) => {
        if (!deps.callbacks.isSigned(params.id, query.signature))
          throw new Problem(401, 'Not signed', 'The signature is not that of this run.');
        await agentOf(deps).hint(await find(params.id));
      },
    ),
  ];
}
