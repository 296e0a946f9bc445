/**
 * The base branch's results: looked up for a pull request, and found out in the background where there are none,
 * when nothing else waits. Such a pipeline has the trigger `base`; nothing of it is shown on GitHub.
 */
import type { EntityManager } from 'typeorm';
import type { BaselineStore } from '../database/baseline-store.js';
import type { Database } from '../database/database.js';
import type { ValidationPipeline } from '../database/entities/index.js';
import type { PipelineStore } from '../database/pipeline-store.js';
import type { PipelineResults } from '../domain/pipeline.js';
import { compare, type Comparison } from './compare.js';

export interface BaselineDeps {
  database: Database;
  pipelines: PipelineStore;
  known: BaselineStore;
  /** Shows changed results of a completed pipeline on GitHub. */
  republish: (pipelineId: string) => Promise<void>;
}

type Subject = Pick<ValidationPipeline, 'id' | 'projectId' | 'headSha' | 'baseSha' | 'baseRef' | 'trigger'>;

export class Baseline {
  constructor(private readonly deps: BaselineDeps) {}

  /** Of the very base sha where it was validated, otherwise of the base branch's last validated one. */
  async comparisonFor({ id, projectId, headSha, baseSha, baseRef, trigger }: Subject): Promise<Comparison> {
    const { known } = this.deps;
    const sameSha = await known.resultsOf(projectId, headSha, id);
    if (trigger === 'base' || baseSha === '' || baseSha === headSha) return { base: null, sameSha };
    for (const sha of [baseSha, await known.lastShaOf(projectId, baseRef)]) {
      const results = sha === null ? [] : await known.resultsOf(projectId, sha, id);
      if (results.length > 0) return { base: { sha: sha!, results }, sameSha };
    }
    return { base: null, sameSha };
  }

  /** To be called when a pipeline was completed. */
  async completed(row: ValidationPipeline): Promise<void> {
    if (row.conclusion !== 'success' && row.conclusion !== 'failure') return;
    if (row.trigger === 'base') await this.tellThoseOn(row);
    else if (wantsBase(row)) await this.begin(row);
  }

  /**
   * Whether it is still being found out how the base fares, which is begun where nobody has: asked before an agent
   * is, whose run costs more than a validation. Once that has ended, `undecidedOn` names who waits.
   */
  async awaited(row: ValidationPipeline): Promise<boolean> {
    const { database, known } = this.deps;
    const { projectId, baseSha, headSha } = row;
    if (baseSha === '' || baseSha === headSha) return false;
    if ((await known.resultsOf(projectId, baseSha, row.id)).length > 0) return false;
    return database.write(async (tx) => {
      const begun = await known.begunFor(tx, projectId, baseSha);
      if (!begun) await this.create(tx, row);
      return begun?.status !== 'completed';
    });
  }

  /** The failures whose decision about an agent may have waited for this validation of a base. */
  undecidedOn({ projectId, headSha }: ValidationPipeline): Promise<string[]> {
    return this.deps.known.undecidedOn(projectId, headSha);
  }

  private async begin(row: ValidationPipeline): Promise<void> {
    const { database, known } = this.deps;
    const { projectId, baseSha } = row;
    if ((await known.resultsOf(projectId, baseSha, row.id)).length > 0) return;
    await database.write(async (tx) => {
      if (await known.isAnythingWaiting(tx)) return;
      if (await known.begunFor(tx, projectId, baseSha)) return;
      await this.create(tx, row);
    });
  }

  private async create(
    tx: EntityManager,
    { projectId, headSha, baseSha, baseRef, settings }: ValidationPipeline,
  ): Promise<void> {
    await this.deps.pipelines.create(tx, {
      projectId,
      title: `Base of ${headSha.slice(0, 7)}`,
      headSha: baseSha,
      headRef: baseRef,
      baseRef,
      baseSha,
      fetchRef: `refs/heads/${baseRef}`,
      trigger: 'base',
      settings: settings && { ...settings, ai_review: 'off' },
    });
  }

  private async tellThoseOn({ projectId, headSha }: ValidationPipeline): Promise<void> {
    const { known, republish } = this.deps;
    for (const row of await known.buildingOn(projectId, headSha)) {
      const results = row.validationResults!;
      if (results.baseline?.sha === headSha) continue;
      compare(results, await this.comparisonFor(row));
      await known.saveResults(row.id, results);
      await republish(row.id);
    }
  }
}

/** Whether knowing the base would tell something: whose failures they are, or any change at all. */
function wantsBase({ baseSha, headSha, validationResults }: ValidationPipeline): boolean {
  if (baseSha === '' || baseSha === headSha || !validationResults) return false;
  const { baseline, tests } = validationResults;
  if (baseline?.sha === baseSha) return false;
  if (tests?.cases.some(({ status, blame }) => status === 'failed' && blame !== 'flaky')) return true;
  return !baseline && isComparable(validationResults);
}

const isComparable = ({ tests, coverage, validations }: PipelineResults): boolean =>
  tests !== null ||
  coverage !== null ||
  validations.some(({ scores }) => Object.keys(scores ?? {}).length > 0);
