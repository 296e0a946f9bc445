/** Whatever a pull request's code, names and output contain: GitHub takes what we write, and nothing in it lives. */
import { describe, expect, it } from '@jest/globals';
import { CONCLUSIONS, SEVERITIES, STAGE_NAMES, type Finding } from '../../../src/domain/pipeline.js';
import { emptyResults } from '../../../src/domain/pipeline.js';
import type { TestCase } from '../../../src/domain/test-report.js';
import { renderCheck } from '../../../src/github/check.js';
import { COMMENT_MARKER, renderComment } from '../../../src/github/comment.js';
import { renderStatus } from '../../../src/github/status.js';
import type { AgentState, PipelineView } from '../../../src/github/view.js';
import { liveMarkdown } from '../../support/markdown.js';
import { Random } from '../../support/random.js';
import { at, pipelineView, stages, testReport } from '../../support/view.js';

const PIECES = [
  ...[
    '`',
    '``',
    '```',
    '````js',
    '~~~',
    '|',
    '\n',
    '\n\n',
    '\r',
    '\r\n',
    '\t',
    ' ',
    '    ',
    '\\',
    '\\`',
    '$x$',
  ],
  ...[
    '<script>alert(1)</script>',
    '<img src=x onerror=y>',
    '</details>',
    '</code>',
    '<!--',
    '-->',
    '<',
    '&lt;',
  ],
  ...[
    '@octocat',
    '@acme/team',
    '`@octocat',
    '#1',
    'GH-1',
    'acme/shop#1',
    'acme/shop@deadbeef1',
    '&#64;octocat',
  ],
  ...[
    'https://evil.example/x',
    'www.evil.example',
    'mailto:a@b.example',
    '[a](https://evil.example)',
    '![a](//e)',
  ],
  ...[
    '- ',
    '# ',
    '> [!NOTE]\n> ',
    '1. ',
    '---\n',
    '===\n',
    '| --- |',
    '[^1]',
    '*',
    '_',
    '**',
    ':+1:',
    'deadbeef1',
  ],
  ...['\u202e', '\u200b', '\0', '\x1b[31m', '\x1b]8;;http://evil.example\x07', '\x1b]', '\x9b', '\u2028'],
  ...['🙂', '\ud83d', '\udc00', 'é', '漢字', 'word', 'true', 'x'.repeat(400), '`'.repeat(200)],
];

function hostileView(random: Random): PipelineView {
  const short = () => Array.from({ length: random.int(0, 6) }, () => random.pick(PIECES)).join('');
  const text = () => {
    const piece = Array.from({ length: random.int(0, 60) }, () => random.pick(PIECES)).join('');
    return random.next() < 0.05 ? piece.repeat(Math.ceil(100_000 / (piece.length + 1))) : piece;
  };
  const maybe = <T>(value: () => T): T | undefined => (random.next() < 0.7 ? value() : undefined);
  const many = <T>(item: () => T): T[] => Array.from({ length: random.pick([0, 1, 2, 5, 60]) }, item);
  const blame = () => random.pick(['new', 'base', 'flaky', undefined] as const);
  const finding = (): Finding => ({
    source: short(),
    severity: random.pick(SEVERITIES),
    title: short(),
    message: text(),
    path: maybe(() =>
      random.pick(['src/a.ts', '../etc/passwd', '/etc/passwd', 'a//b', 'src/ä (1).ts', short()]),
    ),
    startLine: maybe(() => random.pick([1, 7, 0, -1, 1.5, Number.NaN, 2 ** 40])),
    endLine: maybe(() => random.int(-1, 9)),
    details: maybe(text),
    blame: blame(),
  });
  const test = (): TestCase => ({
    suite: short(),
    name: short(),
    status: random.pick(['passed', 'failed', 'failed', 'skipped'] as const),
    durationMs: random.int(0, 1e6),
    file: maybe(() => random.pick(['test/a.test.ts', short()])),
    line: maybe(() => random.int(-1, 9)),
    message: maybe(text),
    details: maybe(text),
    flaky: maybe(() => true),
    blame: blame(),
  });
  const conclusion = random.pick(CONCLUSIONS);
  return pipelineView({
    status: random.pick(['queued', 'in_progress', 'completed', 'completed', 'completed'] as const),
    conclusion,
    headRef: short(),
    baseRef: short(),
    reason: short(),
    errorMessage: random.next() < 0.2 ? text() : null,
    advice: text(),
    currentStep: random.pick(STAGE_NAMES),
    stages: stages(
      ['clone', 'success', 10, text()],
      ['setup', random.pick(['success', 'failure', 'timed_out', 'running'] as const), 10, text()],
      ['test', random.pick(['success', 'failure', 'skipped'] as const), 10, text()],
    ),
    results: {
      ...emptyResults(),
      findings: many(finding),
      validations: many(() => ({
        validator: short(),
        conclusion: 'success' as const,
        summary: text(),
        scores: maybe(() => ({ [short()]: 50 })),
        baseScores: maybe(() => ({ [short()]: 50 })),
      })),
      tests: random.next() < 0.7 ? testReport(many(test)) : null,
      coverage: null,
      notes: many(text),
    },
    logTail:
      random.next() < 0.7
        ? { stage: 'test', command: text(), text: text() + text(), omittedLines: random.int(0, 9) }
        : null,
    deploymentUrl: random.pick([null, 'https://preview.example/a(b)|`', 'javascript:alert(1)', text()]),
    settingsNotes: many(text),
    isFork: random.next() < 0.3,
    startedAt: random.pick([null, at(0)]),
    agent: {
      state: random.pick<AgentState>(['off', 'asked', 'running', 'plan_waiting', 'failed', 'exhausted']),
      text: text(),
      url: random.pick([null, 'https://codegen.com/run/1', text()]),
      plan: random.pick([null, text()]),
    },
    merge: { state: 'refused', reason: text() },
  });
}

const ALLOWED_TAGS = /<\/?(?:details|summary|code)>|<details open>/g;
/** To the repository, to our page; and the preview's and the agent's address, which may be anywhere. */
const OUR_LINKS =
  /\]\(https:\/\/(?:github\.com\/acme\/shop|codegenapp\.example\.com)\/[^\s()<>@]*\)|\[(?:Open the preview|See the run)\]\(https?:\/\/[^\s()<>@]*\)/g;

function expectDead(markdown: string): void {
  const live = liveMarkdown(markdown)
    .replace(OUR_LINKS, ']')
    .replace(ALLOWED_TAGS, '')
    .replaceAll('&#124;', '');
  expect(live).not.toMatch(/@[a-z0-9]/i);
  expect(live).not.toMatch(/#\d/);
  expect(live).not.toMatch(/\bgh-\d/i);
  expect(live).not.toMatch(/:\/\/|\bwww\.|mailto:[a-z]/i);
  expect(live).not.toMatch(/[<>]/);
  expect(live).not.toMatch(/!\[|\]\(/);
  expect(live.match(/<details/g)?.length).toBe(live.match(/<\/details/g)?.length);
  expect(markdown).not.toMatch(/[\0-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]|\p{Surrogate}/u);
}

describe('hostile input', () => {
  it.each(Array.from({ length: 100 }, (_, seed) => seed))('seed %d', (seed) => {
    const view = hostileView(new Random(seed));
    const { body, annotations } = renderCheck(view);
    expect(body.output.title.length).toBeLessThanOrEqual(255);
    expect(body.output.title).not.toBe('');
    expect(body.output.title).not.toMatch(/@[a-z0-9]|#\d|\n/i);
    expect(Buffer.byteLength(body.output.summary)).toBeLessThanOrEqual(65_535);
    expectDead(body.output.summary);

    for (const annotation of annotations) {
      expect(Buffer.byteLength(annotation.message)).toBeLessThanOrEqual(64_000);
      expect(Buffer.byteLength(annotation.raw_details ?? '')).toBeLessThanOrEqual(64_000);
      expect(annotation.title.length).toBeLessThanOrEqual(255);
      expect(annotation.message).not.toMatch(/@[a-z0-9]/i);
      expect(annotation.message.trim()).not.toBe('');
      expect(annotation.path).not.toMatch(/^\/|(^|\/)\.\.(\/|$)|\\|^$/);
      expect(annotation.start_line).toBeGreaterThanOrEqual(1);
      expect(annotation.end_line).toBeGreaterThanOrEqual(annotation.start_line);
      expect(annotation).not.toHaveProperty('start_column');
    }

    const actions = body.actions ?? [];
    expect(actions.length).toBeLessThanOrEqual(3);
    for (const action of actions) {
      expect(action.label.length).toBeLessThanOrEqual(20);
      expect(action.identifier.length).toBeLessThanOrEqual(20);
      expect(action.description.length).toBeLessThanOrEqual(40);
    }

    const status = renderStatus(view);
    expect(status.description.length).toBeLessThanOrEqual(140);
    expect(status.description).not.toMatch(/@[a-z0-9]/i);

    const comment = renderComment(view, true);
    if (comment !== null) {
      expect(comment.startsWith(`${COMMENT_MARKER}\n`)).toBe(true);
      expect(comment.length).toBeLessThanOrEqual(65_536);
      expectDead(comment.slice(COMMENT_MARKER.length));
    }
  });
});
