/** The pages of projects: all of them, one, and the pipelines of one. */
import { Router } from 'express';
import { In } from 'typeorm';
import type { Project } from '../database/entities/index.js';
import { PullRequest, ValidationPipeline } from '../database/entities/index.js';
import { HISTORY_DAYS, type TestHistory } from '../database/history-store.js';
import { pageOf } from '../database/pages.js';
import { readStats } from '../database/stats.js';
import { formatDuration } from '../domain/duration.js';
import { isId } from '../domain/ids.js';
import { CONCLUSIONS } from '../domain/pipeline.js';
import { Problem } from '../api/problem.js';
import { actionRoute } from './action-route.js';
import { latestAgentRuns } from './agent-runs-list.js';
import { ago, duration, number, pager, percent } from './bits.js';
import { durationChart, everyDay, outcomeChart, scoreChart } from './charts.js';
import { field, projectOr404, type PageDeps } from './deps.js';
import { firstPipeline, firstSteps } from './first-steps.js';
import { html, type Fragment } from './html.js';
import { state, STATE_WORDS } from './icons.js';
import { noticeBox, sendPage } from './layout.js';
import { takeNotice } from './notices.js';
import { projectHeader, projectPath } from './project-header.js';

const PROJECTS = 20;
const PIPELINES = 30;
const LATEST = 10;
/** Shown of the open pull requests of each project. */
const PULLS_OF_EACH = 6;
const PULLS = 50;
const TESTS = 10;
const DAY_MS = 86_400_000;

/** What lists need: results and settings may have megabytes. */
const LISTED = {
  id: true,
  projectId: true,
  pullRequestNumber: true,
  title: true,
  author: true,
  headRef: true,
  headSha: true,
  status: true,
  conclusion: true,
  reason: true,
  trigger: true,
  createdAt: true,
  startedAt: true,
  completedAt: true,
} as const;
type Listed = Pick<ValidationPipeline, keyof typeof LISTED>;

export function projectRoutes(deps: PageDeps): Router {
  const { database, history, actions } = deps;
  const router = Router();

  /** The newest pipelines of a project's open pull requests, newest first. */
  const openPulls = async (projectId: string, limit: number): Promise<Listed[]> => {
    const pulls = await database.read.find(PullRequest, {
      where: { projectId, isOpen: true },
      order: { latestPipelineId: 'DESC' },
      take: limit,
    });
    const ids = pulls.map(({ latestPipelineId }) => latestPipelineId);
    const rows = await database.read.find(ValidationPipeline, { select: LISTED, where: { id: In(ids) } });
    return rows.sort((a, b) => (a.id < b.id ? 1 : -1));
  };
  const redacted = async (projectId: string, rows: Listed[]): Promise<Listed[]> => {
    const { redact } = await deps.redactorOf({ id: projectId });
    return rows.map((row) => ({ ...row, title: redact(row.title), headRef: redact(row.headRef) }));
  };

  router.get('/', async (request, response) => {
    const after = field(request.query, 'after');
    const search = field(request.query, 'search').trim().slice(0, 200);
    const page = await deps.editor.list(search ? { search } : {}, {
      limit: PROJECTS,
      ...(after ? { cursor: after } : {}),
    });
    const entries = await Promise.all(
      page.rows.map(async (project) => {
        const [stats, open, [latest]] = await Promise.all([
          readStats(database, { projectId: project.id, days: HISTORY_DAYS }),
          openPulls(project.id, PULLS_OF_EACH),
          database.read.find(ValidationPipeline, {
            select: LISTED,
            where: { projectId: project.id },
            order: { id: 'DESC' },
            take: 1,
          }),
        ]);
        const shown = await redacted(project.id, open.length > 0 || !latest ? open : [latest]);
        return projectEntry(project, stats.successRate, stats.medianDurationMs, shown, open.length > 0);
      }),
    );
    const address = (cursor: string | null) =>
      `/?${new URLSearchParams({ ...(search ? { search } : {}), ...(cursor ? { after: cursor } : {}) }).toString()}`;
    const isFirst = page.rows.length === 0 && !after && !search;
    await sendPage(response, { title: 'Projects' }, [
      noticeBox(takeNotice(request, response)),
      isFirst
        ? await firstSteps(deps)
        : html`<div class="page-title"><h1>Projects</h1></div>
            <form class="filters" role="search">
              <label
                >Find a project <input type="search" name="search" value="${search}" maxlength="200" /></label
              ><button>Find</button>
            </form>
            ${
              entries.length === 0
                ? html`<p>No project matches.</p>`
                : html`<ul class="projects">
                    ${entries}
                  </ul>`
            }`,
      pager(page.next && address(page.next), after ? address(null) : null),
    ]);
  });

  router.get('/projects/:id', async (request, response) => {
    const project = await projectOr404(deps, request.params.id);
    const { id } = project;
    const [stats, open, latest, days, slowest, flakiest, scores] = await Promise.all([
      readStats(database, { projectId: id, days: HISTORY_DAYS }),
      openPulls(id, PULLS),
      database.read.find(ValidationPipeline, {
        select: LISTED,
        where: { projectId: id },
        order: { id: 'DESC' },
        take: LATEST,
      }),
      history.days(id),
      history.slowest(id, TESTS),
      history.flakiest(id, TESTS),
      history.scores(id),
    ]);
    const { redact } = await deps.redactorOf(project);
    const month = everyDay(days, HISTORY_DAYS, Math.floor(Date.now() / DAY_MS));
    const badge = `${deps.publicUrl()}/projects/${id}/badge.svg`;
    await sendPage(response, { title: project.fullName, path: projectPath(project) }, [
      projectHeader(project, 'overview'),
      noticeBox(takeNotice(request, response)),
      latest.length === 0
        ? firstPipeline(project)
        : [
            html`<ul class="key-figures">
              <li>
                <strong>${percent(stats.successRate)}</strong
                ><span class="small muted">passed in ${HISTORY_DAYS} days</span>
              </li>
              <li>
                <strong
                  >${stats.medianDurationMs === null ? '–' : formatDuration(stats.medianDurationMs)}</strong
                ><span class="small muted">median duration</span>
              </li>
              <li>
                <strong
                  >${number(Object.values(stats.conclusions).reduce((sum, count) => sum + count, 0))}</strong
                ><span class="small muted">pipelines ended</span>
              </li>
              <li>
                <strong>${number(stats.queued + stats.running)}</strong
                ><span class="small muted">queued or running</span>
              </li>
              <li><strong>${number(stats.agentRuns)}</strong><span class="small muted">agent runs</span></li>
            </ul>`,
            html`<h2>Open pull requests</h2>`,
            open.length === 0
              ? html`<p class="muted">None that was validated.</p>`
              : pipelineTable(await redacted(id, open)),
            html`<div class="columns">
              ${outcomeChart(month)}${durationChart(month)}${scores.length > 0 && scoreChart(scores, ['accessibility', 'performance'])}
            </div>`,
            (slowest.length > 0 || flakiest.length > 0) &&
              html`<div class="columns">
                ${testTable('Slowest tests', 'Average', slowest, ({ averageMs }) => (averageMs === null ? '–' : formatDuration(averageMs)), redact)}${testTable('Flakiest tests', 'Flaky', flakiest, ({ flaky }) => `${flaky} ${flaky === 1 ? 'time' : 'times'}`, redact)}
              </div>`,
            html`<h2>Latest pipelines</h2>`,
            pipelineTable(await redacted(id, latest)),
            html`<p><a href="/projects/${id}/pipelines">All pipelines</a></p>`,
          ],
      await latestAgentRuns(database, id, redact),
      html`<h2>Validate a pull request now</h2>
        <form class="actions" method="post" action="/projects/${id}/pipelines">
          <label for="pull">Number</label>
          <input
            id="pull"
            name="number"
            inputmode="numeric"
            pattern="#?[0-9]{1,9}"
            required
            size="7"
            placeholder="7"
          />
          <label class="check"><input type="checkbox" name="no_cache" value="true" /> without cache</label>
          <button>Validate</button>
        </form>
        <h2>Badge</h2>
        <p><img src="/projects/${id}/badge.svg" alt="State of this project" height="20" width="132" /></p>
        <p><label for="badge">Markdown to copy</label></p>
        <p>
          <input
            id="badge"
            class="mono"
            readonly
            size="90"
            value="[![validation](${badge})](${deps.publicUrl()}/projects/${id})"
          />
        </p>`,
    ]);
  });

  router.get('/projects/:id/pipelines', async (request, response) => {
    const project = await projectOr404(deps, request.params.id);
    const conclusion = CONCLUSIONS.find((one) => one === field(request.query, 'conclusion'));
    const typed = field(request.query, 'pull').replace(/^#/, '').trim();
    const pull = /^\d{1,9}$/.test(typed) ? Number(typed) : null;
    const after = field(request.query, 'after');
    const where = {
      projectId: project.id,
      ...(conclusion ? { conclusion } : {}),
      ...(pull === null ? {} : { pullRequestNumber: pull }),
    };
    const cursor = isId(after) ? after : undefined;
    const page = await pageOf(database, ValidationPipeline, where, { limit: PIPELINES, cursor }, LISTED);
    const base = `/projects/${project.id}/pipelines`;
    const address = (next: string | null) =>
      `${base}?${new URLSearchParams({ conclusion: conclusion ?? '', pull: typed, ...(next ? { after: next } : {}) }).toString()}`;
    await sendPage(response, { title: `Pipelines of ${project.fullName}`, path: projectPath(project) }, [
      projectHeader(project, 'pipelines'),
      html`<form class="filters" action="${base}">
        <label>Pull request <input name="pull" value="${typed}" inputmode="numeric" size="7" /></label
        ><label
          >Result
          <select name="conclusion">
            <option value="">any</option>
            ${CONCLUSIONS.map((one) => html`<option value="${one}" ${one === conclusion && html` selected`}>${STATE_WORDS[one]}</option>`)}
          </select></label
        ><button>Filter</button>
      </form>`,
      page.rows.length === 0
        ? html`<p>No pipeline matches.</p>`
        : pipelineTable(await redacted(project.id, page.rows)),
      pager(page.next && address(page.next), after ? address(null) : null),
    ]);
  });

  actionRoute(router)(
    '/projects/:id/pipelines',
    ({ params }) => `/projects/${params['id'] as string}`,
    async ({ params, body }) => {
      const project = await projectOr404(deps, params['id']);
      const typed = field(body, 'number').trim().replace(/^#/, '');
      if (!/^[1-9]\d{0,8}$/.test(typed))
        throw new Problem(400, 'Bad request', 'Give the number of a pull request, such as 7.');
      const noCache = field(body, 'no_cache') === 'true';
      const row = await actions.start(project, Number(typed), 'api', { noCache });
      return { text: 'This is the new validation.', url: `/pipelines/${row.id}` };
    },
  );
  return router;
}

const nameOf = ({ pullRequestNumber, title, headRef }: Listed): string =>
  [pullRequestNumber !== null && `#${pullRequestNumber}`, title || headRef].filter(Boolean).join(' ');

function projectEntry(
  { id, fullName, removedAt }: Project,
  successRate: number | null,
  medianMs: number | null,
  shown: readonly Listed[],
  areOpen: boolean,
): Fragment {
  return html`<li>
    <div>
      <h2><a href="/projects/${id}">${fullName}</a></h2>
      ${removedAt && html`<span class="pill">no longer reachable</span>`}
    </div>
    <span class="muted small nowrap"
      >${successRate === null ? 'not judged yet' : html`${percent(successRate)} passed${medianMs !== null && `, ${formatDuration(medianMs)}`}`}</span
    >
    <ul class="pulls" aria-label="${areOpen ? 'Open pull requests' : 'Latest pipeline'} of ${fullName}">
      ${shown.length === 0 ? html`<li class="muted">Nothing was validated yet.</li>` : shown.map((row) => html`<li>${state(row.status, row.conclusion)} <a href="/pipelines/${row.id}">${nameOf(row)}</a></li>`)}
    </ul>
  </li>`;
}

const pipelineTable = (rows: readonly Listed[]): Fragment =>
  html`<table class="stack">
    <thead>
      <tr>
        <th scope="col">Pipeline</th>
        <th scope="col">Result</th>
        <th scope="col" class="number">Time</th>
        <th scope="col" class="number">Begun</th>
      </tr>
    </thead>
    <tbody>
      ${rows.map(
        (row) =>
          html`<tr>
            <td>
              <a href="/pipelines/${row.id}">${nameOf(row)}</a>
              <span class="muted small mono">${row.headSha.slice(0, 7)}</span
              >${row.trigger === 'base' && html` <span class="pill">base branch</span>`}
            </td>
            <td>${state(row.status, row.conclusion)}</td>
            <td class="number">${duration(row.startedAt, row.completedAt)}</td>
            <td class="number">${ago(row.createdAt)}</td>
          </tr>`,
      )}
    </tbody>
  </table>`;

const testTable = (
  title: string,
  what: string,
  tests: readonly TestHistory[],
  value: (test: TestHistory) => string,
  redact: (text: string) => string,
): Fragment =>
  html`<section>
    <h2>${title}</h2>
    ${
      tests.length === 0
        ? html`<p class="muted">None in ${HISTORY_DAYS} days.</p>`
        : html`<table>
            <thead>
              <tr>
                <th scope="col">Test</th>
                <th scope="col" class="number">${what}</th>
              </tr>
            </thead>
            <tbody>
              ${tests.map(
                (test) =>
                  html`<tr>
                    <td>
                      ${redact(test.name)}${test.failed > 0 && html` <span class="pill red">failed ${test.failed} ${test.failed === 1 ? 'time' : 'times'}</span>`}
                    </td>
                    <td class="number">${value(test)}</td>
                  </tr>`,
              )}
            </tbody>
          </table>`
    }
  </section>`;
