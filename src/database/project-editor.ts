import { setTimeout as sleep } from 'node:timers/promises';
import { In, Not, QueryFailedError, type EntityManager } from 'typeorm';
import { newId } from '../domain/ids.js';
import type { Queue } from '../queue/contract.js';
import type { Database } from './database.js';
import {
  AgentRun,
  Project,
  ProjectSetting,
  PullRequest,
  Score,
  Stage,
  TestDay,
  ValidationPipeline,
  WebhookEvent,
} from './entities/index.js';
import { cut, type Page, type PageRequest } from './pages.js';
import type { PipelineStore } from './pipeline-store.js';
import type { SettingsStore } from './settings-store.js';

/** How long a deletion waits for GitHub and for workers elsewhere. */
const SHOWN_MS = 10_000;
const LOOK_MS = 50;
const BATCH = 500;

export interface ProjectFields {
  name: string;
  fullName: string;
  description: string;
  repositoryUrl: string;
  defaultBranch: string;
  autoMergeEnabled: boolean;
  autoConfirmPlan: boolean;
}

export type NewProject = Partial<ProjectFields> & { id?: string | undefined; fullName: string };

/** Another project has this id or full name. */
export class ProjectExists extends Error {
  override name = 'ProjectExists';
}

/** Projects as people make and change them; what GitHub says of them is ProjectStore's. */
export class ProjectEditor {
  constructor(
    private readonly deps: {
      database: Database;
      settings: SettingsStore;
      pipelines: PipelineStore;
      queue: Queue;
      /** Where repositories are seen by people, without a slash at the end. */
      webUrl: string;
    },
  ) {}

  async list(filter: { fullName?: string; search?: string }, page: PageRequest): Promise<Page<Project>> {
    const query = this.deps.database.read
      .createQueryBuilder(Project, 'p')
      .orderBy('p.id', 'DESC')
      .take(page.limit + 1);
    if (filter.fullName !== undefined)
      query.andWhere('p.full_name_key = :key', { key: filter.fullName.toLowerCase() });
    if (filter.search !== undefined)
      query.andWhere(
        `(p.full_name_key LIKE :part ESCAPE '!' OR LOWER(p.name) LIKE :part ESCAPE '!' OR LOWER(p.description) LIKE :part ESCAPE '!')`,
        { part: `%${filter.search.toLowerCase().replace(/[!%_]/g, '!$&')}%` },
      );
    if (page.cursor !== undefined) query.andWhere('p.id < :cursor', { cursor: page.cursor });
    return cut(await query.getMany(), page.limit);
  }

  /** @throws ProjectExists */
  async create(fields: NewProject): Promise<Project> {
    const { database, webUrl } = this.deps;
    const now = new Date();
    const project: Project = {
      id: fields.id ?? newId(),
      name: fields.name ?? fields.fullName.split('/')[1]!,
      fullName: fields.fullName,
      fullNameKey: fields.fullName.toLowerCase(),
      description: fields.description ?? '',
      repositoryUrl: fields.repositoryUrl ?? `${webUrl}/${fields.fullName}`,
      defaultBranch: fields.defaultBranch ?? 'main',
      repositoryId: null,
      installationId: null,
      removedAt: null,
      firstEventId: null,
      createdAt: now,
      updatedAt: now,
    };
    await unlessTaken(() =>
      database.write(async (tx) => {
        if (await tx.existsBy(Project, { id: project.id }))
          throw new ProjectExists(`There is a project with the id ${project.id} already.`);
        await this.refuseTakenName(tx, project);
        await tx.insert(Project, project);
        await this.saveFlags(tx, project.id, fields);
      }),
    );
    return project;
  }

  /** @returns null where there is none. @throws ProjectExists */
  async update(id: string, fields: Partial<ProjectFields>): Promise<Project | null> {
    return unlessTaken(() =>
      this.deps.database.write(async (tx) => {
        const known = await tx.findOneBy(Project, { id });
        if (!known) return null;
        const { name, description, repositoryUrl, defaultBranch } = fields;
        const columns = { name, description, repositoryUrl, defaultBranch };
        const fullName = fields.fullName ?? known.fullName;
        const fullNameKey = fullName.toLowerCase();
        if (fullNameKey !== known.fullNameKey) await this.refuseTakenName(tx, { id, fullName, fullNameKey });
        const changes = {
          ...columns,
          fullName,
          fullNameKey,
          updatedAt: new Date(),
          // Another repository: what GitHub said of the former is not about it.
          ...(fullNameKey === known.fullNameKey
            ? {}
            : { repositoryId: null, installationId: null, removedAt: null }),
          ...(fullNameKey !== known.fullNameKey && repositoryUrl === undefined
            ? { repositoryUrl: `${this.deps.webUrl}/${fullName}` }
            : {}),
        };
        await tx.update(Project, { id }, changes);
        await this.saveFlags(tx, id, fields);
        return tx.findOneByOrFail(Project, { id });
      }),
    );
  }

  /**
   * Removes a project with all that belongs to it. What waits or runs is cancelled first, and GitHub told of it.
   * @returns the ids of its pipelines, or null where there is no such project
   */
  async delete(id: string): Promise<string[] | null> {
    const { database, pipelines } = this.deps;
    if (!(await database.read.existsBy(Project, { id }))) return null;
    await this.endPipelines(id);
    const deleted = await this.deleteRows(ValidationPipeline, id);
    for (const entity of [AgentRun, WebhookEvent]) await this.deleteRows(entity, id);
    await database.write(async (tx) => {
      // Those that came meanwhile.
      const rows = await tx.find(ValidationPipeline, { select: { id: true }, where: { projectId: id } });
      for (const row of rows) await tx.delete(Stage, { pipelineId: row.id });
      for (const entity of [
        ValidationPipeline,
        AgentRun,
        WebhookEvent,
        ProjectSetting,
        PullRequest,
        TestDay,
        Score,
      ])
        await tx.delete(entity, { projectId: id });
      await tx.delete(Project, { id });
      deleted.push(...rows.map((row) => row.id));
      database.onCommit(tx, () => {
        for (const row of rows) pipelines.jobs.events.emit('cancel', row.id);
      });
    });
    return deleted;
  }

  /** Cancels what is not over, and waits until that is shown on GitHub, or 10 seconds. */
  private async endPipelines(projectId: string): Promise<void> {
    const { database, queue, pipelines } = this.deps;
    const ids = await database.write((tx) =>
      pipelines.cancel(tx, { projectId }, 'Cancelled: the project was deleted from CodegenApp.'),
    );
    for (const end = Date.now() + SHOWN_MS; ids.length > 0 && Date.now() < end; await sleep(LOOK_MS)) {
      const open = await database.read.countBy(ValidationPipeline, { id: In(ids), status: Not('completed') });
      if (open === 0 && (await queue.withJob('publish', ids)).size === 0) return;
    }
  }

  /** Little by little: on SQLite nobody else writes meanwhile. @returns the ids */
  private async deleteRows(
    entity: typeof ValidationPipeline | typeof AgentRun | typeof WebhookEvent,
    projectId: string,
  ): Promise<string[]> {
    const { database } = this.deps;
    const deleted: string[] = [];
    for (;;) {
      const rows = await database.read.find<{ id: string; projectId: string | null }>(entity, {
        select: { id: true },
        where: { projectId },
        order: { id: 'DESC' },
        take: BATCH,
      });
      if (rows.length === 0) return deleted;
      const ids = rows.map((row) => row.id);
      await database.write(async (tx) => {
        await tx.delete(entity, { id: In(ids) });
        if (entity === ValidationPipeline) await tx.delete(Stage, { pipelineId: In(ids) });
      });
      deleted.push(...ids);
    }
  }

  private async refuseTakenName(
    tx: EntityManager,
    { id, fullName, fullNameKey }: Pick<Project, 'id' | 'fullName' | 'fullNameKey'>,
  ): Promise<void> {
    const holder = await tx.findOneBy(Project, { fullNameKey });
    if (holder && holder.id !== id)
      throw new ProjectExists(`There is a project for ${fullName} already: ${holder.id}.`);
  }

  /** These two are settings, also shown as fields of the project. */
  private async saveFlags(tx: EntityManager, id: string, fields: Partial<ProjectFields>): Promise<void> {
    const { settings } = this.deps;
    const { autoMergeEnabled, autoConfirmPlan } = fields;
    if (autoMergeEnabled !== undefined) await settings.setIn(tx, id, 'auto_merge_enabled', autoMergeEnabled);
    if (autoConfirmPlan !== undefined) await settings.setIn(tx, id, 'auto_confirm_plan', autoConfirmPlan);
  }
}

/** Two requests at once: the index decides, and says it with an error of the database's own. */
async function unlessTaken<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const code = error instanceof QueryFailedError ? (error.driverError as { code?: string }).code : null;
    if (code === '23505' || code === 'SQLITE_CONSTRAINT')
      throw new ProjectExists('There is a project with this id or full name already.');
    throw error;
  }
}
