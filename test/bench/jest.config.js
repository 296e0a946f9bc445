import base from '../../jest.config.js';

export default {
  ...base,
  rootDir: '../..',
  roots: ['<rootDir>/test/bench'],
  testMatch: ['**/*.bench.ts'],
  maxWorkers: 1,
  testSequencer: '<rootDir>/test/bench/sequencer.js',
  testTimeout: 300_000,
};
