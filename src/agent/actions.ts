/** What a person can ask of the agent, by page or API. */
import type { AgentRun, Project } from '../database/entities/index.js';

export interface AgentRequest {
  prompt: string;
  /** The pull request that it is about; the agent pushes to its branch. */
  pullRequestNumber?: number | undefined;
}

/** Each rejects with AgentRefused where it makes no sense, CodegenError or OperationalError where it can't be done. */
export interface AgentActions {
  /** Stores a run and has it started at Codegen. */
  create(project: Project, request: AgentRequest): Promise<AgentRun>;
  /** Continues a run with a message: a plan is confirmed so, a finished run gets a further task. */
  resume(run: AgentRun, message: string): Promise<AgentRun>;
}

/** It makes no sense now; the message is a sentence for whoever asked. */
export class AgentRefused extends Error {
  override name = 'AgentRefused';
}
