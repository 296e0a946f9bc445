import { availableParallelism } from 'node:os';

/** @type {import('jest').Config} */
export default {
  testEnvironment: 'node',
  // Processes that the code starts (dist/reports/parse-worker.js) run compiled, so dist/ must be in step.
  globalSetup: '<rootDir>/test/support/build-dist.js',
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/', '<rootDir>/test/fixtures/'],
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/test/fixtures/'],
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  transform: { '^.+\\.ts$': ['ts-jest', { useESM: true }] },
  testTimeout: 120_000,
  // More than cores: for a third of their time stories wait, as for GitHub, which is written to once a second.
  maxWorkers: Math.ceil(availableParallelism() * 1.5),
  // Starting a process costs what the starting one is large, 40 ms at 800 MB: a worker that has grown makes room.
  workerIdleMemoryLimit: '400MB',
};
