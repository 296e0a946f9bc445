/** What the REST API and the pages can ask of the agent, beside the fix loop. */
import type { AgentRunStore } from '../database/agent-run-store.js';
import type { Database } from '../database/database.js';
import { AgentRun, type Project } from '../database/entities/index.js';
import type { PipelineStore } from '../database/pipeline-store.js';
import { ActionRefused } from '../domain/errors.js';
import type { RunLogs } from './answers.js';
import { HINT_GAP_MS } from './callback.js';
import type { CodegenClient } from './client.js';
import { CodegenError } from './errors.js';

export interface AgentRequest {
  prompt: string;
  /** The pull request that it is about; the agent pushes to its branch. */
  pullRequestNumber?: number | undefined;
}

export interface AgentActions {
  create(project: Project, request: AgentRequest): Promise<AgentRun>;
  /** Goes on with a run that has ended, or confirms its plan. @throws ActionRefused where it is at work, or never began */
  resume(run: AgentRun, message: string): Promise<AgentRun>;
  /** A page of what the agent noted down, oldest first; null where there is none. @throws CodegenError */
  logs(run: AgentRun, page: { skip: number; limit: number }): Promise<RunLogs | null>;
  /** Looks at a run now, as somebody who knows its callback's signature asks for; rather often is ignored. */
  hint(run: AgentRun): Promise<void>;
}

export interface AgentActionsDeps {
  database: Database;
  runs: AgentRunStore;
  pipelines: PipelineStore;
  client: CodegenClient;
}

/** How long somebody waits for a page of a log. */
const LOGS_TIMEOUT_MS = 20_000;

/** The runs are stored with their jobs; Codegen hears of them from the queue. */
export function createAgentActions({ database, runs, pipelines, client }: AgentActionsDeps): AgentActions {
  return {
    async create(project, { prompt, pullRequestNumber }) {
      return database.write((tx) =>
        runs.create(tx, { projectId: project.id, prompt, pullRequestNumber: pullRequestNumber ?? null }),
      );
    },

    async resume({ id }, message) {
      await database.write(async (tx) => {
        const run = await tx.findOneByOrFail(AgentRun, { id });
        if (run.remoteId === null) throw new ActionRefused('Codegen has not accepted this run.');
        if (run.status === 'running') throw new ActionRefused('The agent is at work on this run.');
        await runs.save(tx, id, {
          status: 'running',
          ...(run.status === 'plan_waiting' ? { planState: 'confirmed' as const } : {}),
          resumeMessage: message,
          resumedAt: null,
          failures: 0,
          errorMessage: null,
          completedAt: null,
        });
        await runs.lookAfter(tx, id, new Date());
        if (run.pipelineId !== null) await pipelines.jobs.publish(tx, run.pipelineId);
      });
      return (await runs.find(id))!;
    },

    async logs({ remoteId }, page) {
      if (remoteId === null) return null;
      const signal = AbortSignal.timeout(LOGS_TIMEOUT_MS);
      try {
        return await client.getLogs(String(remoteId), { ...page, signal });
      } catch (error) {
        if (!signal.aborted) throw error;
        throw new CodegenError('unavailable', 'Codegen did not answer in time.', { retryable: true });
      }
    },

    async hint({ id }) {
      await database.write((tx) => runs.hint(tx, id, HINT_GAP_MS));
    },
  };
}
