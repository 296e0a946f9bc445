import { EventEmitter } from 'node:events';
import { In, IsNull, LessThan, Not, type EntityManager } from 'typeorm';
import { newId } from '../domain/ids.js';
import {
  STAGE_NAMES,
  type Conclusion,
  type PipelineResults,
  type StageName,
  type StageRecord,
} from '../domain/pipeline.js';
import { isDeployed } from '../github/deployment.js';
import type { Queue } from '../queue/contract.js';
import { isDead } from '../queue/owner.js';
import { announce } from './change-feed.js';
import { insertRows, type Database } from './database.js';
import { PullRequest, Stage, ValidationPipeline } from './entities/index.js';

export const LEASE_MS = 60_000;
export const MAX_ATTEMPTS = 3;

/** Conclusions that something may follow from: a fix, a merge. */
const FOLLOWED_UP: readonly Conclusion[] = ['success', 'failure', 'timed_out'];

export type NewPipeline = Pick<
  ValidationPipeline,
  'projectId' | 'headSha' | 'headRef' | 'baseRef' | 'fetchRef' | 'trigger'
> &
  Partial<ValidationPipeline>;

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

/** Pipelines and their stages. What follows from a change (jobs) is enqueued in the same transaction. */
/** Another pipeline of the pull request was begun meanwhile: look again at what there is. */
export class Overtaken extends Error {
  override name = 'Overtaken';
}

export class PipelineStore {
  /**
   * `cancel` (id) when a running pipeline was told to stop, `changed` (id) on every write; of other processes where a
   * ChangeFeed hears them. `completed` (id) in this process only.
   */
  readonly events = new EventEmitter<{
    cancel: [id: string];
    changed: [id: string];
    completed: [id: string];
  }>().setMaxListeners(0);

  constructor(
    private readonly database: Database,
    private readonly queue: Queue,
  ) {}

  find(id: string): Promise<ValidationPipeline | null> {
    return this.database.read.findOneBy(ValidationPipeline, { id });
  }

  latestOf(projectId: string, pullRequestNumber: number): Promise<ValidationPipeline | null> {
    return this.database.read.findOne(ValidationPipeline, {
      where: { projectId, pullRequestNumber },
      order: { id: 'DESC' },
    });
  }

  /**
   * Makes sure that nobody began another pipeline of a pull request since it was looked at, until the transaction ends.
   * @param latestId of the pipeline that was the latest then
   * @throws Overtaken
   */
  async requireLatest(
    tx: EntityManager,
    { projectId, pullRequestNumber }: { projectId: string; pullRequestNumber: number },
    latestId: string | null,
  ): Promise<void> {
    if (this.database.kind === 'postgres')
      await tx.query('SELECT id FROM projects WHERE id = $1 FOR NO KEY UPDATE', [projectId]);
    const latest = await tx.findOne(ValidationPipeline, {
      select: { id: true },
      where: { projectId, pullRequestNumber },
      order: { id: 'DESC' },
    });
    if ((latest?.id ?? null) !== latestId) throw new Overtaken();
  }

  latestOfHead(projectId: string, headSha: string): Promise<ValidationPipeline | null> {
    return this.database.read.findOne(ValidationPipeline, {
      where: { projectId, headSha },
      order: { id: 'DESC' },
    });
  }

  /** The comment that an earlier pipeline of the same pull request wrote. */
  async commentOf({ projectId, pullRequestNumber }: ValidationPipeline): Promise<number | null> {
    if (pullRequestNumber === null) return null;
    const row = await this.database.read.findOne(ValidationPipeline, {
      select: { id: true, commentId: true },
      where: { projectId, pullRequestNumber, commentId: Not(IsNull()) },
      order: { id: 'DESC' },
    });
    return row?.commentId ?? null;
  }

  async stagesOf(pipelineId: string): Promise<StageRecord[]> {
    return this.database.read.find(Stage, { where: { pipelineId }, order: { position: 'ASC' } });
  }

  /**
   * Stores a pipeline and what is to follow. One that is completed from the start (skipped, waiting) is only
   * published.
   */
  async create(tx: EntityManager, pipeline: NewPipeline): Promise<ValidationPipeline> {
    const now = new Date();
    const row = tx.create(ValidationPipeline, {
      id: newId(),
      status: 'queued',
      ...pipeline,
      createdAt: now,
      updatedAt: now,
      completedAt: pipeline.status === 'completed' ? now : null,
    });
    await tx.insert(ValidationPipeline, row);
    const { projectId, pullRequestNumber: number, id: latestPipelineId } = row;
    // Only what is open is validated.
    if (number)
      await tx.upsert(PullRequest, { projectId, number, latestPipelineId, isOpen: true }, [
        'projectId',
        'number',
      ]);
    await this.publish(tx, row.id);
    if (row.status === 'queued') await this.enqueue(tx, row);
    else if (row.status === 'completed') this.announceCompleted(tx, row.id);
    return row;
  }

  /** Lets a pipeline that waits for approval run; false where it does not wait. */
  async approve(tx: EntityManager, id: string, approvedBy: string): Promise<boolean> {
    const { affected } = await tx.update(
      ValidationPipeline,
      { id, status: 'completed', conclusion: 'action_required' },
      {
        status: 'queued',
        conclusion: null,
        reason: null,
        completedAt: null,
        approvedBy,
        updatedAt: new Date(),
      },
    );
    if (affected !== 1) return false;
    await this.publish(tx, id);
    await this.enqueue(tx, await tx.findOneByOrFail(ValidationPipeline, { id }));
    return true;
  }

  /**
   * Ends what is queued, running or waiting among the pipelines matched. A queued one ends here; a running one is
   * told to, and its worker completes it.
   * @returns the ids of those that were told or ended
   */
  async cancel(
    tx: EntityManager,
    which:
      | { id: string }
      | { projectId: string }
      | { projectId: string; pullRequestNumber: number }
      | { projectId: string; headRef: string },
    reason: string,
  ): Promise<string[]> {
    const rows = await tx.find(ValidationPipeline, {
      select: { id: true, status: true, trigger: true },
      where: [
        { ...which, status: Not('completed') },
        { ...which, status: 'completed', conclusion: 'action_required' },
      ],
    });
    for (const { id, status, trigger } of rows) {
      if (status === 'in_progress') {
        await tx.update(ValidationPipeline, { id }, { cancelReason: reason, updatedAt: new Date() });
        await this.tell(tx, 'cancel', id);
        continue;
      }
      await tx.update(
        ValidationPipeline,
        { id },
        { ...completedNow(), conclusion: 'cancelled', reason, cancelReason: reason },
      );
      this.announceCompleted(tx, id);
      await this.publish(tx, id);
      if (trigger === 'base') await this.followUp(tx, id);
    }
    return rows.map(({ id }) => id);
  }

  /** Pull requests that are closed: those named, or all but those named that were known before `before` (an id). */
  async closePullRequests(
    tx: EntityManager,
    projectId: string,
    which: { number: number } | { allBut: number[]; before: string },
  ): Promise<void> {
    const open = { projectId, isOpen: true };
    const where =
      'number' in which
        ? { ...open, number: which.number }
        : { ...open, number: Not(In(which.allBut)), latestPipelineId: LessThan(which.before) };
    await tx.update(PullRequest, where, { isOpen: false });
  }

  /**
   * Takes a pipeline to work on it: null where it is completed or somebody else holds it.
   * Afterwards its stages are those of a new attempt.
   */
  async take(id: string, owner: string): Promise<ValidationPipeline | 'held' | null> {
    const { nowMs } = this.database;
    return this.database.write(async (tx) => {
      const row = await tx.findOneBy(ValidationPipeline, { id });
      if (!row || row.status === 'completed') return null;
      const stale = row.leaseOwner !== null && isDead(row.leaseOwner) ? '1 = 1' : `lease_until < ${nowMs}`;
      const { affected } = await tx
        .createQueryBuilder()
        .update(ValidationPipeline)
        .set({
          status: 'in_progress',
          attempt: () => 'attempt + 1',
          leaseOwner: owner,
          leaseUntil: () => `${nowMs} + ${LEASE_MS}`,
          currentStep: null,
          progressPercentage: 0,
          deploymentUrl: null,
          startedAt: row.startedAt ?? new Date(),
          updatedAt: new Date(),
        })
        .where(`id = :id AND attempt = :attempt AND (lease_until IS NULL OR ${stale})`, {
          id,
          attempt: row.attempt,
        })
        .execute();
      if (affected !== 1) return 'held';
      // Left by an attempt that died.
      if (isDeployed(row.deploymentUrl)) await this.followDeployment(tx, id);
      await tx.delete(Stage, { pipelineId: id });
      await insertRows(
        tx,
        Stage,
        STAGE_NAMES.map((name, position) => ({ pipelineId: id, name, position, status: 'queued' as const })),
      );
      return tx.findOneByOrFail(ValidationPipeline, { id });
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
      if (progress.deployed) await this.followDeployment(tx, held.id);
      await this.tell(tx, 'changed', held.id);
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
      await this.tell(tx, 'changed', held.id);
    });
  }

  /**
   * The one place where a pipeline that ran is completed. What is published follows from the row.
   * @param stages those that have changed since they were written
   * @throws StaleAttempt
   */
  async complete(held: Held, completion: Completion, stages: readonly StageRecord[]): Promise<void> {
    await this.database.write(async (tx) => {
      await this.update(tx, held, {
        ...completedNow(),
        conclusion: completion.conclusion,
        reason: completion.reason,
        errorMessage: completion.errorMessage ?? null,
        validationResults: completion.results ?? null,
      });
      await this.saveStages(tx, held.id, stages);
      this.announceCompleted(tx, held.id);
      await this.publish(tx, held.id);
      const { trigger, deploymentUrl } = await tx.findOneOrFail(ValidationPipeline, {
        select: { id: true, trigger: true, deploymentUrl: true },
        where: { id: held.id },
      });
      // However the validation of a base ended, others may wait for it.
      if (FOLLOWED_UP.includes(completion.conclusion) || trigger === 'base') await this.followUp(tx, held.id);
      if (isDeployed(deploymentUrl)) await this.followDeployment(tx, held.id);
    });
  }

  /** The pipeline that a command or button asked for. */
  ofCause(cause: string): Promise<ValidationPipeline | null> {
    return this.database.read.findOneBy(ValidationPipeline, { cause });
  }

  /** Adds to a completed pipeline what became known after its end, and has it published. */
  async note(
    id: string,
    noted: Partial<Pick<ValidationPipeline, 'agentDecision' | 'merge' | 'validationResults'>>,
  ): Promise<void> {
    await this.database.write(async (tx) => {
      await tx.update(ValidationPipeline, { id }, { ...noted, updatedAt: new Date() });
      await this.publish(tx, id);
    });
  }

  /**
   * Gives a pipeline back for another attempt, in `delayMs`; without `spent` this one does not count.
   * @throws StaleAttempt
   */
  async giveBack(held: Held, { spent, delayMs }: { spent: boolean; delayMs: number }): Promise<void> {
    await this.database.write(async (tx) => {
      await this.update(tx, held, {
        status: 'queued',
        leaseOwner: null,
        leaseUntil: null,
        ...(spent ? {} : { attempt: () => 'attempt - 1' }),
      });
      const row = await tx.findOneByOrFail(ValidationPipeline, { id: held.id });
      if (isDeployed(row.deploymentUrl)) await this.followDeployment(tx, held.id);
      await this.enqueue(tx, row, new Date(Date.now() + delayMs));
    });
  }

  /** Enqueues the work on a pipeline that has lost its job. */
  async revive(tx: EntityManager, id: string): Promise<void> {
    const row = await tx.findOneBy(ValidationPipeline, { id });
    if (row && row.status !== 'completed') await this.enqueue(tx, row);
  }

  async saveCheck(
    id: string,
    check: Partial<
      Pick<
        ValidationPipeline,
        'checkRunId' | 'checkRequested' | 'commentId' | 'annotated' | 'deploymentId' | 'deploymentState'
      >
    >,
  ) {
    await this.database.writeOne((tx) => tx.update(ValidationPipeline, { id }, check));
  }

  /** Enqueues the publication of what the row says. */
  async publish(tx: EntityManager, pipelineId: string): Promise<void> {
    await this.queue.enqueue(tx, { kind: 'publish', subject: pipelineId, lane: `publish:${pipelineId}` });
    await this.tell(tx, 'changed', pipelineId);
  }

  /** This process at once, the others by way of the database. */
  private async tell(tx: EntityManager, change: 'changed' | 'cancel', id: string): Promise<void> {
    this.database.onCommit(tx, () => this.events.emit(change, id));
    if (this.database.kind === 'postgres') await announce(tx, change, id);
  }

  /** In the lane of the publication, so that a merge finds the check completed. */
  private async followUp(tx: EntityManager, id: string): Promise<void> {
    await this.queue.enqueue(tx, { kind: 'agent', subject: `pipeline:${id}`, lane: `publish:${id}` });
  }

  /** Has it looked at what is to be shown of a preview with a public address. */
  async followDeployment(tx: EntityManager, id: string): Promise<void> {
    await this.queue.enqueue(tx, {
      kind: 'agent',
      subject: `deployment:${id}`,
      lane: `deployment:${id}`,
    });
  }

  private announceCompleted(tx: EntityManager, id: string): void {
    this.database.onCommit(tx, () => this.events.emit('completed', id));
  }

  private async enqueue(
    tx: EntityManager,
    { id, projectId, pullRequestNumber, headSha }: ValidationPipeline,
    runAt?: Date,
  ): Promise<void> {
    await this.queue.enqueue(tx, {
      kind: 'pipeline',
      subject: id,
      lane: `pipeline:${projectId}:${pullRequestNumber ?? headSha}`,
      ...(runAt ? { runAt } : {}),
    });
  }

  private async update(
    tx: EntityManager,
    held: Held,
    values: Parameters<EntityManager['update']>[2] & object,
  ): Promise<void> {
    const { affected } = await tx.update(
      ValidationPipeline,
      { id: held.id, attempt: held.attempt, leaseOwner: held.owner, status: 'in_progress' },
      values,
    );
    if (affected !== 1) throw new StaleAttempt(held);
  }

  private async saveStages(
    tx: EntityManager,
    pipelineId: string,
    stages: readonly StageRecord[],
  ): Promise<void> {
    for (const { name, status, conclusion, summary, startedAt, completedAt } of stages)
      await tx.update(Stage, { pipelineId, name }, { status, conclusion, summary, startedAt, completedAt });
  }
}

const completedNow = () =>
  ({
    status: 'completed',
    completedAt: new Date(),
    updatedAt: new Date(),
    currentStep: null,
    progressPercentage: 100,
    leaseOwner: null,
    leaseUntil: null,
  }) as const;
