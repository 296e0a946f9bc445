/** What an agent noted down during a run, as Codegen gives it now. */
import type { AgentActions } from '../agent/actions.js';
import { CodegenError } from '../agent/errors.js';
import { keepStart, readable } from '../agent/text.js';
import type { AgentRun } from '../database/entities/index.js';
import type { ApiDeps } from './deps.js';
import { Problem } from './problem.js';

/** What the API of Codegen gives at once. */
const MAX_PAGE = 100;
const MAX_TEXT = 20_000;

export interface AgentLog {
  /** Oldest first, with secrets hidden. */
  items: { createdAt: string | null; kind: string | null; tool: string | null; text: string }[];
  /** How many to skip for what comes next; null at the end. */
  next: number | null;
  /** Null where Codegen does not tell. */
  total: number | null;
}

/**
 * A part of it; of `limit` entries at most 100 are answered.
 * @throws Problem 404 without a log, 502 where Codegen does not give it, 503 where the agent is off
 */
export async function agentLog(
  deps: ApiDeps,
  run: AgentRun,
  { skip, limit }: { skip: number; limit: number },
): Promise<AgentLog> {
  const size = Math.min(limit, MAX_PAGE);
  const logs = await logsOf(run, agentOf(deps), { skip, limit: size });
  const { redact } = await deps.redactorOf({ id: run.projectId });
  const more = logs.total === null ? logs.entries.length >= size : skip + size < logs.total;
  return {
    items: logs.entries.map(({ createdAt, kind, tool, text }) => ({
      createdAt: createdAt?.toISOString() ?? null,
      kind: kind && redact(kind),
      tool: tool && redact(tool),
      text: keepStart(redact(readable(text)), MAX_TEXT),
    })),
    next: more ? skip + size : null,
    total: logs.total,
  };
}

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

/** @throws Problem 503 where the agent is off */
export function agentOf({ agent }: ApiDeps): AgentActions {
  if (agent) return agent;
  throw new Problem(
    503,
    'Agent features are off',
    'Agent features are off: set CODEGEN_API_KEY and CODEGEN_ORG_ID.',
  );
}
