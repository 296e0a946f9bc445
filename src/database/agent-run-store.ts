import { In, IsNull, MoreThan, Not, type EntityManager, type FindOptionsWhere } from 'typeorm';
import { newId } from '../domain/ids.js';
import type { Queue } from '../queue/contract.js';
import type { Database } from './database.js';
import { AgentRun, ValidationPipeline } from './entities/index.js';
import { findRow } from './rows.js';

export type NewAgentRun = Pick<AgentRun, 'projectId' | 'prompt'> & Partial<AgentRun>;

/** How long after its end a run's push may still arrive. */
const LATE_PUSH_MS = 15 * 60_000;
/** For how long an answer "out of runs" is believed. */
const OUT_OF_RUNS_MS = 60 * 60_000;

export const isOpen = ({ status }: Pick<AgentRun, 'status'>): boolean =>
  status === 'queued' || status === 'running' || status === 'plan_waiting';

/** Agent runs; the job that looks after one is enqueued in the same transaction as what it is to look at. */
export class AgentRunStore {
  constructor(
    private readonly database: Database,
    private readonly queue: Queue,
  ) {}

  find(id: string): Promise<AgentRun | null> {
    return findRow(this.database.read, AgentRun, { id });
  }

  /** The newest run that is to fix what this pipeline found. */
  ofPipeline(pipelineId: string): Promise<AgentRun | null> {
    return findRow(this.database.read, AgentRun, { pipelineId }, { id: 'DESC' });
  }

  /**
   * The fixes of a pull request, oldest first; where a fix opened the pull request, those of the one that it was
   * for as well.
   */
  async fixesOf(projectId: string, pullRequestNumber: number): Promise<AgentRun[]> {
    const numbers = new Set([pullRequestNumber]);
    for (let wanted: number | null = pullRequestNumber; wanted !== null;) {
      const opener: AgentRun | null = await this.database.read.findOneBy(AgentRun, {
        projectId,
        openedPullRequest: wanted,
      });
      const from: number | null = opener?.pullRequestNumber ?? null;
      wanted = from !== null && !numbers.has(from) ? from : null;
      if (wanted !== null) numbers.add(wanted);
    }
    return this.database.read.find(AgentRun, {
      where: { projectId, pullRequestNumber: In([...numbers]), headSha: Not(IsNull()) },
      order: { id: 'ASC' },
    });
  }

  /** The run whose push would follow on this head: still out, or ended a short while ago. */
  async awaitedOn(projectId: string, pullRequestNumber: number, headSha: string): Promise<AgentRun | null> {
    const run = await this.database.read.findOne(AgentRun, {
      where: [
        // Who waits with a plan has pushed nothing.
        { projectId, pullRequestNumber, headSha, remoteId: Not(IsNull()), status: Not('plan_waiting') },
        // The agent may be quicker than Codegen's answer is here.
        { projectId, pullRequestNumber, headSha, requestedAt: Not(IsNull()), status: 'queued' },
      ],
      order: { id: 'DESC' },
    });
    const late = run?.completedAt && Date.now() - run.completedAt.getTime() > LATE_PUSH_MS;
    return run && !late ? run : null;
  }

  /** Whether Codegen said a short while ago that its runs are used up, and has accepted none since. */
  async outOfRuns(): Promise<boolean> {
    const newest = await this.database.read.findOne(AgentRun, {
      where: [{ remoteId: Not(IsNull()) }, { errorKind: 'out_of_runs' }],
      order: { updatedAt: 'DESC' },
    });
    if (newest?.errorKind !== 'out_of_runs') return false;
    return this.database.read.existsBy(AgentRun, {
      id: newest.id,
      updatedAt: MoreThan(new Date(Date.now() - OUT_OF_RUNS_MS)),
    });
  }

  /** Stores a run that is to be created at Codegen, and the job that does it. */
  async create(tx: EntityManager, values: NewAgentRun): Promise<AgentRun> {
    const now = new Date();
    const id = newId();
    const row = { status: 'queued', ...values, id, createdAt: now, updatedAt: now };
    // TypeORM's own form of an entity does not take the plain record of `context`.
    await tx.insert(AgentRun, row as object);
    await this.lookAfter(tx, id, now);
    return tx.findOneByOrFail(AgentRun, { id });
  }

  async save(tx: EntityManager, id: string, values: Partial<AgentRun>): Promise<void> {
    await tx.update(AgentRun, { id }, { ...values, updatedAt: new Date() } as object);
  }

  /** Has the run looked after at `at`; a look that was planned before is dropped. */
  async lookAfter(tx: EntityManager, id: string, at: Date): Promise<void> {
    await tx.update(AgentRun, { id }, { looks: () => 'looks + 1' });
    const { looks } = await tx.findOneByOrFail(AgentRun, { id });
    await this.queue.enqueue(tx, {
      kind: 'agent',
      subject: `run:${id}:${looks}`,
      lane: `agent:${id}`,
      runAt: at,
    });
  }

  /** Has a run that Codegen works on looked at now, unless it was so within `gapMs`. @returns whether it is */
  async hint(tx: EntityManager, id: string, gapMs: number): Promise<boolean> {
    const now = Date.now();
    const { affected } = await tx
      .createQueryBuilder()
      .update(AgentRun)
      .set({ hintedAt: new Date(now) })
      .where("id = :id AND status = 'running' AND resume_message IS NULL", { id })
      .andWhere('(hinted_at IS NULL OR hinted_at < :before)', { before: now - gapMs })
      .execute();
    if (affected !== 1) return false;
    await this.lookAfter(tx, id, new Date(now));
    return true;
  }

  /** Has it looked at once more what follows from a pipeline. */
  async followUp(tx: EntityManager, pipelineId: string): Promise<void> {
    await this.queue.enqueue(tx, {
      kind: 'agent',
      subject: `pipeline:${pipelineId}`,
      lane: `publish:${pipelineId}`,
    });
  }

  /** Ends the plans that wait on a pull request: they are for a head that is no longer there. */
  async dropPlans(
    tx: EntityManager,
    projectId: string,
    pullRequestNumber: number,
    reason: string,
  ): Promise<void> {
    const now = new Date();
    await tx.update(
      AgentRun,
      { projectId, pullRequestNumber, status: 'plan_waiting' },
      { status: 'cancelled', errorMessage: reason, completedAt: now, updatedAt: now },
    );
  }

  /** The validation of the very sha that a pipeline builds on, or else the base branch's last one. */
  async validationOfBase({
    id,
    projectId,
    baseRef,
    baseSha,
  }: ValidationPipeline): Promise<ValidationPipeline | null> {
    const finished = {
      projectId,
      status: 'completed',
      conclusion: In(['success', 'failure']),
      id: Not(id),
    } as const;
    const find = (which: FindOptionsWhere<ValidationPipeline>) =>
      this.database.read.findOne(ValidationPipeline, {
        where: { ...finished, ...which },
        order: { id: 'DESC' },
      });
    return (await find({ headSha: baseSha })) ?? (await find({ trigger: 'base', headRef: baseRef }));
  }
}
