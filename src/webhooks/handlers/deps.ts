import type { FixLoop } from '../../agent/fix-loop.js';
import type { AgentRunStore } from '../../database/agent-run-store.js';
import type { CommandStore } from '../../database/command-store.js';
import type { Database } from '../../database/database.js';
import type { PipelineStore } from '../../database/pipeline-store.js';
import type { ProjectStore } from '../../database/project-store.js';
import type { GitHubAccess } from '../../github/access.js';
import type { Logger } from '../../logging.js';
import type { PipelineActions } from '../../pipeline/actions.js';
import type { Merger } from '../../pipeline/merge.js';
import type { PipelineStarter } from '../../pipeline/start.js';

/** What handlers work with; every handler is `(payload, deps)`, called at least once and maybe twice for an event. */
export interface HandlerDeps {
  database: Database;
  projects: ProjectStore;
  pipelines: PipelineStore;
  starter: PipelineStarter;
  actions: PipelineActions;
  runs: AgentRunStore;
  loop: FixLoop;
  merger: Merger;
  commands: CommandStore;
  github: GitHubAccess;
  log: Logger;
}
