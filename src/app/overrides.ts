import type { ProbotOctokit } from 'probot';
import type { HttpOptions } from '../agent/http.js';
import type { Front } from '../front.js';
import type { Logger } from '../logging.js';
import type { PipelineTools } from '../pipeline/stage.js';
import type { Totals } from '../sandbox/cgroup.js';
import type { Sandbox } from '../sandbox/contract.js';

/** What is there already, and what tests put in the place of the real thing. */
export interface Overrides {
  /** One that listens, or will; without it the App makes its own. */
  front?: Front;
  Octokit?: typeof ProbotOctokit;
  sandbox?: Sandbox;
  totals?: Totals | null;
  limits?: PipelineTools['limits'];
  /** False: files are copied, as where nothing can be mounted. */
  overlay?: false;
  /** What the setup cache may take on the disk. */
  setupCacheBytes?: number;
  log?: Logger;
  /** How requests to Codegen are sent and repeated. */
  codegen?: Partial<HttpOptions> & { pauseMs?: (failures: number) => number };
}
