/** Keeps DATA_DIR within its bounds. Each process that runs pipelines has its own, so each does this for itself. */
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { In } from 'typeorm';
import type { Config } from '../config.js';
import type { Database } from '../database/database.js';
import { ValidationPipeline } from '../database/entities/index.js';
import { idAt, isId } from '../domain/ids.js';
import { cacheBytes } from '../git/cache-bytes.js';
import type { RepositoryCache } from '../git/repository-cache.js';
import type { Trees } from '../git/trees.js';
import type { Workspaces } from '../git/workspaces.js';
import type { Logger } from '../logging.js';
import type { SetupLayers } from './setup-cache/layers.js';

const DAY_MS = 86_400_000;
const BATCH = 500;
/** Longer than every stage of a pipeline may take together. */
const WORKSPACE_MS = 2 * DAY_MS;

export interface DiskRetentionDeps {
  config: Pick<Config, 'dataDir' | 'retentionDays'>;
  database: Database;
  workspaces: Workspaces;
  repositories: RepositoryCache;
  trees: Trees | null;
  layers: SetupLayers;
  log: Logger;
}

export class DiskRetention {
  readonly what = 'what is kept too long on this disk';
  readonly everyMs = 3_600_000;

  constructor(private readonly deps: DiskRetentionDeps) {}

  async run(signal: AbortSignal): Promise<void> {
    const deleted = await this.sweep(signal);
    if (Object.values(deleted).some((n) => n > 0))
      this.deps.log.info(deleted, 'deleted what was kept too long on this disk');
  }

  /** @returns how many folders were deleted */
  async sweep(signal: AbortSignal): Promise<{ logs: number; artifacts: number; workspaces: number }> {
    const { config, repositories, trees, layers } = this.deps;
    const before = Date.now() - config.retentionDays * DAY_MS;
    const deleted = {
      logs: await this.deleteFolders('logs', before, signal),
      artifacts: await this.deleteFolders('artifacts', before, signal),
      workspaces: await this.deleteWorkspaces(signal),
    };
    const maxBytes = await cacheBytes(config.dataDir);
    if (!signal.aborted) await repositories.pruneCaches(maxBytes);
    if (!signal.aborted) await trees?.prune(maxBytes);
    if (!signal.aborted) await layers.prune();
    return deleted;
  }

  /** Folders of pipelines that are not stored any more, also where a process died between row and folder. */
  private async deleteFolders(
    kind: 'logs' | 'artifacts',
    before: number,
    signal: AbortSignal,
  ): Promise<number> {
    const folder = join(this.deps.config.dataDir, kind);
    const names = (await readdir(folder).catch(() => [])).filter((name) => isId(name) && name < idAt(before));
    let count = 0;
    for (let n = 0; n < names.length && !signal.aborted; n += BATCH) {
      const batch = names.slice(n, n + BATCH);
      const rows = await this.deps.database.read.find(ValidationPipeline, {
        select: { id: true },
        where: { id: In(batch) },
      });
      const kept = new Set(rows.map(({ id }) => id));
      for (const name of batch.filter((each) => !kept.has(each))) {
        const path = join(folder, name);
        // Of a database that this process does not see: its folders go by their own age.
        const found = await stat(path).catch(() => null);
        if (!found || found.mtimeMs >= before) continue;
        await rm(path, { recursive: true, force: true });
        count++;
      }
    }
    return count;
  }

  private async deleteWorkspaces(signal: AbortSignal): Promise<number> {
    const { workspaces } = this.deps;
    const names = await workspaces.untouchedFor(WORKSPACE_MS);
    for (const name of names) if (!signal.aborted) await workspaces.remove(name);
    return names.length;
  }
}
