/** The page of one agent run: what it was asked and answered, and what it noted down at Codegen. */
import { Router } from 'express';
import { agentLog, type AgentLog } from '../api/agent-log.js';
import { Problem } from '../api/problem.js';
import type { AgentRun } from '../database/entities/index.js';
import { redactRun, runCard } from './agent-section.js';
import { utc } from './bits.js';
import { field, projectOr404, type PageDeps } from './deps.js';
import { html, type Fragment } from './html.js';
import { noticeBox, sendPage } from './layout.js';
import { takeNotice } from './notices.js';
import { projectPath } from './project-header.js';

const PER_PAGE = 100;

export function agentRunPages(deps: PageDeps): Router {
  const router = Router();
  router.get('/agent-runs/:id', async (request, response) => {
    const { id } = request.params;
    const run = /^[\w-]{1,36}$/.test(id) ? await deps.runs.find(id) : null;
    if (!run) throw new Problem(404, 'Not found', 'There is no such agent run; it may have been deleted.');
    const project = await projectOr404(deps, run.projectId);
    const { redact } = await deps.redactorOf(project);
    const skip = Math.min(Number(/^\d{1,6}$/.exec(field(request.query, 'skip'))?.[0] ?? 0), 100_000);
    const { pipelineId } = run;
    await sendPage(response, { title: 'Agent run', path: projectPath(project) }, [
      noticeBox(takeNotice(request, response)),
      html`<h1>Agent run</h1>
        <p>
          ${pipelineId ? html`<a href="/pipelines/${pipelineId}">The validation that it was asked about</a>` : html`<a href="/projects/${project.id}#agent-runs">Agent runs of the project</a>`}
        </p>
        ${runCard(redactRun(run, redact), deps.agent !== null)}
        <h2>What it noted down</h2>
        ${await logPart(deps, run, skip)}`,
    ]);
  });
  return router;
}

/** A log that can't be had is a sentence, and the rest of the page is there. */
async function logPart(deps: PageDeps, run: AgentRun, skip: number): Promise<Fragment> {
  const says = (text: string) => html`<p class="muted">${text}</p>`;
  let log: AgentLog;
  try {
    log = await agentLog(deps, run, { skip, limit: PER_PAGE });
  } catch (error) {
    if (error instanceof Problem) return says(error.detail);
    throw error;
  }
  if (log.items.length === 0) return says('Nothing yet.');
  return [
    html`<ol class="plain" start="${skip + 1}">
      ${log.items.map(
        ({ createdAt, kind, tool, text }) =>
          html`<li>
            <span class="muted small"
              >${[createdAt && utc(new Date(createdAt)), kind, tool].filter(Boolean).join(' · ')}</span
            >
            <pre class="block" tabindex="0">${text}</pre>
          </li>`,
      )}
    </ol>`,
    log.next !== null && html`<p><a href="/agent-runs/${run.id}?skip=${log.next}">More</a></p>`,
  ];
}
