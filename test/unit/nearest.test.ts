import { describe, expect, it } from '@jest/globals';
import { nearest } from '../../src/domain/nearest.js';

const COMMANDS = ['fix', 'retry', 'cancel', 'status', 'approve', 'confirm', 'merge', 'help'];

describe('nearest', () => {
  it.each([
    ['fxi', 'fix'],
    ['rerty', 'retry'],
    ['cancle', 'cancel'],
    ['STATUS', 'status'],
    ['aprove', 'approve'],
    ['con-firm', 'confirm'],
    ['help!', 'help'],
  ])('takes %s for %s', (written, meant) => {
    expect(nearest(written, COMMANDS)).toBe(meant);
  });

  it.each(['', 'x', 'foo', 'deploy', 'fixeverything', '__proto__', 'a'.repeat(100_000)])(
    'does not guess at %.20s',
    (written) => {
      expect(nearest(written, COMMANDS)).toBeNull();
    },
  );

  it('takes the nearest, not the first', () => {
    expect(nearest('test_report', ['test_retries', 'test_reports'])).toBe('test_reports');
  });
});
