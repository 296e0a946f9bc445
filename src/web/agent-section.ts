/** What the agent was asked, what it answered, and what a person can tell it. */
import type { AgentRun } from '../database/entities/index.js';
import { ago, chevron, externalLink } from './bits.js';
import { html, type Fragment } from './html.js';
import { icon, type Tone } from './icons.js';
import type { ShownPipeline } from './pipeline-page.js';

/** Every text has its secrets hidden. */
export type ShownRun = Pick<
  AgentRun,
  | 'id'
  | 'status'
  | 'prompt'
  | 'response'
  | 'plan'
  | 'webUrl'
  | 'errorMessage'
  | 'remoteId'
  | 'createdAt'
  | 'nextPipelineId'
  | 'pipelineId'
>;

export function redactRun<Run extends ShownRun>(run: Run, redact: (text: string) => string): Run {
  const orNull = (text: string | null) => (text === null ? null : redact(text));
  return {
    ...run,
    prompt: redact(run.prompt),
    response: orNull(run.response),
    plan: orNull(run.plan),
    webUrl: orNull(run.webUrl),
    errorMessage: orNull(run.errorMessage),
  };
}

/** Where a run stands. */
export function runState(status: AgentRun['status']): Fragment {
  const [tone, word] = STATES[status];
  return html`<span class="state ${tone}">${icon(tone)} ${word}</span>`;
}

const STATES: Record<AgentRun['status'], [tone: Tone, word: string]> = {
  queued: ['muted', 'asked'],
  running: ['running', 'at work'],
  plan_waiting: ['waiting', 'waits with a plan'],
  completed: ['passed', 'finished'],
  failed: ['failed', 'failed'],
  cancelled: ['muted', 'cancelled'],
};

export function agentSection({ view, runs, agentConfigured }: ShownPipeline): Fragment {
  const canAsk =
    agentConfigured &&
    view.status === 'completed' &&
    (view.conclusion === 'failure' || view.conclusion === 'timed_out') &&
    view.pullRequestNumber !== null &&
    !runs.some(({ status }) => ['queued', 'running', 'plan_waiting'].includes(status));
  const declined = view.agent && ['declined', 'exhausted'].includes(view.agent.state) ? view.agent.text : '';
  if (runs.length === 0 && !canAsk && declined === '') return null;
  return html`<h2 id="agent">Agent</h2>
    ${declined !== '' && html`<p>${view.agent!.state === 'exhausted' ? 'A person is needed now.' : 'No agent was asked.'} ${declined}</p>`}
    ${runs.map((run) => runCard(run, agentConfigured))}
    ${
      canAsk &&
      html`<form class="card" method="post" action="/pipelines/${view.id}/fix">
        <label for="instruction">Have the agent fix this</label>
        <p>
          <textarea
            id="instruction"
            name="instruction"
            rows="2"
            maxlength="4000"
            placeholder="What to do, in your words (may be empty)"
          ></textarea>
        </p>
        <button class="primary">Fix with Codegen</button>
      </form>`
    }`;
}

/** A plan of a run that belongs to no pipeline has no check to be confirmed on: the run itself is told to go on. */
const confirmForm = ({ id, pipelineId }: ShownRun): Fragment =>
  pipelineId === null
    ? html`<form method="post" action="/agent-runs/${id}/resume">
        <p>
          <label for="changes-${id}">What to tell it</label
          ><textarea id="changes-${id}" name="message" rows="2" required maxlength="20000">
Your plan is confirmed: carry it out.</textarea>
        </p>
        <button class="primary">Confirm plan</button>
      </form>`
    : html`<form method="post" action="/pipelines/${pipelineId}/confirm">
        <p>
          <label for="changes-${id}">Changes to the plan, if any</label
          ><textarea id="changes-${id}" name="changes" rows="2" maxlength="4000"></textarea>
        </p>
        <button class="primary">Confirm plan</button>
      </form>`;

export function runCard(run: ShownRun, agentConfigured: boolean): Fragment {
  const waits = run.status === 'plan_waiting';
  const canResume =
    agentConfigured && run.remoteId !== null && !['running', 'queued'].includes(run.status) && !waits;
  return html`<article class="card" aria-label="Agent run">
    <p>
      ${runState(run.status)}
      <span class="muted small">asked ${ago(run.createdAt)}</span>
      <a href="/agent-runs/${run.id}">What it did</a>
      ${externalLink(run.webUrl, run.webUrl && 'See the run at Codegen')}
      ${run.nextPipelineId && html`<a href="/pipelines/${run.nextPipelineId}">Validation of its push</a>`}
    </p>
    ${run.errorMessage && html`<p>${run.errorMessage}</p>`}
    ${
      waits &&
      run.plan &&
      html`<h3>The plan</h3>
        <pre class="block" tabindex="0">${run.plan}</pre>`
    }
    ${
      run.response &&
      html`<h3>It says</h3>
        <pre class="block" tabindex="0">${run.response}</pre>`
    }
    ${waits && confirmForm(run)}
    ${
      canResume &&
      html`<details class="fold">
        <summary>${chevron} Tell it more</summary>
        <div class="card">
          <form method="post" action="/agent-runs/${run.id}/resume">
            <p>
              <label for="message-${run.id}">Message</label
              ><textarea id="message-${run.id}" name="message" rows="3" required maxlength="20000"></textarea>
            </p>
            <button>Send</button>
          </form>
        </div>
      </details>`
    }
    <details class="fold">
      <summary>${chevron} What it was asked</summary>
      <pre class="block" tabindex="0">${run.prompt}</pre>
    </details>
  </article>`;
}
