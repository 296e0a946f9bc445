import { describe, expect, it } from '@jest/globals';
import { badge } from '../../../src/web/badge.js';
import {
  ceiling,
  durationChart,
  everyDay,
  linePath,
  outcomeChart,
  scoreChart,
} from '../../../src/web/charts.js';
import { html } from '../../../src/web/html.js';
import { withDiff } from '../../../src/web/results.js';

const text = (fragment: Parameters<typeof html>[1]) => html`${fragment}`.text;

describe('charts', () => {
  it('reach to a round number', () => {
    expect([0, 1, 3, 7, 11, 480, 51_000].map(ceiling)).toEqual([1, 1, 5, 10, 20, 500, 100_000]);
  });

  it('leave a gap where nothing is known', () => {
    const area = { width: 100, height: 50 };
    expect(linePath([0, 10, null, 10, 5], 10, area)).toBe('M0.0 50.0L25.0 0.0M75.0 0.0L100.0 25.0');
    expect(linePath([], 10, area)).toBe('');
    expect(linePath([5], 10, area)).toBe('M0.0 25.0');
  });

  it('say in words and numbers what they draw, and draw nothing that is not a number', () => {
    const day = 20_000;
    const days = everyDay([{ day, passed: 3, failed: 1, averageMs: 61_000 }], 30, day + 2);
    expect([days.length, days[0]!.day, days.at(-1)!.day]).toEqual([30, day - 27, day + 2]);
    const outcome = text(outcomeChart(days));
    expect(outcome).toContain('aria-label="Passed and failed: 3 passed and 1 failed in 30 days"');
    expect(outcome).toMatch(/<td[^>]*>75 %<\/td>/);
    const all = [
      outcome,
      text(durationChart(days)),
      text(durationChart([])),
      text(outcomeChart([])),
      text(scoreChart([], ['accessibility', 'performance'])),
      text(
        scoreChart(
          [{ pipelineId: 'p', at: new Date(0), scores: { accessibility: 90 } }],
          ['accessibility', 'performance'],
        ),
      ),
    ].join('');
    expect(all).not.toMatch(/NaN|Infinity|undefined/);
    expect(all).not.toMatch(/ style=/);
  });
});

it('a diff has its lines marked, other text is left alone', () => {
  expect(text(withDiff('- Expected\n+ Received\n same'))).toBe(
    '<del>- Expected</del><ins>+ Received</ins> same',
  );
  expect(text(withDiff('- a list\n- of <things>'))).toBe('- a list\n- of &lt;things&gt;');
});

it('badges are as wide as the page reserves for them', () => {
  for (const state of ['passing', 'failing', 'running', 'unknown'] as const)
    expect(badge(state)).toContain('width="132"');
});
