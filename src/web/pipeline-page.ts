/** The page of one pipeline. Its parts have names, by which the live page takes new ones in. */
import { elapsed, formatDuration } from '../domain/duration.js';
import { STAGE_NAMES, type StageName, type StageRecord } from '../domain/pipeline.js';
import { shortSha, verdict } from '../github/verdict.js';
import type { PipelineView } from '../github/view.js';
import { ago, buttonForm, duration, externalLink } from './bits.js';
import { html, type Fragment } from './html.js';
import { icon, stateWord, toneOf, type Tone } from './icons.js';
import { agentSection, type ShownRun } from './agent-section.js';
import { logPanel, logSummary, type ShownLog } from './log-panel.js';
import { resultSections } from './results.js';

/** What is shown of a pipeline. Every text has its secrets hidden. */
export interface ShownPipeline {
  view: PipelineView;
  title: string;
  author: string;
  /** Null for a run without a server, of which nothing is kept. */
  project: { id: string; fullName: string; repositoryUrl: string } | null;
  agentConfigured: boolean;
  /** Newest first. */
  runs: readonly ShownRun[];
  logs: readonly ShownLog[];
  /** The newest pipeline of the same pull request, where that is another one. */
  newerId: string | null;
}

export const toneOfPipeline = ({ status, conclusion, errorMessage }: PipelineView): Tone =>
  errorMessage !== null && conclusion === 'cancelled' ? 'waiting' : toneOf(status, conclusion);

/** `#7 Add delivery times` */
export const nameOf = ({ title, view }: Pick<ShownPipeline, 'title' | 'view'>): string =>
  [view.pullRequestNumber !== null && `#${view.pullRequestNumber}`, title || view.headRef]
    .filter(Boolean)
    .join(' ');

/** What the tab says. */
export const tabTitle = (shown: ShownPipeline): string =>
  `${stateWord(shown.view.status, shown.view.conclusion)}: ${nameOf(shown)}`;

export function pipelinePage(shown: ShownPipeline): Fragment {
  const isOver = shown.view.status === 'completed';
  const results = part('results', resultsPart(shown));
  const logs = logsPart(shown);
  return [
    html`<div class="page-title"><h1>${nameOf(shown)}</h1></div>`,
    contextPart(shown),
    !isOver && html`<div class="lost" role="status" aria-live="polite"></div>`,
    part('verdict', verdictPart(shown)),
    part('actions', actionsPart(shown)),
    part('stages', stagesPart(shown)),
    part('agent', agentPart(shown)),
    // While it is live, what comes is added below, so that nothing that is being read moves.
    isOver ? [results, logs] : [logs, results],
  ];
}

const part = (name: string, content: Fragment): Fragment => html`<div data-part="${name}">${content}</div>`;

/** The parts that change while a pipeline runs, by name. */
export function liveParts(shown: ShownPipeline): Record<string, Fragment> {
  const summaries = shown.view.stages.map((stage) => [`summary-${stage.name}`, logSummary(stage)] as const);
  return {
    verdict: verdictPart(shown),
    actions: actionsPart(shown),
    stages: stagesPart(shown),
    agent: agentPart(shown),
    results: resultsPart(shown),
    ...Object.fromEntries(summaries),
  };
}

function contextPart({ view, author, project }: ShownPipeline): Fragment {
  const commit = project && `${project.repositoryUrl}/commit/${view.headSha}`;
  return html`<ul class="facts">
    ${view.pullRequestUrl && html`<li>${externalLink(view.pullRequestUrl, `Pull request #${view.pullRequestNumber}`)}</li>`}
    <li>
      <code>${view.headRef}</code> at ${externalLink(commit, html`<code>${shortSha(view.headSha)}</code>`)}
      into <code>${view.baseRef}</code>
    </li>
    ${author && html`<li>by ${author}</li>`} ${project && html`<li>${ago(view.createdAt)}</li>`}
    ${view.isFork && html`<li>from a fork</li>`}
    ${view.retryCount > 0 && html`<li>after ${view.retryCount} automatic ${view.retryCount === 1 ? 'fix' : 'fixes'}</li>`}
  </ul>`;
}

function verdictPart({ view, newerId, logs, project }: ShownPipeline): Fragment {
  const tone = toneOfPipeline(view);
  const { title } = verdict(view);
  const tests = view.results.tests;
  const failedLog = logs.find(({ stage }) => stage === view.logTail?.stage);
  const time = view.status === 'completed' ? elapsed(view.startedAt, view.completedAt) : null;
  return html`<section class="verdict is-${tone}" aria-label="Verdict">
    ${icon(tone)}
    <div class="body">
      <p class="title" role="status">${title}</p>
      ${explanation(view)}
      <ul class="facts">
        <li>
          ${view.status === 'in_progress' ? html`running for ${duration(view.startedAt, null, true)}` : view.status === 'completed' && view.completedAt && project && html`${time !== null && `took ${formatDuration(time)}, `}ended ${ago(view.completedAt)}`}
        </li>
        ${view.attempt > 1 && html`<li>attempt ${view.attempt}, after an interruption on our side</li>`}
        ${tests && html`<li>${tests.passed} passed, ${tests.failed} failed, ${tests.skipped} skipped</li>`}
        ${tests && tests.failed > 0 && html`<li><a href="#failures">Failed tests</a></li>`}
        ${failedLog && html`<li><a href="#log-${failedLog.stage}">Log of ${failedLog.stage}</a></li>`}
        ${view.deploymentUrl && html`<li>looked at <code>${view.deploymentUrl}</code></li>`}
        ${newerId !== null && html`<li><a href="/pipelines/${newerId}">There is a newer validation</a></li>`}
      </ul>
    </div>
  </section>`;
}

function explanation(view: PipelineView): Fragment {
  if (view.errorMessage !== null)
    return html`<p>
      A fault of CodegenApp or its surroundings, not of the pull request: ${view.errorMessage}
    </p>`;
  if (view.conclusion === 'action_required')
    return html`<p>
      ${view.reason || 'This comes from a fork, so nothing of it has been run yet.'} Approving counts for this
      commit only.
    </p>`;
  if (view.conclusion === 'neutral')
    return html`<p>
      To have pull requests validated, set <code>test_commands</code> in the project’s settings, or in
      <code>.github/codegenapp.yml</code> on <code>${view.baseRef}</code>.
    </p>`;
  const { merge } = view;
  return [
    merge?.state === 'merged' && html`<p>Merged. ${merge.reason}</p>`,
    merge?.state === 'scheduled' && html`<p>GitHub merges it as soon as branch protection allows.</p>`,
    merge?.state === 'refused' && html`<p>Not merged: ${merge.reason}</p>`,
  ];
}

function actionsPart({ view, project }: ShownPipeline): Fragment {
  if (!project) return null;
  const base = `/pipelines/${view.id}`;
  const waits = view.conclusion === 'action_required';
  return html`<div class="actions">
    ${waits && buttonForm(`${base}/approve`, 'Approve and run', { kind: 'primary' })}
    ${(view.status !== 'completed' || waits) && buttonForm(`${base}/cancel`, 'Cancel', { kind: 'danger' })}
    ${view.status === 'completed' && !waits && view.pullRequestNumber !== null && buttonForm(`${base}/retry`, 'Run again', { fields: html`<label class="check"><input type="checkbox" name="no_cache" value="true" /> without cache</label>` })}
  </div>`;
}

/** All six from the start, so that nothing moves when they begin. */
function stagesPart({ view }: ShownPipeline): Fragment {
  const began =
    view.startedAt?.getTime() ?? view.stages.find((stage) => stage.startedAt)?.startedAt?.getTime();
  const records = STAGE_NAMES.map(
    (name) => view.stages.find((stage) => stage.name === name) ?? notBegun(name),
  );
  const ends = records.map((stage) => stage.completedAt?.getTime() ?? (stage.startedAt ? Date.now() : 0));
  const end = Math.max(...ends, (began ?? 0) + 1);
  return html`<ol class="stages" aria-label="Stages">
    ${records.map((stage) => stageRow(stage, began ?? 0, end, view))}
  </ol>`;
}

const notBegun = (name: StageName): StageRecord => ({
  name,
  status: 'queued',
  conclusion: null,
  startedAt: null,
  completedAt: null,
  summary: '',
});

function stageRow(stage: StageRecord, began: number, end: number, view: PipelineView): Fragment {
  const isOver = view.status === 'completed';
  const { name, status, conclusion, startedAt, completedAt } = stage;
  const tone = isOver && status !== 'completed' ? 'muted' : toneOf(status, conclusion);
  const word = isOver && status !== 'completed' ? 'not run' : stateWord(status, conclusion);
  const summary = stage.summary || (status === 'completed' ? '' : word);
  return html`<li>
    ${icon(tone)}<span class="name">${name}<span class="hidden-text"> ${word}</span></span
    ><span class="summary" title="${summary}">${summary}</span>${bar(stage, tone, began, end)}<span
      class="number muted small"
      >${startedAt && duration(startedAt, completedAt, !isOver && status === 'in_progress')}</span
    >
  </li>`;
}

/** Where in the whole time the stage was. A drawing of the numbers beside it, so it has no text of its own. */
function bar({ startedAt, completedAt }: StageRecord, tone: Tone, began: number, end: number): Fragment {
  const share = (time: number) => Math.min(100, Math.max(0, ((time - began) / (end - began)) * 100));
  const from = startedAt ? share(startedAt.getTime()) : 0;
  const to = startedAt ? share(completedAt?.getTime() ?? end) : 0;
  return html`<svg class="bar ${tone}" aria-hidden="true" data-began="${began}">
    <rect
      x="${from.toFixed(2)}%"
      width="${startedAt ? Math.max(1, to - from).toFixed(2) : 0}%"
      height="8"
      rx="4"
      ${startedAt && html` data-from="${startedAt.getTime()}"`}${completedAt && html` data-to="${completedAt.getTime()}"`}
    />
  </svg>`;
}

const agentPart = (shown: ShownPipeline): Fragment => shown.project && agentSection(shown);

const resultsPart = ({ view, project }: ShownPipeline): Fragment =>
  resultSections(view, project?.repositoryUrl ?? null);

function logsPart(shown: ShownPipeline): Fragment {
  const isOver = shown.view.status === 'completed';
  const panels = logPanels(shown);
  if (panels.length === 0 && isOver)
    return shown.project && shown.view.startedAt
      ? html`<h2 id="logs">Logs</h2>
          <p class="muted">There is no log: nothing was run, or it is no longer kept.</p>`
      : null;
  return html`<h2 id="logs">Logs</h2>
    <div
      class="logs"
      data-pipeline="${shown.view.id}"
      data-attempt="${shown.view.attempt}"
      ${!isOver && html` data-live="true"`}
    >
      ${panels.map(({ content }) => content)}
    </div>`;
}

/** The logs there are. Those of stages that passed are folded. */
export function logPanels(shown: ShownPipeline): { stage: StageName; content: Fragment }[] {
  const { view, project, logs } = shown;
  return logs.flatMap((log) => {
    const stage = view.stages.find(({ name }) => name === log.stage);
    if (!stage) return [];
    const isLive = view.status !== 'completed';
    const isBad = ['failure', 'timed_out', 'cancelled'].includes(stage.conclusion ?? '');
    const isOpen = isBad || stage.status === 'in_progress' || view.logTail?.stage === stage.name;
    const base = project && `/pipelines/${view.id}`;
    return [{ stage: stage.name, content: logPanel(log, stage, { base, isOpen, isLive }) }];
  });
}
