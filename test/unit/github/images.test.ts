import { describe, expect, it } from '@jest/globals';
import { emptyResults } from '../../../src/domain/pipeline.js';
import { renderCheck } from '../../../src/github/check.js';
import { isPublicUrl } from '../../../src/github/text.js';
import { pipelineView, testCase, testReport } from '../../support/view.js';

describe('a screenshot on the check', () => {
  const url = 'https://ci.example.com/artifacts/a/b.png';
  it('is shown once the pipeline is completed', () => {
    const images = [{ alt: 'Screenshot of the preview', url }];
    expect(renderCheck(pipelineView({ images })).body.output.images).toEqual([
      { alt: 'Screenshot of the preview', image_url: url },
    ]);
    const running = pipelineView({ images, status: 'in_progress', conclusion: null });
    expect(renderCheck(running).body.output.images).toBeUndefined();
    expect(renderCheck(pipelineView()).body.output.images).toBeUndefined();
  });

  it.each([
    ['https://ci.example.com', true],
    ['https://8.8.8.8', true],
    ['http://ci.example.com', false],
    ['https://localhost:3002', false],
    ['https://ci.internal', false],
    ['https://192.168.1.5', false],
    ['https://100.64.0.1', false],
    ['https://[::1]', false],
    ['nonsense', false],
  ])('needs an address that GitHub can fetch: %s %s', (address, expected) => {
    expect(isPublicUrl(address)).toBe(expected);
  });
});

it('tells a failed test once, among the tests and not among the findings', () => {
  const tests = testReport([testCase({ status: 'failed', name: 'breaks' })]);
  const finding = { severity: 'failure' as const, message: 'no' };
  const findings = [
    { ...finding, source: tests.formats.join(', '), title: 'cart › breaks' },
    { ...finding, source: 'axe', title: 'Images must have alternative text (image-alt)' },
  ];
  const { summary } = renderCheck(pipelineView({ results: { ...emptyResults(), tests, findings } })).body
    .output;
  expect(summary.match(/breaks/g)).toHaveLength(1);
  expect(summary).toContain('image-alt');
});
