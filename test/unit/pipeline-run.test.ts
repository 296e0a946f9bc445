import { mkdtempSync, rmSync } from 'node:fs';
import { appendFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { StageName, StageRecord } from '../../src/domain/pipeline.js';
import { createRedactor } from '../../src/domain/redaction.js';
import { defaultSettings } from '../../src/domain/settings.js';
import { redactedTail } from '../../src/pipeline/log-tail.js';
import { runPipeline, type RunOptions } from '../../src/pipeline/run.js';
import type { Stage } from '../../src/pipeline/stage.js';
import { plainSandbox } from '../../src/sandbox/plain.js';

const SECRET = 'canary-5b8f2c7d-secret-of-the-project';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'codegenapp-run-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const run = (stages: Stage[], more: Partial<RunOptions> = {}) =>
  runPipeline({
    spec: {
      id: 'one',
      source: { host: 'local', fullName: 'local/one', url: folder },
      fetchRef: 'refs/pull/1/head',
      headSha: 'a'.repeat(40),
      headRef: 'feature',
      baseRef: 'main',
      pullRequestNumber: 1,
      settings: defaultSettings(),
      heedSkipMarkers: true,
      secrets: { KEY: SECRET },
    },
    tools: {
      sandbox: plainSandbox({ toolchains: { directories: [], path: '', environment: {} } }),
      validators: [],
      checkout: () => Promise.reject(new Error('not called')),
      gitToken: () => Promise.resolve(null),
      redactor: createRedactor([SECRET]),
    },
    workspace: { name: 'one', folder, tree: folder, home: folder },
    logFile: (stage) => join(folder, `${stage}.log`),
    signal: new AbortController().signal,
    stages,
    ...more,
  });

/** Ends only with the signal. */
const endless = (name: StageName): Stage => ({
  name,
  needs: [],
  run: ({ signal }) =>
    new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))),
});
const passing = (name: StageName, more: Partial<Stage> = {}): Stage => ({
  name,
  needs: [],
  run: () => Promise.resolve({ conclusion: 'success', summary: 'Done' }),
  ...more,
});

describe('a pipeline as a whole', () => {
  it('is ended at its time limit, with a sentence, and still reports', async () => {
    const finished = await run([endless('setup'), passing('test'), passing('report', { always: true })], {
      timeLimitMs: 30,
    });
    expect(finished.conclusion).toBe('timed_out');
    expect(finished.reason).toMatch(/^The whole validation was ended because it ran longer than 30 ms/);
    const conclusions = Object.fromEntries(finished.stages.map(({ name, conclusion }) => [name, conclusion]));
    expect(conclusions).toMatchObject({ setup: 'timed_out', test: 'skipped', report: 'success' });
  });

  it('shows its observer, stores and answers no secret', async () => {
    const observed: string[] = [];
    const stage: Stage = {
      name: 'test',
      needs: [],
      run: ({ results }) => {
        results.findings.push({
          source: 'test',
          severity: 'failure',
          title: SECRET,
          message: `at ${SECRET}`,
        });
        results.notes.push(SECRET);
        results.tests = {
          formats: ['junit'],
          passed: 0,
          failed: 1,
          skipped: 0,
          durationMs: 1,
          cases: [{ suite: SECRET, name: SECRET, status: 'failed', durationMs: 1, details: SECRET }],
          notes: [SECRET],
        };
        return Promise.resolve({ conclusion: 'failure', summary: `the command ${SECRET} was not found` });
      },
    };
    const observer = { stageChanged: (record: Readonly<StageRecord>) => observed.push(record.summary) };
    const { conclusion, reason, stages, run: finished } = await run([stage], { observer });
    expect(reason).toBe('the command *** was not found');
    expect(JSON.stringify([observed, conclusion, stages, finished.results])).not.toContain(SECRET);
  });
});

describe('the tail of a log', () => {
  const redactor = createRedactor([SECRET]);

  it('holds no half of a secret, wherever it is cut', async () => {
    const path = join(folder, 'test.log');
    await writeFile(path, `begin\n${SECRET}.`.repeat(1));
    await appendFile(path, `${SECRET}.`.repeat(200));
    for (let bytes = 100; bytes < 100 + 2 * SECRET.length; bytes++) {
      const tail = await redactedTail(path, bytes, redactor);
      expect(tail).toMatch(/^[*.]+$/);
      expect(tail.length).toBeGreaterThan(50);
    }
  });

  it('holds none that is coloured in the middle', async () => {
    const path = join(folder, 'test.log');
    await writeFile(path, `key: ${SECRET.slice(0, 9)}\u001b[31m${SECRET.slice(9)}\u001b[0m\nend\n`);
    expect(await redactedTail(path, 1_000, redactor)).not.toContain('secret');
  });

  it('begins with a whole line, and is whole where the log is short', async () => {
    const path = join(folder, 'test.log');
    await writeFile(path, 'first line\nsecond line\n');
    expect(await redactedTail(path, 16, redactor)).toBe('second line\n');
    expect(await redactedTail(path, 1_000, redactor)).toBe('first line\nsecond line\n');
    await writeFile(path, '');
    expect(await redactedTail(path, 1_000, redactor)).toBe('');
  });
});
