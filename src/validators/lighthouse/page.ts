/** What is measured on one page, in the small and bounded form that leaves the measuring process. */
import type { Result as LighthouseResult } from 'lighthouse';

export const CATEGORIES = ['accessibility', 'performance', 'best-practices', 'seo'] as const;
export type Category = (typeof CATEGORIES)[number];

/** One element that breaks one rule of axe. */
export interface Violation {
  rule: string;
  impact: 'minor' | 'moderate' | 'serious' | 'critical';
  /** "Images must have alternative text" */
  help: string;
  helpUrl: string;
  selector: string;
  html: string;
  /** What to change. */
  fix: string;
}

/** One audit of Lighthouse that costs points. */
export interface Audit {
  id: string;
  category: Category;
  title: string;
  /** What was measured, e.g. "4.2 s"; may be empty. */
  value: string;
  /** Why it matters and how to mend it, plain text with addresses. */
  fix: string;
  /** Points of its category that it costs, 0 to 100. */
  cost: number;
}

export interface PageMeasurement {
  path: string;
  /** Absent where Lighthouse could not measure it. */
  scores: Partial<Record<Category, number>>;
  violations: Violation[];
  /** All violating elements, of which `violations` lists the first. */
  violationCount: number;
  audits: Audit[];
  screenshot: Uint8Array | null;
  /** Of the page itself; null where nothing answered. */
  status: number | null;
  durationMs: number;
  /** Why some or all of it is missing; empty otherwise. */
  problem: string;
}

const MAX_VIOLATIONS = 50;
const MAX_AUDITS = 10;
export const MAX_SCREENSHOT_BYTES = 4 * 1024 * 1024;

const clip = (text: unknown, length: number): string =>
  typeof text === 'string' ? text.replace(/\s+/g, ' ').trim().slice(0, length) : '';

/** What `axe.run` answers, as far as it is looked at. It comes from inside the page: nothing of it is certain. */
export interface AxeResults {
  violations?: {
    id?: unknown;
    impact?: unknown;
    help?: unknown;
    helpUrl?: unknown;
    nodes?: { target?: unknown; html?: unknown; failureSummary?: unknown }[];
  }[];
}

export function violationsOf(results: AxeResults): Pick<PageMeasurement, 'violations' | 'violationCount'> {
  const all: Violation[] = [];
  let count = 0;
  for (const { id, impact, help, helpUrl, nodes } of results.violations ?? [])
    for (const node of nodes ?? []) {
      count++;
      if (all.length >= MAX_VIOLATIONS) continue;
      all.push({
        rule: clip(id, 100),
        impact: impact === 'minor' || impact === 'serious' || impact === 'critical' ? impact : 'moderate',
        help: clip(help, 200),
        helpUrl: clip(helpUrl, 300),
        // Within frames and shadow roots there is one selector for each level.
        selector: clip([node.target].flat(3).join(' '), 300),
        html: clip(node.html, 300),
        fix: clip(firstFix(node.failureSummary), 500),
      });
    }
  return { violations: all, violationCount: count };
}

/** Of "Fix any of the following:" and a line for each way, the first way. */
const firstFix = (summary: unknown): unknown =>
  typeof summary === 'string' ? (summary.split('\n')[1] ?? summary) : '';

export function scoresOf({ categories }: LighthouseResult): PageMeasurement['scores'] {
  const scores: PageMeasurement['scores'] = {};
  for (const category of CATEGORIES) {
    const score = categories[category]?.score;
    if (typeof score === 'number') scores[category] = Math.round(score * 100);
  }
  return scores;
}

/** The audits that cost most points. Accessibility is left out: there axe names the elements. */
export function auditsOf({ categories, audits }: LighthouseResult): Audit[] {
  const found: Audit[] = [];
  for (const category of CATEGORIES) {
    if (category === 'accessibility') continue;
    const refs = categories[category]?.auditRefs ?? [];
    const weights = refs.reduce((sum, { weight }) => sum + weight, 0);
    for (const { id, weight } of refs) {
      const audit = audits[id];
      if (!audit || typeof audit.score !== 'number' || weight === 0) continue;
      const cost = Math.round((100 * weight * (1 - audit.score)) / weights);
      if (cost < 1) continue;
      found.push({
        id: clip(id, 100),
        category,
        title: clip(audit.title, 200),
        value: clip(audit.displayValue, 100),
        fix: clip(audit.description?.replace(/\[([^\]]*)\]\(([^)]*)\)/g, '$1 ($2)'), 600),
        cost,
      });
    }
  }
  return found.sort((a, b) => b.cost - a.cost).slice(0, MAX_AUDITS);
}
