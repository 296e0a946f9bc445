import type { AgentRunStore } from '../../database/agent-run-store.js';
import type { Database } from '../../database/database.js';
import type { LeaseStore } from '../../database/lease-store.js';
import type { PipelineStore } from '../../database/pipeline-store.js';
import type { ProjectStore } from '../../database/project-store.js';
import type { GitHubAccess } from '../../github/access.js';
import type { Logger } from '../../logging.js';
import type { Queue } from '../../queue/contract.js';
import type { ProjectLinker } from '../link-projects.js';
import type { PipelineStarter } from '../start.js';

/** What the parts of a round work with. Each is bounded, bears to be interrupted, and the next round goes on. */
export interface ReconcileDeps {
  database: Database;
  queue: Queue;
  leases: LeaseStore;
  projects: ProjectStore;
  pipelines: PipelineStore;
  runs: AgentRunStore;
  starter: PipelineStarter;
  linker: ProjectLinker;
  github: GitHubAccess;
  log: Logger;
}
