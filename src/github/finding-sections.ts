import type { Finding, Severity, ValidationResult } from '../domain/pipeline.js';
import { listWithin, type Section } from './fit.js';
import { placeLink, signed } from './test-sections.js';
import { codeSpan, inlineText, link, table } from './text.js';
import { CONCLUSION_ICONS } from './verdict.js';
import type { PipelineView } from './view.js';

const NAMED_AT_MOST = 50;

const SEVERITY_ICONS: Record<Severity, string> = { failure: '❌', warning: '⚠️', notice: 'ℹ️' };
const RANK: Record<Severity, number> = { failure: 0, warning: 1, notice: 2 };

/** Problems other than failed tests, the worst first, apart from what the base branch already had. */
export function findingSections(view: PipelineView): Section[] {
  // Failed tests have sections of their own; as findings they are for annotations and the API.
  const ofTests = view.results.tests?.formats.join(', ');
  const others = view.results.findings.filter(({ source }) => source !== ofTests);
  const sorted = others.sort((a, b) => RANK[a.severity] - RANK[b.severity]);
  const known = sorted.filter((finding) => finding.blame === 'base');
  return [
    section(
      'findings',
      70,
      '### Findings',
      sorted.filter((finding) => finding.blame !== 'base'),
      view,
    ),
    section(
      'findings that the base branch has too',
      38,
      `### Findings that ${codeSpan(view.baseRef, 60)} has too`,
      known,
      view,
    ),
  ];
}

function section(
  name: string,
  priority: number,
  heading: string,
  findings: readonly Finding[],
  view: PipelineView,
): Section {
  return {
    name,
    priority,
    render: (limit) =>
      listWithin(
        heading,
        findings.slice(0, NAMED_AT_MOST).map((finding) => line(finding, view)),
        limit,
        {
          total: findings.length,
          more: (left) => `… and ${left} more on the ${link('full page', view.pageUrl)}.`,
        },
      ),
  };
}

function line(finding: Finding, view: PipelineView): string {
  const place = placeLink(finding.path, finding.startLine, view);
  const title = inlineText(finding.title, 200);
  const message = finding.message === finding.title ? '' : inlineText(finding.message, 500);
  return [
    `- ${SEVERITY_ICONS[finding.severity]} **${title || inlineText(finding.source, 60)}**`,
    place === '' ? '' : ` (${place})`,
    message === '' ? '' : `: ${message}`,
  ].join('');
}

/** What was measured: a line for each validator, and scores with their change against the base branch. */
export function measurementSection(view: PipelineView): Section {
  const { validations } = view.results;
  return {
    name: 'measurements',
    priority: 55,
    render(limit) {
      const lines = validations
        .filter(({ summary, scores }) => summary !== '' && Object.keys(scores ?? {}).length === 0)
        .map((validation) => {
          const icon = CONCLUSION_ICONS[validation.conclusion];
          return `- ${icon} ${inlineText(validation.validator, 60)}: ${inlineText(validation.summary, 300)}`;
        });
      const rows = validations.flatMap(scoreRows).slice(0, NAMED_AT_MOST);
      const columns = ['Score', 'Now:', 'Base:', 'Change:'];
      const scores = rows.length === 0 ? '' : `\n\n${table(columns, rows)}`;
      const list = listWithin('### Measured', lines, limit - Buffer.byteLength(scores) - 16);
      return list === '' && scores === '' ? '' : `${list || '### Measured'}${scores}`;
    },
  };
}

function scoreRows(validation: ValidationResult): string[][] {
  return Object.entries(validation.scores ?? {}).map(([name, score]) => {
    const base = validation.baseScores?.[name];
    return [
      inlineText(name, 60),
      String(score),
      base === undefined ? '' : String(base),
      base === undefined ? '' : signed(score - base),
    ];
  });
}
