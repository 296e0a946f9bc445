/** Deletes rows that are older than RETENTION_DAYS, little by little, so that nothing else waits for it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { In } from 'typeorm';
import type { Config } from '../config.js';
import type { Database } from '../database/database.js';
import {
  AgentRun,
  HandledCommand,
  Job,
  PullRequest,
  Stage,
  ValidationPipeline,
  WebhookEvent,
} from '../database/entities/index.js';
import type { ProjectStore } from '../database/project-store.js';
import { idAt } from '../domain/ids.js';
import type { GitHubAccess } from '../github/access.js';
import { statusOf } from '../github/repository.js';
import type { Logger } from '../logging.js';
import type { DatabaseStorage } from '../storage/database.js';
import { MAX_ATTEMPTS } from '../queue/contract.js';

const DAY_MS = 86_400_000;
const BATCH = 500;
/** Others write meanwhile: on SQLite one writes at a time. */
const PAUSE_MS = 50;
/** Pull requests that GitHub is asked about in one round. */
const MAX_ASKED = 200;

export interface RetentionDeps {
  config: Pick<Config, 'retentionDays'>;
  database: Database;
  github: GitHubAccess;
  projects: ProjectStore;
  /** Null where logs and screenshots are files. */
  storage: DatabaseStorage | null;
  log: Logger;
}

export interface Deleted {
  events: number;
  pipelines: number;
  agentRuns: number;
  jobs: number;
  logs: number;
  commands: number;
}

export class Retention {
  readonly what = 'what is kept too long';
  readonly everyMs = 6 * 3_600_000;

  constructor(private readonly deps: RetentionDeps) {}

  async run(signal: AbortSignal): Promise<void> {
    const deleted = await this.sweep(signal);
    if (Object.values(deleted).some((n) => n > 0))
      this.deps.log.info(deleted, 'deleted what was kept too long');
  }

  async sweep(signal: AbortSignal): Promise<Deleted> {
    const before = Date.now() - this.deps.config.retentionDays * DAY_MS;
    return {
      events: await this.deleteRows(WebhookEvent, `status <> 'queued' AND id < '${idAt(before)}'`, signal),
      pipelines: await this.deletePipelines(before, signal),
      agentRuns: await this.deleteRows(
        AgentRun,
        `status NOT IN ('queued', 'running') AND updated_at < ${before} AND id < '${idAt(before)}'`,
        signal,
      ),
      jobs: await this.deleteRows(
        Job,
        `attempts >= ${MAX_ATTEMPTS} AND locked_by IS NULL AND run_at < ${before}`,
        signal,
      ),
      commands: await this.deleteCommands(before, signal),
      logs: await this.deleteStored(signal),
    };
  }

  /** @param which SQL without anything from outside in it */
  private async deleteRows(
    entity: typeof WebhookEvent | typeof AgentRun | typeof Job,
    which: string,
    signal: AbortSignal,
  ): Promise<number> {
    const { tableName } = this.deps.database.read.connection.getMetadata(entity);
    return this.inBatches(signal, async () => {
      const rows = await this.deps.database.read.query<{ id: string | number }[]>(
        `SELECT id FROM ${tableName} WHERE ${which} ORDER BY id LIMIT ${BATCH}`,
      );
      if (rows.length === 0) return 0;
      const ids = rows.map(({ id }) => id);
      await this.deps.database.writeOne((tx) =>
        // Asked once more: a row may have come to life since.
        tx
          .createQueryBuilder()
          .delete()
          .from(entity)
          .where({ id: In(ids) })
          .andWhere(which)
          .execute(),
      );
      return rows.length;
    });
  }

  /** What commands left behind, so that they were carried out once. */
  private async deleteCommands(before: number, signal: AbortSignal): Promise<number> {
    const { database } = this.deps;
    return this.inBatches(signal, async () => {
      const rows = await database.read.query<{ cause: string }[]>(
        `SELECT cause FROM handled_commands WHERE created_at < ${before} LIMIT ${BATCH}`,
      );
      if (rows.length > 0)
        await database.writeOne((tx) =>
          tx.delete(HandledCommand, { cause: In(rows.map(({ cause }) => cause)) }),
        );
      return rows.length;
    });
  }

  /**
   * Completed ones only. Of a pull request that is open the newest stays, and the newest that knows its comment:
   * without them that pull request would be validated and commented on anew.
   */
  private async deletePipelines(before: number, signal: AbortSignal): Promise<number> {
    const newer =
      'n.project_id = p.project_id AND n.pull_request_number = p.pull_request_number AND n.id > p.id';
    const old = `p.status = 'completed' AND p.completed_at < ${before} AND p.id < '${idAt(before)}'`;
    const superseded = `EXISTS (SELECT 1 FROM validation_pipelines n WHERE ${newer})
      AND (p.comment_id IS NULL
           OR EXISTS (SELECT 1 FROM validation_pipelines n WHERE ${newer} AND n.comment_id IS NOT NULL))`;
    const { read } = this.deps.database;
    let count = await this.inBatches(signal, async () => {
      const rows = await read.query<{ id: string }[]>(
        `SELECT p.id FROM validation_pipelines p
         WHERE ${old} AND (p.pull_request_number IS NULL OR (${superseded})) ORDER BY p.id LIMIT ${BATCH}`,
      );
      return this.deletePipelineRows(rows.map(({ id }) => id));
    });

    const last = await read.query<{ project: string; number: number }[]>(
      // Any of them: were it always the same, those beyond would never have their turn.
      `SELECT p.project_id AS project, p.pull_request_number AS number FROM validation_pipelines p
       WHERE ${old} AND p.pull_request_number IS NOT NULL
       GROUP BY p.project_id, p.pull_request_number ORDER BY RANDOM() LIMIT ${MAX_ASKED}`,
    );
    for (const { project, number } of last) {
      if (signal.aborted || (await this.isOpen(project, number))) continue;
      const rows = await read.query<{ id: string }[]>(
        `SELECT p.id FROM validation_pipelines p
         WHERE ${old} AND p.project_id = '${project}' AND p.pull_request_number = ${Number(number)}
         ORDER BY p.id LIMIT ${BATCH}`,
      );
      count += await this.deletePipelineRows(rows.map(({ id }) => id));
    }
    return count;
  }

  private async deletePipelineRows(ids: string[]): Promise<number> {
    if (ids.length === 0) return 0;
    return this.deps.database.write(async (tx) => {
      const { affected } = await tx.delete(ValidationPipeline, { id: In(ids), status: 'completed' });
      await tx.delete(Stage, { pipelineId: In(ids) });
      await tx.delete(PullRequest, { latestPipelineId: In(ids), isOpen: false });
      return affected ?? 0;
    });
  }

  /** Whatever GitHub does not say clearly counts as open. */
  private async isOpen(projectId: string, number: number): Promise<boolean> {
    const { projects, github, log } = this.deps;
    const project = await projects.find(projectId);
    if (!project || project.removedAt !== null) return false;
    try {
      return (await (await github.repository(project)).pullRequest(number)).state === 'open';
    } catch (error) {
      if (statusOf(error) === 404) return false;
      log.debug({ err: error, project: project.fullName, number }, 'whether it is open is not known');
      return true;
    }
  }

  /** Logs and screenshots in the database, of pipelines that are not stored there any more. */
  private async deleteStored(signal: AbortSignal): Promise<number> {
    const { storage } = this.deps;
    if (!storage) return 0;
    return this.inBatches(signal, async () => {
      const ids = await storage.orphans(BATCH);
      for (const id of ids) if (!signal.aborted) await storage.remove(id);
      return ids.length;
    });
  }

  /** Calls until nothing was left to delete, with pauses. @returns how many were deleted */
  private async inBatches(signal: AbortSignal, batch: () => Promise<number>): Promise<number> {
    let count = 0;
    while (!signal.aborted) {
      const n = await batch();
      count += n;
      if (n === 0) break;
      await sleep(PAUSE_MS);
    }
    return count;
  }
}
