/** The log of one stage: complete enough without a script, and what the script makes a viewer of. */
import type { StageName, StageRecord } from '../domain/pipeline.js';
import { readableSize } from '../sandbox/output.js';
import { chevron, duration } from './bits.js';
import { parseAnsi } from './client/ansi.js';
import { Html, html, type Fragment } from './html.js';
import { icon, toneOf } from './icons.js';

/** The end of a log, as it is shown without a script. */
export interface ShownLog {
  stage: StageName;
  bytes: number;
  /** All lines there are. */
  total: number;
  /** The last of them. */
  tail: readonly string[];
}

/** More lines than this are scrolled through in a window of fixed height. */
const LONG = 24;

/** @param base the pipeline's address; null where there is no server */
export function logPanel(
  log: ShownLog,
  stage: StageRecord,
  { base, isOpen, isLive }: { base: string | null; isOpen: boolean; isLive: boolean },
): Fragment {
  const { name } = stage;
  const shape = isLive ? ' is-live' : log.total > LONG ? ' is-long' : '';
  return html`<details id="log-${name}" data-stage="${name}" ${new Html(isOpen ? ' open' : '')}>
    <summary data-part="summary-${name}">${logSummary(stage)}</summary>
    ${base !== null && tools(log, base)}
    <div class="log${shape}" role="region" aria-label="Log of ${name}" tabindex="0" data-total="${log.total}">
      ${logLines(log)}
    </div>
  </details>`;
}

export const logSummary = ({
  name,
  status,
  conclusion,
  summary,
  startedAt,
  completedAt,
}: StageRecord): Fragment =>
  html`${chevron}${icon(toneOf(status, conclusion))}<span class="name">${name}</span
    ><span class="summary">${summary}</span
    ><span class="number muted small">${duration(startedAt, completedAt, status === 'in_progress')}</span>`;

const tools = ({ stage, bytes }: ShownLog, base: string): Fragment =>
  html`<div class="log-tools">
    <form action="${base}/search" role="search">
      <input type="hidden" name="stage" value="${stage}" /><input
        type="search"
        name="q"
        required
        maxlength="200"
        aria-label="Search the log of ${stage}"
        placeholder="Search"
        autocomplete="off"
      /><button>Search</button>
    </form>
    <span class="found" role="status"></span>
    <span class="needs-script nowrap"
      ><button type="button" data-do="previous" aria-label="Previous match in the log of ${stage}">↑</button>
      <button type="button" data-do="next" aria-label="Next match in the log of ${stage}">↓</button></span
    >
    <button type="button" class="needs-script" data-do="error">First error</button>
    <button type="button" class="needs-script" data-do="end">End</button>
    <a class="small" href="/api${base}/logs?stage=${stage}"
      >Whole log<span class="hidden-text"> of ${stage}</span> (<span data-size>${readableSize(bytes)}</span
      >)</a
    >
  </div>`;

/** Lines are laid out as they are: no white space may come between the elements. */
function logLines({ stage, total, tail }: ShownLog): Fragment {
  if (total === 0) return html`<span class="empty">Nothing was written yet.</span>`;
  const first = total - tail.length + 1;
  return [
    first > 1 &&
      html`<span class="empty"
        >${(first - 1).toLocaleString('en-US')} lines before are in the whole log.</span
      >`,
    ...tail.map((text, n) => {
      const id = `${stage}-L${first + n}`;
      return html`<div class="line" id="${id}">
        <a href="#${id}" tabindex="-1">${first + n}</a><span>${colored(text)}</span>
      </div>`;
    }),
  ];
}

/** A line of output: its colours become classes, and nothing else of it becomes markup. */
export const colored = (line: string): Fragment =>
  parseAnsi(line).map(({ text, classes }) =>
    classes === '' ? text : html`<span class="${classes}">${text}</span>`,
  );
