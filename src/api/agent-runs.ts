import { z } from 'zod';
import type { AgentActions } from '../agent/actions.js';
import { CodegenError } from '../agent/errors.js';
import { keepStart, readable } from '../agent/text.js';
import { AgentRun } from '../database/entities/index.js';
import { aside, pageOf } from '../database/pages.js';
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
        const size = Math.min(limit, MAX_LOG_PAGE);
        const logs = await logsOf(run, agentOf(deps), { skip, limit: size });
        const { redact } = await deps.redactorOf({ id: run.projectId });
        const more = logs.total === null ? logs.entries.length >= size : skip + size < logs.total;
        return {
          items: logs.entries.map(({ createdAt, kind, tool, text }) => ({
            createdAt: createdAt?.toISOString() ?? null,
            kind: kind && redact(kind),
            tool: tool && redact(tool),
            text: keepStart(redact(readable(text)), MAX_LOG_TEXT),
          })),
          nextCursor: more ? Buffer.from(String(skip + size)).toString('base64url') : null,
          total: logs.total,
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

/** What the API of Codegen gives at once. */
const MAX_LOG_PAGE = 100;
const MAX_LOG_TEXT = 20_000;

async function logsOf(run: AgentRun, agent: AgentActions, page: { skip: number; limit: number }) {
  if (run.remoteId === null)
    throw new Problem(404, 'No log', 'Codegen has not accepted this run, so there is no log of it.');
  try {
    const logs = await agent.logs(run, page);
    if (logs) return logs;
  } catch (error) {
    if (error instanceof CodegenError) throw new Problem(502, 'No log from Codegen', error.message);
    throw error;
  }
  throw new Problem(404, 'No log', 'Codegen’s API gives no log of this run.');
}

function agentOf({ agent }: ApiDeps): AgentActions {
  if (agent) return agent;
  throw new Problem(
    503,
    'Agent features are off',
    'Agent features are off: set CODEGEN_API_KEY and CODEGEN_ORG_ID.',
  );
}
