/** What the reviewer answers, checked, and what of it counts. */
import { z } from 'zod';
import { shownLines, type FileChange } from '../../domain/changes.js';
import { SEVERITIES, type Finding } from '../../domain/pipeline.js';
import type { Settings } from '../../domain/settings.js';
import type { Validation } from '../contract.js';

const text = (length: number) => z.string().transform((given) => given.trim().slice(0, length));

export const verdictSchema = z.object({
  summary: text(500),
  rules: z
    .array(z.object({ rule: text(200), passed: z.boolean(), reason: text(500) }))
    .transform((rules) => rules.slice(0, 50)),
  findings: z
    .array(
      z.object({
        path: text(1_000),
        line: z.number().int(),
        severity: z.enum(SEVERITIES),
        message: text(1_000),
        confidence: z.number().min(0).max(1),
      }),
    )
    .transform((findings) => findings.slice(0, 50)),
});
export type Verdict = z.output<typeof verdictSchema>;

const MIN_CONFIDENCE = 0.6;
const MAX_FINDINGS = 10;

/**
 * An advisory review is `neutral` whatever it says, its findings warnings at most: it never decides. A required one
 * fails where a rule is broken or a finding of severity failure stands.
 */
export function judgeVerdict(
  verdict: Verdict,
  changes: readonly FileChange[],
  mode: Exclude<Settings['ai_review'], 'off'>,
): Validation {
  const required = mode === 'required';
  const rank = { failure: 0, warning: 1, notice: 2 };
  const counted = verdict.findings
    .filter(({ path, line, confidence }) => confidence >= MIN_CONFIDENCE && isInDiff(path, line, changes))
    .sort((a, b) => rank[a.severity] - rank[b.severity] || b.confidence - a.confidence)
    .slice(0, MAX_FINDINGS);
  const broken = verdict.rules.filter(({ passed }) => !passed);
  const findings = [
    ...broken.map(({ rule, reason }): Finding => ({
      source: 'gemini',
      severity: required ? 'failure' : 'warning',
      title: `Rule not kept: ${rule}`,
      message: reason,
    })),
    ...counted.map(({ path, line, severity, message }): Finding => ({
      source: 'gemini',
      severity: severity === 'failure' && !required ? 'warning' : severity,
      title: 'Review by Gemini',
      message,
      path,
      startLine: line,
      endLine: line,
    })),
  ];
  const fails = findings.some(({ severity }) => severity === 'failure');
  return {
    result: {
      conclusion: !required ? 'neutral' : fails ? 'failure' : 'success',
      summary: [
        `Gemini${required ? '' : ' (advisory)'}: ${sentence(verdict.rules.length, broken.length, counted.length)}`,
        verdict.summary,
      ]
        .filter((part) => part !== '')
        .join('. '),
      facts: {
        rules: verdict.rules.length,
        brokenRules: broken.length,
        findings: counted.length,
        setAside: verdict.findings.length - counted.length,
      },
    },
    findings,
  };
}

function sentence(rules: number, broken: number, findings: number): string {
  const kept = rules === 0 ? '' : `${rules - broken} of ${rules} rules kept, `;
  return `${kept}${findings === 0 ? 'nothing' : findings} to point out`;
}

function isInDiff(path: string, line: number, changes: readonly FileChange[]): boolean {
  const patch = changes.find((change) => change.path === path && change.status !== 'removed')?.patch;
  return Boolean(patch) && shownLines(patch!).some(([from, to]) => line >= from && line <= to);
}
