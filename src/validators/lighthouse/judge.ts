/** What the measurements of the pages say about the pull request. */
import type { Finding, StageConclusion } from '../../domain/pipeline.js';
import type { Settings } from '../../domain/settings.js';
import type { Validation } from '../contract.js';
import type { Measured } from './measure.js';
import { CATEGORIES, type Audit, type Category, type PageMeasurement, type Violation } from './page.js';

const VIOLATIONS_TOLD = 15;
const AUDITS_TOLD = 5;

type Minimums = Pick<Settings, 'min_accessibility_score' | 'min_performance_score'>;

/**
 * Scores are those of the worst page in each category. What could not be measured is `neutral`, unless a page
 * answers with an error where a score is demanded of it.
 */
export function judge({ pages, problem }: Measured, minimums: Minimums): Validation {
  const scores = worstScores(pages);
  const missed = pages.flatMap((page) => missedMinimums(page, minimums));
  const unmeasured = pages.find((page) => Object.keys(page.scores).length === 0);
  const reason = problem || (unmeasured ? `${unmeasured.path}: ${unmeasured.problem}` : '');
  const conclusion: StageConclusion =
    missed.length > 0 ? 'failure' : reason !== '' || pages.length === 0 ? 'neutral' : 'success';
  const summary = [
    missed[0]?.title ?? '',
    scoresSentence(pages, scores),
    reason === '' ? '' : `not measured completely: ${reason}`,
  ];
  return {
    result: {
      conclusion,
      summary: capital(summary.filter((part) => part !== '').join('; ')),
      scores,
      facts: factsOf(pages),
    },
    findings: [
      ...missed,
      ...pages
        .flatMap(({ path, violations }) => violations.map((violation) => ofViolation(violation, path)))
        .slice(0, VIOLATIONS_TOLD),
      ...worstAudits(pages).map(([audit, path]) => ofAudit(audit, path)),
    ],
    screenshot: pages.find((page) => page.screenshot)?.screenshot ?? null,
  };
}

function worstScores(pages: readonly PageMeasurement[]): Record<string, number> {
  const worst: Record<string, number> = {};
  for (const category of CATEGORIES) {
    const known = pages.flatMap(({ scores }) => scores[category] ?? []);
    if (known.length > 0) worst[category] = Math.min(...known);
  }
  return worst;
}

function missedMinimums(page: PageMeasurement, minimums: Minimums): Finding[] {
  const demanded: [Category, keyof Minimums][] = [
    ['accessibility', 'min_accessibility_score'],
    ['performance', 'min_performance_score'],
  ];
  return demanded.flatMap(([category, setting]): Finding[] => {
    const minimum = minimums[setting];
    const score = page.scores[category];
    if (minimum === null) return [];
    const failure = (title: string, message: string): Finding[] => [
      { source: 'lighthouse', severity: 'failure', title, message },
    ];
    if (score !== undefined && score < minimum)
      return failure(
        `${capital(category)} of ${page.path} is ${score}, less than ${setting} ${minimum}`,
        category === 'accessibility'
          ? 'The elements that cost the points are listed with their selectors.'
          : 'The audits that cost the points are listed with their fix.',
      );
    if (score === undefined && (page.status ?? 0) >= 400)
      return failure(
        `${page.path} answered ${page.status}, so it has no ${category} score`,
        `${setting} is ${minimum}; see validation_paths for the pages that are looked at.`,
      );
    return [];
  });
}

function scoresSentence(pages: readonly PageMeasurement[], scores: Record<string, number>): string {
  const named = Object.entries(scores).map(([category, score]) => `${category} ${score}`);
  if (named.length === 0) return '';
  const problems = pages.reduce((sum, { violationCount }) => sum + violationCount, 0);
  return [
    named.join(', '),
    pages.length > 1 ? ` (worst of ${pages.length} pages)` : '',
    problems > 0 ? `, ${problems} accessibility problem${problems === 1 ? '' : 's'}` : '',
  ].join('');
}

function factsOf(pages: readonly PageMeasurement[]): Record<string, number> {
  const facts: Record<string, number> = {};
  for (const { path, scores, durationMs } of pages) {
    facts[`${path} ms`] = durationMs;
    if (pages.length > 1)
      for (const [category, score] of Object.entries(scores)) facts[`${path} ${category}`] = score;
  }
  return facts;
}

const ofViolation = (violation: Violation, path: string): Finding => ({
  source: 'axe',
  severity: violation.impact === 'critical' || violation.impact === 'serious' ? 'warning' : 'notice',
  title: `${violation.help} (${violation.rule})`,
  message: `${violation.selector} on ${path}: ${violation.fix} (${violation.helpUrl.replace(/\?.*$/, '')})`,
  details: violation.html,
});

/** Each audit once, where it costs most. */
function worstAudits(pages: readonly PageMeasurement[]): [Audit, string][] {
  const worst = new Map<string, [Audit, string]>();
  for (const { audits, path } of pages)
    for (const audit of audits)
      if ((worst.get(audit.id)?.[0].cost ?? 0) < audit.cost) worst.set(audit.id, [audit, path]);
  return [...worst.values()].sort(([a], [b]) => b.cost - a.cost).slice(0, AUDITS_TOLD);
}

const ofAudit = ({ category, title, value, fix, cost }: Audit, path: string): Finding => ({
  source: 'lighthouse',
  severity: 'notice',
  title,
  message: `${path}, ${cost} ${cost === 1 ? 'point' : 'points'} of ${category}${value === '' ? '' : `, ${value}`}: ${fix}`,
});

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
