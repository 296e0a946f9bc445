/** The latest agent runs of a project, also those that belong to no pipeline. */
import type { Database } from '../database/database.js';
import { AgentRun } from '../database/entities/index.js';
import { runState } from './agent-section.js';
import { ago } from './bits.js';
import { html, type Fragment } from './html.js';

const LATEST = 10;
/** Shown of what a run was asked, in characters. */
const BEGINNING = 120;

export async function latestAgentRuns(
  database: Database,
  projectId: string,
  redact: (text: string) => string,
): Promise<Fragment> {
  const runs = await database.read.find(AgentRun, {
    select: { id: true, prompt: true, status: true, pullRequestNumber: true, createdAt: true },
    where: { projectId },
    order: { id: 'DESC' },
    take: LATEST,
  });
  return html`<h2 id="agent-runs">Latest agent runs</h2>
    ${runs.length === 0 ? html`<p class="muted">No agent was asked for anything here yet.</p>` : runTable(runs, redact)}`;
}

const runTable = (
  runs: readonly Pick<AgentRun, 'id' | 'prompt' | 'status' | 'pullRequestNumber' | 'createdAt'>[],
  redact: (text: string) => string,
): Fragment =>
  html`<table class="stack">
    <thead>
      <tr>
        <th scope="col">Asked for</th>
        <th scope="col">State</th>
        <th scope="col" class="number">Asked</th>
      </tr>
    </thead>
    <tbody>
      ${runs.map(
        ({ id, prompt, status, pullRequestNumber, createdAt }) =>
          html`<tr>
            <td>
              <a href="/agent-runs/${id}">${beginning(redact(prompt))}</a>
              ${pullRequestNumber !== null && html`<span class="muted small">#${pullRequestNumber}</span>`}
            </td>
            <td>${runState(status)}</td>
            <td class="number">${ago(createdAt)}</td>
          </tr>`,
      )}
    </tbody>
  </table>`;

/** Secrets are hidden before it is cut: a part of one would not be found. */
function beginning(prompt: string): string {
  const line = prompt.replace(/\s+/g, ' ').trim();
  return line.length > BEGINNING ? `${line.slice(0, BEGINNING).trimEnd()}…` : line;
}
