import type { Request, Response } from 'express';
import type { FixLoop } from '../agent/fix-loop.js';
import type { ApiDeps } from '../api/deps.js';
import { Problem } from '../api/problem.js';
import type { AgentRunStore } from '../database/agent-run-store.js';
import type { HistoryStore } from '../database/history-store.js';
import type { Project, ValidationPipeline } from '../database/entities/index.js';
import type { GitHubAccess } from '../github/access.js';
import type { StageLogs } from './stage-logs.js';

/** What the pages work on: the same as the API, and what only they show. */
export interface WebDeps extends ApiDeps {
  runs: AgentRunStore;
  loop: FixLoop;
  github: GitHubAccess;
  history: HistoryStore;
  /** Where repositories are seen by people, without a slash at the end. */
  webUrl: string;
}

export interface PageDeps extends WebDeps {
  logs: StageLogs;
}

/** Ids of ours are UUIDs; a project may have been given another one. */
const ID = /^[A-Za-z0-9][A-Za-z0-9_-]{0,35}$/;

const gone = () =>
  new Problem(404, 'Not found', 'There is nothing by this number; it may have been deleted.');

export async function pipelineOr404({ pipelines }: WebDeps, id: unknown): Promise<ValidationPipeline> {
  const row = typeof id === 'string' && ID.test(id) ? await pipelines.find(id) : null;
  if (!row) throw gone();
  return row;
}

export async function projectOr404({ projects }: WebDeps, id: unknown): Promise<Project> {
  const row = typeof id === 'string' && ID.test(id) ? await projects.find(id) : null;
  if (!row) throw gone();
  return row;
}

export type Handler = (request: Request, response: Response) => Promise<unknown>;

/** The text of a field of a form or query; empty where it is missing. */
export function field(source: unknown, name: string): string {
  const value = (source as Record<string, unknown> | undefined)?.[name];
  // PostgreSQL refuses NUL.
  return typeof value === 'string' ? value.replaceAll('\0', '') : '';
}
