import type { Config } from '../config.js';
import { AgentRunStore } from '../database/agent-run-store.js';
import { ChangeFeed } from '../database/change-feed.js';
import { CommandStore } from '../database/command-store.js';
import { Database } from '../database/database.js';
import { HistoryStore } from '../database/history-store.js';
import { PipelineStore } from '../database/pipeline-store.js';
import { ProjectStore } from '../database/project-store.js';
import { SettingsStore } from '../database/settings-store.js';
import { TokenStore } from '../database/token-store.js';
import { SecretBox } from '../domain/secret-box.js';
import type { Logger } from '../logging.js';
import type { Queue } from '../queue/contract.js';
import { EmbeddedQueue } from '../queue/embedded.js';
import { DatabaseStorage } from '../storage/database.js';
import { FolderStorage } from '../storage/folder.js';

export type Stores = Awaited<ReturnType<typeof openStores>>;

/**
 * The database and what is kept in it, or beside it.
 * @param secretsKey what settings that are secret are sealed with
 * @throws OperationalError where the database can't be used
 */
export async function openStores(config: Config, secretsKey: Buffer, log: Logger) {
  const database = await Database.open(config);
  const queue = await openQueue(database, config, log);
  const pipelines = new PipelineStore(database, queue);
  const feed = config.databaseUrl ? new ChangeFeed(config.databaseUrl, pipelines.jobs.events, log) : null;
  const shared = feed && new DatabaseStorage(database, feed);
  return {
    database,
    queue,
    pipelines,
    /** What other processes change; null where there are none. */
    feed,
    /** Where processes share logs and screenshots; null where they are files alone. */
    shared,
    storage: shared ?? new FolderStorage(config.dataDir),
    projects: new ProjectStore(database, config.github.webUrl),
    settings: new SettingsStore(database, new SecretBox(secretsKey)),
    runs: new AgentRunStore(database, queue),
    commands: new CommandStore(database),
    history: new HistoryStore(database),
    tokens: new TokenStore(database),
  };
}

async function openQueue(database: Database, { databaseUrl }: Config, log: Logger): Promise<Queue> {
  if (databaseUrl === null) return new EmbeddedQueue(database, log);
  const { requireQueueSchema } = await import('../queue/graphile-schema.js');
  const { GraphileQueue } = await import('../queue/graphile.js');
  try {
    await requireQueueSchema(database);
  } catch (error) {
    await database.close();
    throw error;
  }
  return new GraphileQueue(database, databaseUrl, log);
}
