/** What the REST API and the pages can ask of the agent, beside the fix loop. */
import type { AgentRunStore } from '../database/agent-run-store.js';
import type { Database } from '../database/database.js';
import { AgentRun, type Project } from '../database/entities/index.js';
import type { PipelineStore } from '../database/pipeline-store.js';
import { ActionRefused } from '../domain/errors.js';

export interface AgentRequest {
  prompt: string;
  /** The pull request that it is about; the agent pushes to its branch. */
  pullRequestNumber?: number | undefined;
}

export interface AgentActions {
  /** @throws ActionRefused where the agent is not configured */
  create(project: Project, request: AgentRequest): Promise<AgentRun>;
  /** Goes on with a run that has ended, or confirms its plan. @throws ActionRefused where it is at work, or never began */
  resume(run: AgentRun, message: string): Promise<AgentRun>;
}

export interface AgentActionsDeps {
  database: Database;
  runs: AgentRunStore;
  pipelines: PipelineStore;
  agentConfigured: boolean;
}

/** The runs are stored with their jobs; Codegen hears of them from the queue. */
export function createAgentActions({
  database,
  runs,
  pipelines,
  agentConfigured,
}: AgentActionsDeps): AgentActions {
  const refuseWithoutAgent = () => {
    if (!agentConfigured)
      throw new ActionRefused(
        'The agent is off: this server has no access to Codegen (CODEGEN_API_KEY, CODEGEN_ORG_ID).',
      );
  };
  return {
    async create(project, { prompt, pullRequestNumber }) {
      refuseWithoutAgent();
      return database.write((tx) =>
        runs.create(tx, { projectId: project.id, prompt, pullRequestNumber: pullRequestNumber ?? null }),
      );
    },

    async resume({ id }, message) {
      refuseWithoutAgent();
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
        if (run.pipelineId !== null) await pipelines.publish(tx, run.pipelineId);
      });
      return (await runs.find(id))!;
    },
  };
}
