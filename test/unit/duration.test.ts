import { describe, expect, it } from '@jest/globals';
import { elapsed, formatDuration } from '../../src/domain/duration.js';

describe('formatDuration', () => {
  it.each([
    [0, '0 ms'],
    [412, '412 ms'],
    [8234, '8.2 s'],
    [72_000, '1 min 12 s'],
    [600_000, '10 min'],
    [7_500_000, '2 h 5 min'],
    [90_061_000, '1 d 1 h'],
    [-5, '0 ms'],
    [Number.NaN, '0 ms'],
  ])('%d ms is %s', (milliseconds, expected) => {
    expect(formatDuration(milliseconds)).toBe(expected);
  });
});

it('elapsed needs both ends', () => {
  expect(elapsed(new Date(1000), new Date(3500))).toBe(2500);
  expect(elapsed(new Date(1000), null)).toBeNull();
});
