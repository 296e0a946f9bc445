import { formatDuration } from '../domain/duration.js';
import type { CoverageReport, TestCase } from '../domain/test-report.js';
import { isPlace, isRepositoryPath } from './annotations.js';
import { sortFailures, testTitle } from './failures.js';
import { listWithin, type Section } from './fit.js';
import { codeBlock, codeSpan, details, inlineText, link } from './text.js';
import { truncateEnd } from './truncate.js';
import type { PipelineView } from './view.js';

export interface HowMany {
  /** Failures told with message and details. */
  told: number;
  /** Others, a line each. */
  named: number;
}

const ON_THE_CHECK: HowMany = { told: 20, named: 50 };
const SLOWEST = 5;

/** What the tests said, in the order in which an author needs it. */
export function testSections(view: PipelineView, howMany = ON_THE_CHECK): Section[] {
  const { fresh, onBase, flaky, compared } = sortFailures(view.results);
  const base = codeSpan(view.baseRef, 60);
  return [
    {
      name: 'failed tests',
      priority: 90,
      render: (limit) =>
        listWithin(
          compared ? '### New failures' : '### Failed tests',
          fresh.slice(0, howMany.told).map((test) => tell(test, view)),
          limit,
          { separator: '\n\n', ...rest(fresh.length, view) },
        ),
    },
    named(
      'tests that also fail on the base branch',
      40,
      `### Also failing on ${base}`,
      onBase,
      view,
      howMany,
    ),
    named('flaky tests', 35, '### Flaky', flaky, view, howMany),
  ];
}

/** One line of counts and the slowest tests. */
export function testSummarySections(view: PipelineView): Section[] {
  const { tests, coverage } = view.results;
  const lines: string[] = [];
  if (tests) {
    const time = tests.durationMs === null ? '' : ` in ${formatDuration(tests.durationMs)}`;
    lines.push(
      `**Tests:** ${number(tests.passed)} passed, ${number(tests.failed)} failed, ` +
        `${number(tests.skipped)} skipped${time}.`,
    );
  }
  const line = coverage && coverageLine(coverage);
  if (line) lines.push(line);
  const slowest = (tests?.cases ?? [])
    .filter((test) => (test.durationMs ?? 0) >= 1)
    .sort((a, b) => b.durationMs! - a.durationMs!)
    .slice(0, SLOWEST)
    .map((test) => `- ${formatDuration(test.durationMs!)}: ${codeSpan(testTitle(test))}`);
  return [
    { name: 'test counts', priority: 60, render: () => lines.join('  \n') },
    {
      name: 'slowest tests',
      priority: 10,
      // With one test or two there is nothing to compare.
      render: (limit) => {
        if (slowest.length < 3) return '';
        const list = listWithin('', slowest, limit - 80);
        return list === '' ? '' : details('Slowest tests', list);
      },
    },
  ];
}

function coverageLine({ percent, basePercent, changedPercent }: CoverageReport): string {
  if (percent === null) return '';
  const change = typeof basePercent === 'number' ? ` (${signed(percent - basePercent)})` : '';
  const changed = changedPercent === null ? '' : `, ${changedPercent} % of changed lines`;
  return `**Coverage:** ${percent} % of lines${change}${changed}.`;
}

function named(
  name: string,
  priority: number,
  heading: string,
  tests: readonly TestCase[],
  view: PipelineView,
  howMany: HowMany,
): Section {
  return {
    name,
    priority,
    render: (limit) =>
      listWithin(
        heading,
        tests.slice(0, howMany.named).map((test) => `- ${headline(test, view)}${remark(test)}`),
        limit,
        rest(tests.length, view),
      ),
  };
}

function rest(total: number, view: PipelineView) {
  return {
    total,
    more: (left: number) => `… and ${number(left)} more on the ${link('full page', view.pageUrl)}.`,
  };
}

/** Name, place, message, and the details folded. */
function tell(test: TestCase, view: PipelineView): string {
  const message = (test.message ?? '').trim();
  const more = (test.details ?? '').trim();
  return [
    `**${headline(test, view)}**`,
    message === '' ? '' : codeBlock(truncateEnd(message, 1000)),
    more === '' || more === message ? '' : details('Details', codeBlock(truncateEnd(more, 3000))),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

function headline(test: TestCase, view: PipelineView): string {
  const place = placeLink(test.file, test.line, view);
  return place === '' ? codeSpan(testTitle(test)) : `${codeSpan(testTitle(test))} (${place})`;
}

function remark(test: TestCase): string {
  if (test.status === 'passed') return ': passed only when run again';
  const message = (test.message ?? '').trim().split('\n', 1)[0]!;
  return message === '' ? '' : `: ${inlineText(message, 200)}`;
}

/** A place in the repository as a link to the commit's file; as code where it can't be linked; may be empty. */
export function placeLink(path: string | undefined, line: number | undefined, view: PipelineView): string {
  if (!path) return '';
  const shown = codeSpan(line === undefined ? path : `${path}:${line}`);
  const repository = view.pullRequestUrl?.match(/^(https?:\/\/.+)\/pull\/\d+$/)?.[1];
  if (repository === undefined || !isRepositoryPath(path)) return shown;
  const anchor = isPlace(path, line) ? `#L${line}` : '';
  const file = path.split('/').map(encodeURIComponent).join('/');
  return link(shown, `${repository}/blob/${view.headSha}/${file}${anchor}`);
}

const number = (value: number): string => value.toLocaleString('en-US');

/** "+0.4", "-2", "±0" with at most two decimals. */
export function signed(change: number): string {
  const rounded = Math.round(change * 100) / 100;
  return rounded > 0 ? `+${rounded}` : rounded < 0 ? `−${-rounded}` : '±0';
}
