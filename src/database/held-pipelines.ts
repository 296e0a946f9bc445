/** The pipelines that this process works on: what a worker reads and writes of them. */
import { In, type EntityManager } from 'typeorm';
import {
  STAGE_NAMES,
  type Conclusion,
  type PipelineResults,
  type StageName,
  type StageRecord,
} from '../domain/pipeline.js';
import { isDeployed } from '../github/deployment.js';
import { isDead } from '../queue/owner.js';
import type { Database } from './database.js';
import { Stage, ValidationPipeline } from './entities/index.js';
import type { PipelineJobs } from './pipeline-jobs.js';
import { findRow, insertRows, updateRow, updateRows } from './rows.js';

export const LEASE_MS = 60_000;
export const MAX_ATTEMPTS = 3;

/** How a pipeline ended. */
export interface Completion {
  conclusion: Conclusion;
  reason: string | null;
  errorMessage?: string | null;
  results?: PipelineResults;
}

/**
 * A pipeline that a worker holds; every write of it carries the attempt, so that a stale worker writes nothing.
 * An attempt that was given back unspent is made again, by another owner.
 */
export interface Held {
  id: string;
  attempt: number;
  owner: string;
}

/** A newer attempt has taken the pipeline over: whoever meets this stops and writes nothing more. */
export class StaleAttempt extends Error {
  override name = 'StaleAttempt';
  constructor({ id, attempt }: Held) {
    super(`attempt ${attempt} of pipeline ${id} is over`);
  }
}

export class HeldPipelines {
  constructor(
    private readonly database: Database,
    private readonly jobs: PipelineJobs,
  ) {}

  /** Calls back with the id of each running pipeline that was told to stop. */
  onCancel(cancelled: (id: string) => void): void {
    this.jobs.events.on('cancel', cancelled);
  }

  /**
   * Takes a pipeline to work on it: null where it is completed or somebody else holds it.
   * Afterwards its stages are those of a new attempt.
   */
  async take(id: string, owner: string): Promise<ValidationPipeline | 'held' | null> {
    const { nowMs } = this.database;
    return this.database.write(async (tx) => {
      const row = await findRow(tx, ValidationPipeline, { id });
      if (!row || row.status === 'completed') return null;
      const stale = row.leaseOwner !== null && isDead(row.leaseOwner) ? '1 = 1' : `lease_until < ${nowMs}`;
      const begun = {
        status: 'in_progress',
        attempt: row.attempt + 1,
        leaseOwner: owner,
        currentStep: null,
        progressPercentage: 0,
        deploymentUrl: null,
        startedAt: row.startedAt ?? new Date(),
        updatedAt: new Date(),
      } as const;
      const { affected } = await tx
        .createQueryBuilder()
        .update(ValidationPipeline)
        .set({ ...begun, leaseUntil: () => `${nowMs} + ${LEASE_MS}` })
        .where(`id = :id AND attempt = :attempt AND (lease_until IS NULL OR ${stale})`, {
          id,
          attempt: row.attempt,
        })
        .execute();
      if (affected !== 1) return 'held';
      // Left by an attempt that died.
      if (isDeployed(row.deploymentUrl)) await this.jobs.followDeployment(tx, id);
      if (row.startedAt) await tx.delete(Stage, { pipelineId: id });
      await insertRows(
        tx,
        Stage,
        STAGE_NAMES.map((name, position) => ({ pipelineId: id, name, position, status: 'queued' as const })),
      );
      return Object.assign(row, begun);
    });
  }

  /** @throws StaleAttempt */
  async renew(held: Held): Promise<void> {
    await this.database.writeOne((tx) =>
      this.update(tx, held, { leaseUntil: () => `${this.database.nowMs} + ${LEASE_MS}` }),
    );
  }

  /** Those of the pipelines held whose work should stop: told to, or taken over by a newer attempt. */
  async stopped(held: readonly Held[]): Promise<Map<string, { cancelReason: string | null }>> {
    if (held.length === 0) return new Map();
    const rows = await this.database.read.find(ValidationPipeline, {
      select: { id: true, attempt: true, leaseOwner: true, cancelReason: true },
      where: { id: In(held.map(({ id }) => id)) },
    });
    const stopped = new Map<string, { cancelReason: string | null }>();
    for (const { id, attempt, owner } of held) {
      const own = rows.find((row) => row.id === id && row.attempt === attempt && row.leaseOwner === owner);
      if (own && own.cancelReason === null) continue;
      stopped.set(id, { cancelReason: own?.cancelReason ?? null });
    }
    return stopped;
  }

  /** @throws StaleAttempt */
  async saveProgress(
    held: Held,
    progress: {
      /** Those that have changed. */
      stages: readonly StageRecord[];
      currentStep: StageName | null;
      percentage: number;
      deploymentUrl: string | null;
      /** Whether that is a public address that was not there before. */
      deployed?: boolean;
    },
  ): Promise<void> {
    await this.database.write(async (tx) => {
      await this.update(tx, held, {
        currentStep: progress.currentStep,
        progressPercentage: progress.percentage,
        deploymentUrl: progress.deploymentUrl,
        updatedAt: new Date(),
      });
      await this.saveStages(tx, held.id, progress.stages);
      if (progress.deployed) await this.jobs.followDeployment(tx, held.id);
      await this.jobs.tell(tx, 'changed', held.id);
    });
  }

  /**
   * Writes what belongs to a pipeline beside its rows, and tells its readers; nobody takes it over meanwhile.
   * @throws StaleAttempt
   */
  async writeBeside(held: Held, work: (tx: EntityManager) => Promise<void>): Promise<void> {
    await this.database.write(async (tx) => {
      const rows = await tx
        .createQueryBuilder(ValidationPipeline, 'pipeline')
        .select('pipeline.id')
        .where({ id: held.id, attempt: held.attempt, leaseOwner: held.owner, status: 'in_progress' })
        .setLock('pessimistic_read')
        .getMany();
      if (rows.length === 0) throw new StaleAttempt(held);
      await work(tx);
      await this.jobs.tell(tx, 'changed', held.id);
    });
  }

  /**
   * The one place where a pipeline that ran is completed. What is published follows from the row.
   * @param stages those that have changed since they were written
   * @returns the row as it is now
   * @throws StaleAttempt
   */
  async complete(
    held: Held,
    completion: Completion,
    stages: readonly StageRecord[],
  ): Promise<ValidationPipeline> {
    return this.database.write(async (tx) => {
      const row = await this.end(tx, held, {
        ...completedNow(),
        conclusion: completion.conclusion,
        reason: completion.reason,
        errorMessage: completion.errorMessage ?? null,
        validationResults: completion.results ?? null,
      });
      await this.saveStages(tx, held.id, stages);
      await this.jobs.publish(tx, held.id);
      this.jobs.announceCompleted(tx, row);
      if (leadsToSomething(completion.conclusion, row)) await this.jobs.followUp(tx, held.id);
      if (isDeployed(row.deploymentUrl)) await this.jobs.followDeployment(tx, held.id);
      return row;
    });
  }

  /**
   * Gives a pipeline back for another attempt, in `delayMs`; without `spent` this one does not count.
   * @throws StaleAttempt
   */
  async giveBack(held: Held, { spent, delayMs }: { spent: boolean; delayMs: number }): Promise<void> {
    await this.database.write(async (tx) => {
      const row = await this.end(tx, held, {
        status: 'queued',
        leaseOwner: null,
        leaseUntil: null,
        ...(spent ? {} : { attempt: () => 'attempt - 1' }),
      });
      if (isDeployed(row.deploymentUrl)) await this.jobs.followDeployment(tx, held.id);
      await this.jobs.run(tx, row, new Date(Date.now() + delayMs));
    });
  }

  private async update(tx: EntityManager, held: Held, values: PipelineValues): Promise<void> {
    if ((await updateRows(tx, ValidationPipeline, rowOf(held), values)) !== 1) throw new StaleAttempt(held);
  }

  /** @returns the row as it is now */
  private async end(tx: EntityManager, held: Held, values: PipelineValues): Promise<ValidationPipeline> {
    const row = await updateRow(tx, ValidationPipeline, rowOf(held), values);
    if (!row) throw new StaleAttempt(held);
    return row;
  }

  private async saveStages(
    tx: EntityManager,
    pipelineId: string,
    stages: readonly StageRecord[],
  ): Promise<void> {
    if (stages.length === 0) return;
    await insertRows(
      tx,
      Stage,
      stages.map((stage) => ({ ...stage, pipelineId, position: STAGE_NAMES.indexOf(stage.name) })),
      {
        columns: ['status', 'conclusion', 'summary', 'started_at', 'completed_at'],
        key: ['pipeline_id', 'name'],
      },
    );
  }
}

type PipelineValues = Parameters<typeof updateRow<ValidationPipeline>>[3];

/** For as long as it is held. */
const rowOf = ({ id, attempt, owner: leaseOwner }: Held) =>
  ({ id, attempt, leaseOwner, status: 'in_progress' }) as const;

/** Whether FollowUp may find something to do: a fix, a merge, a look at what an agent did. */
function leadsToSomething(
  conclusion: Conclusion,
  { trigger, agentRunId, settings }: Pick<ValidationPipeline, 'trigger' | 'agentRunId' | 'settings'>,
): boolean {
  // However the validation of a base ended, others may wait for it.
  if (trigger === 'base' || conclusion === 'failure' || conclusion === 'timed_out') return true;
  return conclusion === 'success' && (agentRunId !== null || settings?.auto_merge_enabled !== false);
}

/** What a completed pipeline has, however it ended. */
export const completedNow = () =>
  ({
    status: 'completed',
    completedAt: new Date(),
    updatedAt: new Date(),
    currentStep: null,
    progressPercentage: 100,
    leaseOwner: null,
    leaseUntil: null,
  }) as const;
