/** Rows as the API answers them. */
import type { z } from 'zod';
import type { AgentRun, Project, ValidationPipeline, WebhookEvent } from '../database/entities/index.js';
import type { Page } from '../database/pages.js';
import { emptyResults, type StageRecord } from '../domain/pipeline.js';
import type * as schemas from './schemas/index.js';

export type PipelineSummary = z.input<typeof schemas.pipelineSummary>;
export type PipelineAnswer = z.input<typeof schemas.pipeline>;
export type AgentRunAnswer = z.input<typeof schemas.agentRun>;
export type EventAnswer = z.input<typeof schemas.webhookEvent>;
export type ProjectAnswer = z.input<typeof schemas.project>;

const iso = (time: Date | null): string | null => time?.toISOString() ?? null;

export const answerPage = <Row extends { id: string }, Item>(
  { rows, next }: Page<Row>,
  answer: (row: Row) => Item,
) => ({
  items: rows.map(answer),
  nextCursor: next === null ? null : Buffer.from(next).toString('base64url'),
});

export function answerProject(
  row: Project,
  more: Pick<ProjectAnswer, 'webhookUrl' | 'autoMergeEnabled' | 'autoConfirmPlan'>,
): ProjectAnswer {
  return {
    id: row.id,
    name: row.name,
    fullName: row.fullName,
    description: row.description,
    repositoryUrl: row.repositoryUrl,
    webhookUrl: more.webhookUrl,
    defaultBranch: row.defaultBranch,
    autoMergeEnabled: more.autoMergeEnabled,
    autoConfirmPlan: more.autoConfirmPlan,
    createdAt: row.createdAt.toISOString(),
    updatedAt: row.updatedAt.toISOString(),
    removedAt: iso(row.removedAt),
  };
}

export function answerEvent(row: Omit<WebhookEvent, 'payload' | 'projectId'>): EventAnswer {
  return {
    id: row.id,
    deliveryId: row.deliveryId,
    event: row.event,
    action: row.action,
    status: row.status,
    error: row.error,
    pullRequestNumber: row.pullRequestNumber,
    replayOf: row.replayOf,
    receivedAt: row.receivedAt.toISOString(),
    processedAt: iso(row.processedAt),
  };
}

export function answerPipelineSummary(row: ValidationPipeline): PipelineSummary {
  return {
    id: row.id,
    projectId: row.projectId,
    pullRequestNumber: row.pullRequestNumber,
    pullRequestUrl: row.pullRequestUrl,
    title: row.title,
    author: row.author,
    headSha: row.headSha,
    headRef: row.headRef,
    baseRef: row.baseRef,
    isFork: row.isFork,
    trigger: row.trigger,
    status: row.status,
    conclusion: row.conclusion,
    reason: row.reason,
    currentStep: row.currentStep,
    progressPercentage: row.progressPercentage,
    attempt: row.attempt,
    retryCount: row.retryCount,
    deploymentUrl: row.deploymentUrl,
    agentRunId: row.agentRunId,
    errorMessage: row.errorMessage,
    createdAt: row.createdAt.toISOString(),
    startedAt: iso(row.startedAt),
    updatedAt: row.updatedAt.toISOString(),
    completedAt: iso(row.completedAt),
  };
}

export function answerPipeline(row: ValidationPipeline, stages: readonly StageRecord[]): PipelineAnswer {
  const { findings, tests, coverage, validations, notes } = { ...emptyResults(), ...row.validationResults };
  return {
    ...answerPipelineSummary(row),
    stages: stages.map((stage) => ({
      name: stage.name,
      status: stage.status,
      conclusion: stage.conclusion,
      startedAt: iso(stage.startedAt),
      completedAt: iso(stage.completedAt),
      summary: stage.summary,
    })),
    findings,
    tests,
    coverage,
    validations,
    notes,
  };
}

export function answerAgentRun(row: AgentRun): AgentRunAnswer {
  return {
    id: row.id,
    projectId: row.projectId,
    pipelineId: row.pipelineId,
    pullRequestNumber: row.pullRequestNumber,
    remoteId: row.remoteId,
    status: row.status,
    responseType: row.responseType,
    prompt: row.prompt,
    response: row.response,
    plan: row.plan,
    nextPipelineId: row.nextPipelineId,
    webUrl: row.webUrl,
    errorMessage: row.errorMessage,
    createdAt: row.createdAt.toISOString(),
    updatedAt: row.updatedAt.toISOString(),
    completedAt: iso(row.completedAt),
  };
}

/** Every text in a value, its names left alone. */
export function redactTexts<Value>(value: Value, redact: (text: string) => string): Value {
  if (typeof value === 'string') return redact(value) as Value;
  if (Array.isArray(value)) return value.map((item) => redactTexts<unknown>(item, redact)) as Value;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [name, redactTexts<unknown>(item, redact)]),
  ) as Value;
}
