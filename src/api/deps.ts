import type { AgentActions } from '../agent/actions.js';
import type { RunCallbacks } from '../agent/callback.js';
import type { Database } from '../database/database.js';
import type { Project } from '../database/entities/index.js';
import type { PipelineStore } from '../database/pipeline-store.js';
import type { ProjectEditor } from '../database/project-editor.js';
import type { ProjectStore } from '../database/project-store.js';
import type { SettingsStore } from '../database/settings-store.js';
import type { Redactor } from '../domain/redaction.js';
import type { Logger } from '../logging.js';
import type { PipelineActions } from '../pipeline/actions.js';
import type { ProjectLinker } from '../pipeline/link-projects.js';
import type { PipelineStorage } from '../storage/contract.js';
import type { Inbox } from '../webhooks/inbox.js';
import { missing } from './route.js';

/** What the resources work on. */
export interface ApiDeps {
  database: Database;
  projects: ProjectStore;
  editor: ProjectEditor;
  settings: SettingsStore;
  pipelines: PipelineStore;
  actions: PipelineActions;
  linker: ProjectLinker;
  /** Null without a Codegen key. */
  agent: AgentActions | null;
  /** Knows the signatures of runs' callbacks. */
  callbacks: RunCallbacks;
  inbox: Inbox;
  /** Logs and screenshots, of whatever process they come from. */
  storage: PipelineStorage;
  /** Without a slash at the end. */
  publicUrl(): string;
  /** Knows this project's secrets and ours. */
  redactorOf(project: Pick<Project, 'id'>): Promise<Redactor>;
  log: Logger;
}

/** @throws Problem 404 */
export async function projectOr404({ projects }: ApiDeps, id: string): Promise<Project> {
  const project = await projects.find(id);
  if (!project) throw missing('project');
  return project;
}
