/** What a pipeline found out: failed tests, findings, measurements, remarks. */
import { formatDuration } from '../domain/duration.js';
import type { Finding, ValidationResult } from '../domain/pipeline.js';
import { fullName, type TestCase } from '../domain/test-report.js';
import { sortFailures } from '../github/failures.js';
import { signed } from '../github/test-sections.js';
import type { PipelineView } from '../github/view.js';
import { chevron, place } from './bits.js';
import { html, type Fragment } from './html.js';
import { icon, toneOf } from './icons.js';

const MAX_TOLD = 100;
const MAX_NAMED = 500;
const SLOWEST = 10;

export function resultSections(view: PipelineView, repositoryUrl: string | null): Fragment {
  const { results } = view;
  const { tests, coverage, validations, notes } = results;
  const { fresh, onBase, flaky, compared } = sortFailures(results);
  const where = (path?: string, line?: number) => place(path, line, repositoryUrl, view.headSha);
  // Failed tests are told as such; as findings they are for annotations and the API.
  const ofTests = tests?.formats.join(', ');
  const findings = results.findings.filter(({ source }) => source !== ofTests);
  const screenshot = validations
    .map(({ facts }) => facts?.['screenshot'])
    .find((fact) => typeof fact === 'string');
  const slowest = (tests?.cases ?? [])
    .filter(({ durationMs }) => (durationMs ?? 0) >= 1)
    .sort((a, b) => b.durationMs! - a.durationMs!)
    .slice(0, SLOWEST);
  return [
    fresh.length > 0 && [
      html`<h2 id="failures">
        ${compared ? 'New failures' : 'Failed tests'} <span class="pill red">${fresh.length}</span>
      </h2>`,
      fresh.slice(0, MAX_TOLD).map((test) => failure(test, where(test.file, test.line))),
      rest(fresh.length, MAX_TOLD),
    ],
    onBase.length > 0 && [
      html`<h2${fresh.length === 0 && html` id="failures"`}>Also failing on ${view.baseRef} <span class="pill amber">${onBase.length}</span></h2>`,
      onBase.slice(0, MAX_TOLD).map((test) => failure(test, where(test.file, test.line), 'minor')),
      rest(onBase.length, MAX_TOLD),
    ],
    flaky.length > 0 && [
      html`<h2>Flaky tests <span class="pill amber">${flaky.length}</span></h2>`,
      flaky.slice(0, MAX_TOLD).map((test) => failure(test, where(test.file, test.line), 'minor')),
      rest(flaky.length, MAX_TOLD),
    ],
    findings.length > 0 && [
      html`<h2>Findings <span class="pill">${findings.length}</span></h2>`,
      sorted(findings)
        .slice(0, MAX_NAMED)
        .map((finding) => found(finding, where(finding.path, finding.startLine), view.baseRef)),
      rest(findings.length, MAX_NAMED),
    ],
    validations.length > 0 && [
      html`<h2>Measured</h2>`,
      html`<div class="columns">
        <div>${validations.map(measured)}</div>
        ${
          repositoryUrl !== null &&
          screenshot &&
          html`<div>
            <a href="/artifacts/${screenshot}"
              ><img
                class="shot"
                src="/artifacts/${screenshot}"
                alt="Screenshot of the preview"
                width="1280"
                height="800"
                loading="lazy"
            /></a>
          </div>`
        }
      </div>`,
    ],
    (tests ?? coverage) && [
      html`<h2>Tests</h2>`,
      tests &&
        html`<p>
          ${tests.passed} passed, ${tests.failed} failed, ${tests.skipped}
          skipped${tests.durationMs !== null && ` in ${formatDuration(tests.durationMs)}`}.
        </p>`,
      coverage?.percent !== null &&
        coverage &&
        html`<p>
          Coverage: ${coverage.percent} % of
          lines${typeof coverage.basePercent === 'number' && ` (${signed(coverage.percent - coverage.basePercent)})`}${coverage.changedPercent !== null && `, ${coverage.changedPercent} % of changed lines`}.
        </p>`,
      slowest.length > 2 &&
        html`<details class="fold">
          <summary>${chevron} Slowest tests</summary>
          <div class="card scroll">
            <table>
              <thead>
                <tr>
                  <th scope="col">Test</th>
                  <th scope="col" class="number">Time</th>
                </tr>
              </thead>
              <tbody>
                ${slowest.map(
                  (test) =>
                    html`<tr>
                      <td>${fullName(test)}</td>
                      <td class="number">${formatDuration(test.durationMs!)}</td>
                    </tr>`,
                )}
              </tbody>
            </table>
          </div>
        </details>`,
    ],
    notes.length > 0 &&
      html`<h2>Notes</h2>
        <ul class="muted">
          ${notes.map((note) => html`<li>${note}</li>`)}
        </ul>`,
  ];
}

const rest = (all: number, most: number): Fragment =>
  all > most && html`<p class="muted">… and ${all - most} more; the API has them all.</p>`;

function failure(test: TestCase, where: Fragment, kind: 'minor' | '' = ''): Fragment {
  const message = (test.message ?? '').trim();
  const details = (test.details ?? '').trim();
  return html`<article class="failure ${kind}">
    <h3>
      ${fullName(test)} ${test.blame === 'new' && html`<span class="pill red">new</span>`}
      ${test.status === 'passed' && html`<span class="pill amber">passed when run again</span>`}
    </h3>
    ${where && html`<p>${where}</p>`}
    ${message !== '' && html`<pre class="block" tabindex="0">${withDiff(message)}</pre>`}
    ${
      details !== '' &&
      details !== message &&
      html`<details>
        <summary>Details</summary>
        <pre class="block" tabindex="0">${withDiff(details)}</pre>
      </details>`
    }
  </article>`;
}

/** Lines of a diff stand out where the text is one: it has lines with either sign. */
export function withDiff(text: string): Fragment {
  const lines = text.split('\n');
  const has = (sign: RegExp) => lines.some((line) => sign.test(line));
  if (!has(/^\s{0,4}\+(?!\+)/) || !has(/^\s{0,4}-(?!-)/)) return text;
  return lines.map((line, n) => {
    if (/^\s{0,4}\+(?!\+)/.test(line)) return html`<ins>${line}</ins>`;
    if (/^\s{0,4}-(?!-)/.test(line)) return html`<del>${line}</del>`;
    return n === lines.length - 1 ? line : `${line}\n`;
  });
}

const RANK = { failure: 0, warning: 1, notice: 2 };
const sorted = (findings: readonly Finding[]): Finding[] =>
  [...findings].sort((a, b) => RANK[a.severity] - RANK[b.severity]);

const COLORS = { failure: 'red', warning: 'amber', notice: '' };
const KINDS = { failure: '', warning: 'minor', notice: 'notice' };

const found = (
  { severity, title, message, details, blame, source }: Finding,
  where: Fragment,
  base: string,
): Fragment =>
  html`<article class="failure ${KINDS[severity]}">
    <h3>
      <span class="pill ${COLORS[severity]}">${severity}</span> ${title}
      ${blame === 'base' && html`<span class="pill">also on ${base}</span>`}
    </h3>
    <p>${where} ${message}</p>
    <p class="muted small">found by ${source}</p>
    ${
      details &&
      html`<details>
        <summary>Details</summary>
        <pre class="block" tabindex="0">${withDiff(details)}</pre>
      </details>`
    }
  </article>`;

function measured({
  validator,
  conclusion,
  summary,
  scores = {},
  baseScores = {},
}: ValidationResult): Fragment {
  const named = Object.entries(scores);
  return html`<h3>${icon(toneOf('completed', conclusion))} ${validator}</h3>
    <p>${summary}</p>
    ${
      named.length > 0 &&
      html`<ul class="scores">
        ${named.map(([name, score]) => html`<li><strong>${score}</strong><span class="small muted">${name}${baseScores[name] !== undefined && ` (${signed(score - baseScores[name])})`}</span></li>`)}
      </ul>`
    }`;
}
