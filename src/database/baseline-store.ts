import { In, IsNull, Not, type EntityManager } from 'typeorm';
import type { PipelineResults } from '../domain/pipeline.js';
import type { Database } from './database.js';
import { ValidationPipeline } from './entities/index.js';

/** Pipelines of one sha that are looked at: more would only say the same. */
const RUNS_OF_A_SHA = 3;
/** Pull requests that are told of a new result of their base, the newest ones. */
const TOLD = 20;

const FINISHED = { status: 'completed', conclusion: In(['success', 'failure']) } as const;

/** What was found out about a sha before, to compare with. Kept in the results of its pipelines. */
export class BaselineStore {
  constructor(private readonly database: Database) {}

  /** Of one sha, newest first; but for one pipeline. */
  async resultsOf(projectId: string, headSha: string, except: string): Promise<PipelineResults[]> {
    const rows = await this.database.read.find(ValidationPipeline, {
      select: { id: true, validationResults: true },
      where: { ...FINISHED, projectId, headSha, id: Not(except) },
      order: { id: 'DESC' },
      take: RUNS_OF_A_SHA,
    });
    return rows.flatMap(({ validationResults }) => validationResults ?? []);
  }

  /** The newest validated sha of a branch itself. */
  async lastShaOf(projectId: string, baseRef: string): Promise<string | null> {
    const row = await this.database.read.findOne(ValidationPipeline, {
      select: { id: true, headSha: true },
      where: { ...FINISHED, projectId, trigger: 'base', baseRef },
      order: { id: 'DESC' },
    });
    return row?.headSha ?? null;
  }

  isAnythingWaiting(tx: EntityManager): Promise<boolean> {
    return tx.existsBy(ValidationPipeline, { status: 'queued' });
  }

  /** The validation of this sha for its own sake, begun or ended. */
  begunFor(tx: EntityManager, projectId: string, headSha: string): Promise<ValidationPipeline | null> {
    return tx.findOne(ValidationPipeline, {
      where: { projectId, headSha, trigger: 'base' },
      order: { id: 'DESC' },
    });
  }

  /** Pull requests' failures that build on a sha and about which no agent was asked, nor decided why not. */
  async undecidedOn(projectId: string, baseSha: string): Promise<string[]> {
    const rows = await this.database.read
      .createQueryBuilder(ValidationPipeline, 'pipeline')
      .select('pipeline.id', 'id')
      .where({ projectId, baseSha, status: 'completed', conclusion: 'failure', trigger: Not('base') })
      .andWhere('pipeline.pull_request_number IS NOT NULL AND pipeline.agent_decision IS NULL')
      .andWhere('NOT EXISTS (SELECT 1 FROM agent_runs run WHERE run.pipeline_id = pipeline.id)')
      .orderBy('pipeline.id')
      .getRawMany<{ id: string }>();
    return rows.map(({ id }) => id);
  }

  /** Finished pipelines that build on a sha, the newest first. */
  buildingOn(projectId: string, baseSha: string): Promise<ValidationPipeline[]> {
    return this.database.read.find(ValidationPipeline, {
      where: { ...FINISHED, projectId, baseSha, trigger: Not('base'), validationResults: Not(IsNull()) },
      order: { id: 'DESC' },
      take: TOLD,
    });
  }

  async saveResults(id: string, validationResults: PipelineResults): Promise<void> {
    await this.database.writeOne((tx) =>
      tx.update(ValidationPipeline, { id, status: 'completed' }, { validationResults }),
    );
  }
}
