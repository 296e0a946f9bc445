import { AgentRun } from './agent-run.js';
import { HandledCommand } from './handled-command.js';
import { Job } from './job.js';
import { Lease } from './lease.js';
import { PipelineTotal } from './pipeline-total.js';
import { Project } from './project.js';
import { ProjectSetting } from './project-setting.js';
import { PullRequest } from './pull-request.js';
import { QueueWorker } from './queue-worker.js';
import { Score } from './score.js';
import { Stage } from './stage.js';
import { TestDay } from './test-day.js';
import { TokenUsage } from './token-usage.js';
import { ValidationPipeline } from './validation-pipeline.js';
import { WebhookEvent } from './webhook-event.js';

export {
  AgentRun,
  HandledCommand,
  Job,
  Lease,
  PipelineTotal,
  Project,
  ProjectSetting,
  PullRequest,
  QueueWorker,
  Score,
  Stage,
  TestDay,
  TokenUsage,
  ValidationPipeline,
  WebhookEvent,
};
export const entities = [
  AgentRun,
  HandledCommand,
  Job,
  Lease,
  PipelineTotal,
  Project,
  ProjectSetting,
  PullRequest,
  QueueWorker,
  Score,
  Stage,
  TestDay,
  TokenUsage,
  ValidationPipeline,
  WebhookEvent,
];
