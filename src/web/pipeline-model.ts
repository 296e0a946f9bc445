import { agentView } from '../agent/view.js';
import { AgentRun, type ValidationPipeline } from '../database/entities/index.js';
import type { StageName } from '../domain/pipeline.js';
import { redactView } from '../github/view.js';
import { viewOf } from '../pipeline/view.js';
import { redactRun } from './agent-section.js';
import type { PageDeps } from './deps.js';
import type { ShownLog } from './log-panel.js';
import type { ShownPipeline } from './pipeline-page.js';

/** Stages that run commands; the others write no log. */
export const LOGGED: readonly StageName[] = ['setup', 'deploy', 'test'];

const MAX_RUNS = 20;
/** Lines that a page has without its script. */
const TAIL_LINES = 100;

/** Gathers what the page of a pipeline shows. @param tailLines of each log; 0 where only their size is wanted */
export async function loadPipeline(
  deps: PageDeps,
  row: ValidationPipeline,
  tailLines = TAIL_LINES,
): Promise<ShownPipeline> {
  const { database, pipelines, projects } = deps;
  const [project, stages, redactor, runs, latest] = await Promise.all([
    projects.find(row.projectId),
    pipelines.stagesOf(row.id),
    deps.redactorOf({ id: row.projectId }),
    database.read.find(AgentRun, { where: { pipelineId: row.id }, order: { id: 'DESC' }, take: MAX_RUNS }),
    row.pullRequestNumber === null ? null : pipelines.latestOf(row.projectId, row.pullRequestNumber),
  ]);
  const { redact } = redactor;
  const agentConfigured = deps.agent !== null;
  const view = viewOf(row, {
    repository: project?.fullName ?? '',
    stages,
    publicUrl: deps.publicUrl(),
    agent: agentView(row, runs[0] ?? null, agentConfigured),
  });
  const logs: ShownLog[] = [];
  for (const stage of stages) {
    if (!LOGGED.includes(stage.name) || stage.startedAt === null) continue;
    const { total, bytes, lines } = await deps.logs.lines(row, stage.name, redactor, -tailLines, tailLines);
    if (bytes > 0 || stage.status === 'in_progress')
      logs.push({ stage: stage.name, bytes, total, tail: lines });
  }
  return {
    view: redactView(view, redact),
    title: redact(row.title),
    author: redact(row.author),
    project,
    agentConfigured,
    runs: runs.map((run) => redactRun(run, redact)),
    logs,
    newerId: latest && latest.id > row.id ? latest.id : null,
  };
}
