/** Charts as SVG of our own. Each has its numbers beside it as a table, so nothing is only in the picture. */
import { formatDuration } from '../domain/duration.js';
import type { DayTotals, ScorePoint } from '../database/history-store.js';
import { html, type Fragment } from './html.js';

const WIDTH = 360;
const HEIGHT = 150;
const LEFT = 62;
const BOTTOM = 20;
const PLOT = { width: WIDTH - LEFT - 8, height: HEIGHT - BOTTOM - 8 };
const DAY_MS = 86_400_000;

const dayName = (day: number): string => new Date(day * DAY_MS).toISOString().slice(5, 10);

/** A round number at or above the highest value, for the upper edge. */
export function ceiling(highest: number): number {
  if (!(highest > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(highest));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= highest)!;
}

/** Points spread over a width, as an SVG path; a gap where there is no value. */
export function linePath(values: readonly (number | null)[], top: number, area = PLOT): string {
  const step = values.length > 1 ? area.width / (values.length - 1) : 0;
  let isDown = false;
  const parts = values.map((value, n) => {
    if (value === null) {
      isDown = false;
      return '';
    }
    const command = isDown ? 'L' : 'M';
    isDown = true;
    return `${command}${(n * step).toFixed(1)} ${(area.height * (1 - value / top)).toFixed(1)}`;
  });
  return parts.join('');
}

/** Every day of the last ones, also those without a pipeline. */
export function everyDay(days: readonly DayTotals[], count: number, today: number): DayTotals[] {
  const known = new Map(days.map((day) => [day.day, day]));
  return Array.from({ length: count }, (_, n) => {
    const day = today - count + 1 + n;
    return known.get(day) ?? { day, passed: 0, failed: 0, averageMs: null };
  });
}

/** How many passed and failed on each day. */
export function outcomeChart(days: readonly DayTotals[]): Fragment {
  const top = ceiling(Math.max(...days.map(({ passed, failed }) => passed + failed), 0));
  const step = PLOT.width / Math.max(1, days.length);
  const height = (count: number) => (PLOT.height * count) / top;
  const sum = (of: 'passed' | 'failed') => days.reduce((all, day) => all + day[of], 0);
  const summary = `${sum('passed')} passed and ${sum('failed')} failed in ${days.length} days`;
  return figure({
    title: 'Passed and failed',
    summary,
    axis: [String(top), '0'],
    ends: endsOf(days),
    drawing: days.map(({ passed, failed }, n) => [
      passed > 0 &&
        html`<rect
          class="ok"
          x="${(n * step).toFixed(1)}"
          y="${(PLOT.height - height(passed)).toFixed(1)}"
          width="${Math.max(1, step - 3).toFixed(1)}"
          height="${height(passed).toFixed(1)}"
          rx="1.5"
        />`,
      failed > 0 &&
        html`<rect
          class="bad"
          x="${(n * step).toFixed(1)}"
          y="${(PLOT.height - height(passed + failed)).toFixed(1)}"
          width="${Math.max(1, step - 3).toFixed(1)}"
          height="${height(failed).toFixed(1)}"
          rx="1.5"
        />`,
    ]),
    legend: [
      { name: 'passed', drawing: html`<rect class="ok" width="24" height="8" rx="2" />` },
      { name: 'failed', drawing: html`<rect class="bad" width="24" height="8" rx="2" />` },
    ],
    head: ['Day', 'Passed', 'Failed', 'Success rate'],
    rows: days
      .filter(({ passed, failed }) => passed + failed > 0)
      .map(({ day, passed, failed }) => [
        dayName(day),
        passed,
        failed,
        `${Math.round((100 * passed) / (passed + failed))} %`,
      ]),
  });
}

/** How long pipelines took on each day. */
export function durationChart(days: readonly DayTotals[]): Fragment {
  const known = days.filter(({ averageMs }) => averageMs !== null);
  const longest = Math.max(...known.map(({ averageMs }) => averageMs!), 0);
  const top = ceiling(longest);
  // Days without a pipeline are no gap in how long they take.
  const path = linePath(
    known.map(({ averageMs }) => averageMs),
    top,
  );
  return figure({
    title: 'Average duration',
    summary: known.length === 0 ? 'nothing was measured yet' : `at most ${formatDuration(longest)} on a day`,
    axis: [formatDuration(top), '0'],
    ends: endsOf(known),
    drawing: [
      html`<path class="line" d="${path}" />`,
      dots(
        known.map((day) => day.averageMs),
        top,
      ),
    ],
    head: ['Day', 'Average duration'],
    rows: known.map(({ day, averageMs }) => [dayName(day), formatDuration(averageMs!)]),
  });
}

/** Lighthouse’s scores from pipeline to pipeline. */
export function scoreChart(points: readonly ScorePoint[], names: readonly [string, string]): Fragment {
  const values = (name: string) => points.map(({ scores }) => scores[name] ?? null);
  const last = (name: string) => values(name).findLast((value) => value !== null) ?? null;
  return figure({
    title: 'Lighthouse scores',
    summary: names.map((name) => `${name} ${last(name) ?? 'not measured'}`).join(', '),
    axis: ['100', '0'],
    ends: [points.at(0), points.at(-1)].map((point) => point?.at.toISOString().slice(5, 10) ?? ''),
    drawing: names.map((name, n) => [
      html`<path class="line ${n === 1 && 'two'}" d="${linePath(values(name), 100)}" />`,
      dots(values(name), 100, n === 1 ? 'two' : ''),
    ]),
    legend: names.map((name, n) => ({
      name,
      drawing: html`<path class="line ${n === 1 && 'two'}" d="M0 4h24" />`,
    })),
    head: ['Measured', ...names],
    rows: points.map(({ at, scores }) => [
      at.toISOString().slice(0, 16).replace('T', ' '),
      ...names.map((name) => scores[name] ?? '–'),
    ]),
  });
}

/** Few points are seen as such. */
function dots(values: readonly (number | null)[], top: number, kind = ''): Fragment {
  if (values.length > 40) return null;
  const step = values.length > 1 ? PLOT.width / (values.length - 1) : 0;
  return values.map(
    (value, n) =>
      value !== null &&
      html`<circle
        class="dot ${kind}"
        cx="${(n * step).toFixed(1)}"
        cy="${(PLOT.height * (1 - value / top)).toFixed(1)}"
        r="2.5"
      />`,
  );
}

const endsOf = (days: readonly DayTotals[]): string[] =>
  [days.at(0), days.at(-1)].map((day) => (day ? dayName(day.day) : ''));

interface Figure {
  title: string;
  /** What the picture says, in words. */
  summary: string;
  /** At the upper and the lower edge. */
  axis: [string, string];
  /** At the left and the right edge. */
  ends: string[];
  drawing: Fragment;
  legend?: { name: string; drawing: Fragment }[];
  head: readonly string[];
  rows: readonly (readonly (string | number)[])[];
}

function figure({ title, summary, axis, ends, drawing, legend = [], head, rows }: Figure): Fragment {
  return html`<figure class="chart">
    <figcaption>${title}</figcaption>
    <svg
      viewBox="0 0 ${WIDTH} ${HEIGHT}"
      width="${WIDTH}"
      height="${HEIGHT}"
      role="img"
      aria-label="${title}: ${summary}"
    >
      <g transform="translate(${LEFT} 8)">
        <path
          class="grid"
          d="M0 0H${PLOT.width}M0 ${PLOT.height / 2}H${PLOT.width}M0 ${PLOT.height}H${PLOT.width}"
        />
        <text x="-6" y="4" text-anchor="end">${axis[0]}</text>
        <text x="-6" y="${PLOT.height + 4}" text-anchor="end">${axis[1]}</text>
        <text x="0" y="${PLOT.height + 16}">${ends[0]}</text>
        <text x="${PLOT.width}" y="${PLOT.height + 16}" text-anchor="end">${ends[1]}</text>
        ${drawing}
      </g>
    </svg>
    ${legend.length > 0 && html`<div class="legend">${legend.map((entry) => html`<span><svg viewBox="0 0 24 8" aria-hidden="true">${entry.drawing}</svg> ${entry.name}</span>`)}</div>`}
    <details>
      <summary>${title} as a table</summary>
      <div class="scroll">
        <table>
          <thead>
            <tr>
              ${head.map((name, n) => html`<th scope="col" class="${n > 0 && 'number'}">${name}</th>`)}
            </tr>
          </thead>
          <tbody>
            ${rows.map(
              (row) =>
                html`<tr>
                  ${row.map((cell, n) => html`<td class="${n > 0 && 'number'}">${cell}</td>`)}
                </tr>`,
            )}
          </tbody>
        </table>
      </div>
    </details>
  </figure>`;
}
