import { z } from 'zod';
import { MAX_LIMIT, id, listQuery, numberText, page, pullRequestNumber, text, time } from './common.js';

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
    plan: z
      .string()
      .nullable()
      .describe('The plan that it made, in markdown; it is kept when it is confirmed.'),
    nextPipelineId: id.nullable().describe('The pipeline that its push started.'),
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
        status: 'plan_waiting',
        responseType: 'plan',
        prompt: 'Make the checkout show delivery times.',
        response: '## Plan\n\n1. Ask the carrier for the times.',
        plan: '## Plan\n\n1. Ask the carrier for the times.',
        nextPipelineId: null,
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

const LOG_ENTRY = {
  createdAt: '2026-01-31T12:00:05.000Z',
  kind: 'ACTION',
  tool: 'ripgrep_search',
  text: 'Looking for where the sum is made.',
};

const logEntry = z
  .object({
    createdAt: time.nullable(),
    kind: z
      .string()
      .nullable()
      .describe('Codegen’s `message_type`: ACTION, PLAN_EVALUATION, ERROR and the like.'),
    tool: z.string().nullable().describe('The tool that was used, if any.'),
    text: z.string().describe('A thought, or what was observed; secrets hidden, at most 20,000 characters.'),
  })
  .meta({ id: 'AgentLogEntry', examples: [LOG_ENTRY] });

/** Oldest first, as they are read. */
export const agentLogPage = z
  .object({
    items: z.array(logEntry),
    nextCursor: z.string().nullable().describe('For `?cursor=`; null where there is no more yet.'),
    total: z.int().nullable().describe('How many there are in all, where Codegen tells.'),
  })
  .meta({
    id: 'AgentLogPage',
    examples: [
      {
        items: [LOG_ENTRY],
        nextCursor: null,
        total: 1,
      },
    ],
  });

export const agentLogQuery = z.strictObject({
  limit: numberText(1, MAX_LIMIT).default(100).describe('How many at most; Codegen gives 100 at once.'),
  cursor: z
    .string()
    .max(100)
    .transform((cursor) => Buffer.from(cursor, 'base64url').toString())
    .pipe(z.string().regex(/^\d{1,9}$/, 'is not a cursor of this list'))
    .transform(Number)
    .optional()
    .describe('`nextCursor` of the page before.'),
});

export const callbackQuery = z.strictObject({ signature: z.string().max(100).default('') });

/** Whatever is sent: it is not read. */
export const callbackBody = z
  .unknown()
  .optional()
  .meta({ description: 'Any JSON, or nothing: it is not read.', examples: [{ status: 'COMPLETE' }] });
