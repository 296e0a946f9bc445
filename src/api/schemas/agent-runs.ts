import { z } from 'zod';
import { id, listQuery, numberText, page, pullRequestNumber, text, time } from './common.js';

const STATUSES = ['queued', 'running', 'plan_waiting', 'completed', 'failed', 'cancelled'] as const;

export const agentRun = z
  .object({
    id,
    projectId: id,
    pipelineId: id.nullable().describe('The pipeline whose failure it is to fix.'),
    pullRequestNumber: pullRequestNumber.nullable(),
    remoteId: z.number().nullable().describe('Codegen’s number.'),
    status: z.enum(STATUSES),
    responseType: z.enum(['regular', 'plan', 'pr']).nullable(),
    prompt: z.string(),
    response: z.string().nullable(),
    webUrl: z.string().nullable(),
    errorMessage: z.string().nullable(),
    createdAt: time,
    updatedAt: time,
    completedAt: time.nullable(),
  })
  .meta({
    id: 'AgentRun',
    examples: [
      {
        id: '0197a3c2-5b1e-7000-8c3d-1f2e3d4c5b6d',
        projectId: '0197a3c2-5b1e-7000-8c3d-1f2e3d4c5b6a',
        pipelineId: null,
        pullRequestNumber: 7,
        remoteId: 4711,
        status: 'running',
        responseType: null,
        prompt: 'Make the checkout show delivery times.',
        response: null,
        webUrl: 'https://codegen.com/agent/trace/4711',
        errorMessage: null,
        createdAt: '2026-01-31T12:00:00.000Z',
        updatedAt: '2026-01-31T12:00:05.000Z',
        completedAt: null,
      },
    ],
  });

export const agentRunPage = page(agentRun);

export const agentRunQuery = z.strictObject({
  ...listQuery,
  status: z.enum(STATUSES).optional(),
  pullRequestNumber: numberText(1, 2 ** 31 - 1).optional(),
});

export const newAgentRun = z
  .strictObject({ prompt: text(100_000, 1), pullRequestNumber: pullRequestNumber.optional() })
  .meta({
    id: 'NewAgentRun',
    examples: [{ prompt: 'Make the checkout show delivery times.', pullRequestNumber: 7 }],
  });

export const agentMessage = z
  .strictObject({ message: text(100_000, 1) })
  .meta({ id: 'AgentMessage', examples: [{ message: 'Go on with the plan, but keep the old route.' }] });
