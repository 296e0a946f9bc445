import type { Project, ValidationPipeline } from '../database/entities/index.js';
import { elapsed, formatDuration } from '../domain/duration.js';
import { emptyResults, type Finding, type StageRecord } from '../domain/pipeline.js';
import { fullName } from '../domain/test-report.js';
import { CONCLUSION_ICONS } from '../github/verdict.js';
import { html, type Fragment } from './html.js';

const MAX_LISTED = 200;

/** What the page shows of a pipeline. */
export type ShownPipeline = Pick<
  ValidationPipeline,
  | 'id'
  | 'status'
  | 'conclusion'
  | 'currentStep'
  | 'startedAt'
  | 'completedAt'
  | 'reason'
  | 'errorMessage'
  | 'pullRequestUrl'
  | 'pullRequestNumber'
  | 'title'
  | 'headRef'
  | 'headSha'
  | 'baseRef'
  | 'deploymentUrl'
  | 'validationResults'
>;

/**
 * The page of one pipeline: verdict, stages, what failed, the end of the log, and where the rest is.
 * @param project null for a local run, whose logs are gone
 */
export function pipelinePage(
  pipeline: ShownPipeline,
  project: Pick<Project, 'id' | 'fullName'> | null,
  stages: StageRecord[],
): Fragment {
  const { findings, tests, validations, logTail, notes } = pipeline.validationResults ?? emptyResults();
  return [
    html`<p>
        <strong>${verdictOf(pipeline)}</strong>${pipeline.reason && html`<br />${pipeline.reason}`}
        ${pipeline.errorMessage && html`<br />A fault of CodegenApp, not of the pull request: ${pipeline.errorMessage}`}
      </p>
      <p class="muted">
        ${project && html`<a href="/projects/${project.id}">${project.fullName}</a> ·`}
        ${pipeline.pullRequestUrl && html`<a href="${pipeline.pullRequestUrl}">#${pipeline.pullRequestNumber} ${pipeline.title}</a> ·`}
        ${pipeline.headRef} at <code>${pipeline.headSha.slice(0, 7)}</code> into ${pipeline.baseRef}
        ${pipeline.deploymentUrl && html`· looked at ${pipeline.deploymentUrl}`}
      </p>
      <h2>Stages</h2>
      <table>
        <tr>
          <th>Stage</th>
          <th>Result</th>
          <th>Time</th>
          <th>Log</th>
        </tr>
        ${stages.map((stage) => stageRow(project && pipeline.id, stage))}
      </table>`,
    findings.length > 0 &&
      html`<h2>Findings</h2>
        <ul>
          ${findings.slice(0, MAX_LISTED).map(findingItem)}
        </ul>`,
    tests &&
      html`<h2>Tests</h2>
        <p>${tests.passed} passed, ${tests.failed} failed, ${tests.skipped} skipped</p>
        <ul>
          ${tests.cases
            .filter(({ status, flaky }) => status === 'failed' || flaky)
            .slice(0, MAX_LISTED)
            .map((test) => html`<li>${test.flaky ? 'Flaky: ' : 'Failed: '}${fullName(test)}</li>`)}
        </ul>`,
    validations.length > 0 &&
      html`<h2>Measured</h2>
        <ul>
          ${validations.map(({ validator, summary }) => html`<li>${validator}: ${summary}</li>`)}
        </ul>`,
    logTail &&
      html`<h2>The end of ${logTail.stage}’s output</h2>
        <pre tabindex="0">${logTail.text}</pre>`,
    notes.length > 0 &&
      html`<ul class="muted">
        ${notes.map((note) => html`<li>${note}</li>`)}
      </ul>`,
  ];
}

export function verdictOf({
  status,
  conclusion,
  currentStep,
  startedAt,
  completedAt,
}: ShownPipeline): string {
  if (status === 'queued') return '⏳ Queued';
  if (status === 'in_progress') return `⏳ Running${currentStep ? ` ${currentStep}` : ''}`;
  const time = elapsed(startedAt, completedAt);
  return `${CONCLUSION_ICONS[conclusion!]} ${conclusion!.replace('_', ' ')}${time === null ? '' : ` in ${formatDuration(time)}`}`;
}

function stageRow(
  pipelineId: string | null,
  { name, status, conclusion, summary, startedAt, completedAt }: StageRecord,
) {
  const time = elapsed(startedAt, completedAt);
  const icon = conclusion ? CONCLUSION_ICONS[conclusion] : status === 'in_progress' ? '⏳' : '·';
  const hasLog = pipelineId !== null && startedAt !== null && ['setup', 'deploy', 'test'].includes(name);
  return html`<tr>
    <td>${name}</td>
    <td>${icon} ${summary || (status === 'in_progress' ? 'running' : '')}</td>
    <td class="number">${time !== null && formatDuration(time)}</td>
    <td>
      ${hasLog && html`<a href="/api/pipelines/${pipelineId}/logs?stage=${name}">log<span class="muted"> of ${name}</span></a>`}
    </td>
  </tr>`;
}

const findingItem = ({ path, startLine, title, message, severity }: Finding) =>
  html`<li>
    ${severity}:
    <strong>${title}</strong>
    ${path && html`<code>${path}${startLine && `:${startLine}`}</code>`}<br />${message}
  </li>`;
