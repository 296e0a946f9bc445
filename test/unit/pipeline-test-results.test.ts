import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRedactor } from '../../src/domain/redaction.js';
import type { PipelineRun } from '../../src/pipeline/stage.js';
import { collectTestResults } from '../../src/pipeline/test-results.js';

const TAP = 'TAP version 13\n1..2\nok 1 - adds\nnot ok 2 - knows hunter22-the-secret\n';

describe('what a log holds of test results', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'codegenapp-results-'));
    await mkdir(join(folder, 'tree'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const read = async (log: string) => {
    await writeFile(join(folder, 'test.log'), log);
    const run = {
      workspace: join(folder, 'tree'),
      files: new Set(),
      logFile: () => join(folder, 'test.log'),
      spec: { settings: { test_reports: [] } },
      tools: { redactor: createRedactor(['hunter22-the-secret']), sandbox: { isolated: false } },
      changes: () => Promise.resolve(null),
    } as unknown as PipelineRun;
    return collectTestResults(run);
  };

  it.each([0, 1, 262_136, 262_140, 262_144, 600_000])(
    'is found behind %i other bytes, without secrets',
    async (bytes) => {
      const before = bytes === 0 ? '' : `${'.'.repeat(bytes - 1)}\n`;
      const { tests } = await read(`${before}${TAP}`);
      expect(tests?.cases.map(({ name, status }) => [name, status])).toEqual([
        ['adds', 'passed'],
        [`knows ${'*'.repeat(19)}`, 'failed'],
      ]);
    },
  );

  it.each(['', 'ok\n', 'all 12 tests passed\n'.repeat(50_000)])(
    'is nothing where no tool reports',
    async (log) => {
      const { tests, notes } = await read(log);
      expect({ tests, notes }).toEqual({ tests: null, notes: [] });
    },
  );
});
