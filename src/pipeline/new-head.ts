import type { AgentRunStore } from '../database/agent-run-store.js';
import type { Database } from '../database/database.js';
import type { Project, ValidationPipeline } from '../database/entities/index.js';
import type { PipelineStarter, PullRequest } from './start.js';

export interface NewHeadDeps {
  database: Database;
  starter: PipelineStarter;
  runs: AgentRunStore;
}

/**
 * Starts the validation of a pull request's head, however it became known, and lets go of what was planned for the
 * one before. The head counts as the agent's where a run for the head before is out, or ended a short while ago, and
 * no person pushed. An agent that pushes as a person is therefore taken for that person; how often it may try is
 * counted by its runs, not here.
 * @param latest the pull request's newest pipeline
 * @param isByPerson asked only where an agent's run may have pushed it
 * @returns null where nothing is to be said about it at all
 * @throws Overtaken where `latest` is not the latest any more
 */
export async function startHead(
  { database, starter, runs }: NewHeadDeps,
  project: Project,
  pullRequest: PullRequest,
  latest: ValidationPipeline | null,
  isByPerson: () => boolean | Promise<boolean>,
): Promise<ValidationPipeline | null> {
  const isNew = latest !== null && latest.headSha !== pullRequest.head.sha;
  const awaited = isNew ? await runs.awaitedOn(project.id, pullRequest.number, latest.headSha) : null;
  const run = awaited && !(await isByPerson()) ? awaited : null;
  const started = await starter.startPullRequest(project, pullRequest, {
    trigger: 'event',
    // Any push but the agent's starts anew.
    retryCount: run && latest ? latest.retryCount + 1 : 0,
    agentRunId: run?.id ?? null,
    after: latest?.id ?? null,
  });
  if (!isNew) return started;
  await database.write(async (tx) => {
    if (started && run) await runs.save(tx, run.id, { nextPipelineId: started.id });
    const reason = 'There is a newer commit, so the plan no longer counts.';
    await runs.dropPlans(tx, project.id, pullRequest.number, reason);
  });
  return started;
}
