import { InitialSchema1700000000000 } from './1700000000000-initial-schema.js';
import { ApiListsAndStatistics1700000001000 } from './1700000001000-api-lists-and-statistics.js';
import { Leases1700000002000 } from './1700000002000-leases.js';
import { FixLoop1700000003000 } from './1700000003000-fix-loop.js';
import { TokenUsageAndBaselines1700000004000 } from './1700000004000-token-usage-and-baselines.js';
import { QueueWorkers1700000006000 } from './1700000006000-queue-workers.js';
import { ListsWithoutBases1700000007000 } from './1700000007000-lists-without-bases.js';
import { RebuildSetup1700000008000 } from './1700000008000-rebuild-setup.js';
import { DeploymentsAndHints1700000009000 } from './1700000009000-deployments-and-hints.js';
import { LogsAndScreenshots1700000010000 } from './1700000010000-logs-and-screenshots.js';
import { ProjectPage1700000011000 } from './1700000011000-project-page.js';
import { PayloadsCompressed1700000012000 } from './1700000012000-payloads-compressed.js';
import { PayloadsCompressedOnSqlite1700000013000 } from './1700000013000-payloads-compressed-on-sqlite.js';
import { PayloadsCompressedByUs1700000014000 } from './1700000014000-payloads-compressed-by-us.js';

/** In the order they run. */
export const migrations = [
  InitialSchema1700000000000,
  ApiListsAndStatistics1700000001000,
  Leases1700000002000,
  FixLoop1700000003000,
  TokenUsageAndBaselines1700000004000,
  QueueWorkers1700000006000,
  ListsWithoutBases1700000007000,
  RebuildSetup1700000008000,
  DeploymentsAndHints1700000009000,
  LogsAndScreenshots1700000010000,
  ProjectPage1700000011000,
  PayloadsCompressed1700000012000,
  PayloadsCompressedOnSqlite1700000013000,
  PayloadsCompressedByUs1700000014000,
];
