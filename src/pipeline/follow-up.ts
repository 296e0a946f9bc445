/** What follows from a completed pipeline: a merge, a fix, and the looks at both. The handler of agent jobs. */
import type { AgentRunStore } from '../database/agent-run-store.js';
import type { Database } from '../database/database.js';
import type { Project, ValidationPipeline } from '../database/entities/index.js';
import type { PipelineStore } from '../database/pipeline-store.js';
import type { ProjectStore } from '../database/project-store.js';
import { emptyResults } from '../domain/pipeline.js';
import type { FilePatch } from '../agent/diff.js';
import type { FixLoop } from '../agent/fix-loop.js';
import type { RunFollower } from '../agent/follow-run.js';
import { weakenedTests } from '../agent/weakened-tests.js';
import type { GitHubAccess } from '../github/access.js';
import type { JobRun } from '../queue/contract.js';
import type { Baseline } from './baseline.js';
import type { Deployments } from './deployments.js';
import type { Merger } from './merge.js';

export interface FollowUpDeps {
  database: Database;
  projects: ProjectStore;
  pipelines: PipelineStore;
  runs: AgentRunStore;
  github: GitHubAccess;
  loop: FixLoop;
  /** Null without an agent. */
  follower: RunFollower | null;
  merger: Merger;
  baseline: Baseline;
  deployments: Deployments;
}

export class FollowUp {
  constructor(private readonly deps: FollowUpDeps) {}

  /**
   * Subjects are `pipeline:<id>`, `deployment:<pipeline id>`, `run:<id>:<look>` and
   * `merge:<pipeline id>:<asked by>:<look>`.
   */
  async handle({ subject, lastAttempt }: JobRun): Promise<void> {
    const [what, id = '', ...rest] = subject.split(':');
    if (what === 'pipeline') return this.completed(id);
    if (what === 'deployment') return this.deps.deployments.bringUpToDate(id, lastAttempt);
    if (what === 'run') return this.deps.follower?.advance(id, Number(rest[0]), lastAttempt);
    if (what === 'merge')
      await this.deps.merger.merge(id, rest[0] === 'person' ? 'person' : 'pipeline', Number(rest[1]));
  }

  private async completed(pipelineId: string): Promise<void> {
    const { pipelines, projects, loop, merger } = this.deps;
    const pipeline = await pipelines.find(pipelineId);
    if (pipeline?.status !== 'completed') return;
    if (pipeline.trigger === 'base') return this.baseKnown(pipeline);
    if (pipeline.pullRequestNumber === null) return;
    const project = await projects.find(pipeline.projectId);
    if (!project || project.removedAt !== null) return;
    const latest = await pipelines.latestOf(project.id, pipeline.pullRequestNumber);
    if (latest?.id !== pipeline.id) return;

    const weakened = await this.pointOutWeakenedTests(pipeline, project);
    if (pipeline.conclusion !== 'success') return loop.afterFailure(pipeline, project);
    if (weakened && pipeline.settings?.auto_merge_enabled) {
      const reason =
        'The agent’s commits change tests so that they say less; a person should look at that. `/codegen merge` merges it.';
      return pipelines.note(pipeline.id, { merge: { state: 'refused', reason } });
    }
    await merger.merge(pipeline.id, 'pipeline');
  }

  /** Decisions about an agent may have waited for what the base does. */
  private async baseKnown(base: ValidationPipeline): Promise<void> {
    const { runs, baseline, database } = this.deps;
    const waiting = await baseline.undecidedOn(base);
    await database.write(async (tx) => {
      for (const id of waiting) await runs.followUp(tx, id);
    });
  }

  /** Adds findings about the tests that an agent's push deleted, skipped or weakened. */
  private async pointOutWeakenedTests(pipeline: ValidationPipeline, project: Project): Promise<boolean> {
    const run = pipeline.agentRunId === null ? null : await this.deps.runs.find(pipeline.agentRunId);
    if (!run?.headSha) return false;
    const results = pipeline.validationResults ?? emptyResults();
    if (results.findings.some(({ source }) => source === SOURCE)) return true;
    const repository = await this.deps.github.repository(project);
    const files = await repository.changedFiles(run.headSha, pipeline.headSha);
    const findings = weakenedTests(files.map(patchOf));
    if (findings.length === 0) return false;
    await this.deps.pipelines.note(pipeline.id, {
      validationResults: { ...results, findings: [...results.findings, ...findings] },
    });
    return true;
  }
}

const SOURCE = 'weakened-tests';

function patchOf(file: {
  filename: string;
  status: string;
  patch?: string;
  previous_filename?: string;
}): FilePatch {
  const status =
    file.status === 'added' || file.status === 'removed' || file.status === 'renamed'
      ? file.status
      : 'modified';
  return {
    path: file.filename,
    status,
    patch: file.patch ?? null,
    ...(file.previous_filename === undefined ? {} : { previousPath: file.previous_filename }),
  };
}
