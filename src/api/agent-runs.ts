import { z } from 'zod';
import type { AgentActions } from '../agent/actions.js';
import { AgentRun } from '../database/entities/index.js';
import { aside, pageOf } from '../database/pages.js';
import { answerAgentRun, answerPage, redactTexts } from './answers.js';
import { projectOr404, type ApiDeps } from './deps.js';
import { Problem } from './problem.js';
import { missing, route, type Route } from './route.js';
import * as schemas from './schemas/index.js';

const byId = z.object({ id: schemas.id });
const OFF = 'Agent features are off: CODEGEN_API_KEY and CODEGEN_ORG_ID are not set.';

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
  ];
}

function agentOf({ agent }: ApiDeps): AgentActions {
  if (agent) return agent;
  throw new Problem(
    503,
    'Agent features are off',
    'Agent features are off: set CODEGEN_API_KEY and CODEGEN_ORG_ID.',
  );
}
