import { describe, expect, it } from '@jest/globals';
import { nearest } from '../../src/domain/nearest.js';

describe('nearest', () => {
  const candidates = ['fix', 'retry', 'cancel', 'status', 'approve', 'confirm', 'merge', 'help'];

  it.each([
    ['fxi', 'fix'],
    ['fx', 'fix'],
    ['RETRY', 'retry'],
    ['rety', 'retry'],
    ['cancle', 'cancel'],
    ['comfirm', 'confirm'],
    ['aprove', 'approve'],
    ['merged', 'merge'],
    ['xyz', null],
    ['deploy', null],
    ['', null],
  ])('%j is nearest to %j', (word, expected) => expect(nearest(word, candidates)).toBe(expected));

  it('has no answer without candidates', () => expect(nearest('fix', [])).toBeNull());
});
