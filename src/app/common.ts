import type { Config } from '../config.js';
import type { Project } from '../database/entities/index.js';
import type { Redactor } from '../domain/redaction.js';
import type { GitHubAccess } from '../github/access.js';
import type { Logger } from '../logging.js';
import type { Metrics } from '../metrics.js';
import type { Overrides } from './overrides.js';
import type { Stores } from './stores.js';

/** What all parts of the App are made from. */
export interface Common {
  config: Config;
  overrides: Overrides;
  stores: Stores;
  /** Signs what the outside is given to come back with. */
  ownKey: Buffer;
  github: GitHubAccess;
  metrics: Metrics;
  log: Logger;
  /** Without a slash at the end. */
  publicUrl: () => string;
  /** Knows this project's secrets and ours. */
  redactorOf: (project: Pick<Project, 'id'>) => Promise<Redactor>;
}
