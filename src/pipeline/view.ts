import type { ValidationPipeline } from '../database/entities/index.js';
import { emptyResults, type StageRecord } from '../domain/pipeline.js';
import type { AgentView, PipelineView } from '../github/view.js';

/** What a pipeline's row shows, on GitHub and on its page; secrets are still in it. */
export function viewOf(
  row: ValidationPipeline,
  beside: { repository: string; stages: StageRecord[]; publicUrl: string; agent: AgentView | null },
): PipelineView {
  const { repository, stages, publicUrl, agent } = beside;
  const results = row.validationResults ?? emptyResults();
  return {
    id: row.id,
    repository,
    pullRequestNumber: row.pullRequestNumber,
    pullRequestUrl: row.pullRequestUrl || null,
    headSha: row.headSha,
    headRef: row.headRef,
    baseRef: row.baseRef,
    status: row.status,
    conclusion: row.conclusion,
    reason: row.reason ?? '',
    errorMessage: row.errorMessage,
    advice: row.errorMessage === null ? '' : (row.reason ?? ''),
    currentStep: row.currentStep,
    stages,
    results,
    logTail: results.logTail,
    attempt: row.attempt,
    retryCount: row.retryCount,
    deploymentUrl: row.deploymentUrl,
    pageUrl: `${publicUrl}/pipelines/${row.id}`,
    createdAt: row.createdAt,
    startedAt: row.startedAt,
    completedAt: row.completedAt,
    isFork: row.isFork,
    settingsNotes: [],
    baseline: results.baseline ?? null,
    agent,
    merge: row.merge,
  };
}
