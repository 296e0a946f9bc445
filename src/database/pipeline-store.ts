import { In, IsNull, LessThan, Not, type EntityManager } from 'typeorm';
import { newId } from '../domain/ids.js';
import type { StageRecord } from '../domain/pipeline.js';
import type { Queue } from '../queue/contract.js';
import type { Database } from './database.js';
import { PullRequest, Stage, ValidationPipeline } from './entities/index.js';
import { completedNow, HeldPipelines } from './held-pipelines.js';
import { PipelineJobs } from './pipeline-jobs.js';
import { defaultsOf, findRow, findRows, insertRows, updateRows } from './rows.js';

export type NewPipeline = Pick<
  ValidationPipeline,
  'projectId' | 'headSha' | 'headRef' | 'baseRef' | 'fetchRef' | 'trigger'
> &
  Partial<ValidationPipeline>;

/** Another pipeline of the pull request was begun meanwhile: look again at what there is. */
export class Overtaken extends Error {
  override name = 'Overtaken';
}

/** Pipelines and their stages. What follows from a change is enqueued in the same transaction. */
export class PipelineStore {
  readonly jobs: PipelineJobs;
  readonly held: HeldPipelines;

  constructor(
    private readonly database: Database,
    queue: Queue,
  ) {
    this.jobs = new PipelineJobs(database, queue);
    this.held = new HeldPipelines(database, this.jobs);
  }

  find(id: string): Promise<ValidationPipeline | null> {
    return findRow(this.database.read, ValidationPipeline, { id });
  }

  latestOf(projectId: string, pullRequestNumber: number): Promise<ValidationPipeline | null> {
    return findRow(this.database.read, ValidationPipeline, { projectId, pullRequestNumber }, { id: 'DESC' });
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
    // Results may be large, and nobody else writes meanwhile.
    const latest = await tx.findOne(ValidationPipeline, {
      select: { id: true },
      where: { projectId, pullRequestNumber },
      order: { id: 'DESC' },
    });
    if ((latest?.id ?? null) !== latestId) throw new Overtaken();
  }

  latestOfHead(projectId: string, headSha: string): Promise<ValidationPipeline | null> {
    return findRow(this.database.read, ValidationPipeline, { projectId, headSha }, { id: 'DESC' });
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
    return findRows(this.database.read, Stage, { pipelineId }, { position: 'ASC' });
  }

  /**
   * Stores a pipeline and what is to follow. One that is completed from the start (skipped, waiting) is only
   * published.
   */
  async create(tx: EntityManager, pipeline: NewPipeline): Promise<ValidationPipeline> {
    const now = new Date();
    const row = tx.create(ValidationPipeline, {
      ...defaultsOf(tx, ValidationPipeline),
      id: newId(),
      status: 'queued',
      ...pipeline,
      createdAt: now,
      updatedAt: now,
      completedAt: pipeline.status === 'completed' ? now : null,
    });
    await insertRows(tx, ValidationPipeline, [row]);
    const { projectId, pullRequestNumber: number, id: latestPipelineId } = row;
    // Only what is open is validated.
    if (number)
      await insertRows(tx, PullRequest, [{ projectId, number, latestPipelineId, isOpen: true }], {
        columns: ['latest_pipeline_id', 'is_open'],
        key: ['project_id', 'number'],
      });
    await this.jobs.publish(tx, row.id);
    if (row.status === 'queued') await this.jobs.run(tx, row);
    else if (row.status === 'completed') this.jobs.announceCompleted(tx, row);
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
    await this.jobs.publish(tx, id);
    await this.jobs.run(tx, await tx.findOneByOrFail(ValidationPipeline, { id }));
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
      where: [
        { ...which, status: Not('completed') },
        { ...which, status: 'completed', conclusion: 'action_required' },
      ],
    });
    for (const row of rows) {
      const { id, status, trigger } = row;
      if (status === 'in_progress') {
        await tx.update(ValidationPipeline, { id }, { cancelReason: reason, updatedAt: new Date() });
        await this.jobs.tell(tx, 'cancel', id);
        continue;
      }
      const ended = { ...completedNow(), conclusion: 'cancelled', reason, cancelReason: reason } as const;
      await tx.update(ValidationPipeline, { id }, ended);
      this.jobs.announceCompleted(tx, Object.assign(row, ended));
      await this.jobs.publish(tx, id);
      if (trigger === 'base') await this.jobs.followUp(tx, id);
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
      await this.jobs.publish(tx, id);
    });
  }

  /** Enqueues the work on a pipeline that has lost its job. */
  async revive(tx: EntityManager, id: string): Promise<void> {
    const row = await tx.findOneBy(ValidationPipeline, { id });
    if (row && row.status !== 'completed') await this.jobs.run(tx, row);
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
    await this.database.writeOne((tx) => updateRows(tx, ValidationPipeline, { id }, check));
  }
}
