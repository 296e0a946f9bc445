import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, it } from '@jest/globals';
import { FakeGitHub } from '../support/fake-github/index.js';
import { compare } from './figures.js';
import { MeasuredProcess } from './processes.js';

/** After which nothing of the last start is under way any more. */
const IDLE_MS = 3_000;

describe('starting', () => {
  it('to the first accepted webhook, and then idle', async () => {
    const github = await FakeGitHub.start();
    const env = github.environment;
    const folders: string[] = [];
    // The first start of all also makes the database.
    const first = await MeasuredProcess.start('server', env);
    await first.stop();
    const running: Record<'server' | 'bare Probot', MeasuredProcess[]> = { server: [], 'bare Probot': [] };
    const once = async (kind: keyof typeof running) => {
      const dataDir = mkdtempSync(join(tmpdir(), 'codegenapp-bench-'));
      folders.push(dataDir);
      cpSync(first.dataDir, dataDir, { recursive: true });
      const process = await MeasuredProcess.start(kind, env, dataDir);
      running[kind].push(process);
      return process.startMs;
    };
    await compare(
      { name: 'start to the first accepted webhook', unit: 'ms', bound: { most: 2 } },
      () => once('server'),
      () => once('bare Probot'),
    );
    await sleep(IDLE_MS);
    await compare(
      { name: 'idle memory of the server', unit: 'MB', bound: { most: 1.8 } },
      (round) => Promise.resolve(running.server[round]!.residentBytes / 1e6),
      (round) => Promise.resolve(running['bare Probot'][round]!.residentBytes / 1e6),
    );
    for (const process of [first, ...Object.values(running).flat()]) await process.end();
    for (const folder of folders) rmSync(folder, { recursive: true });
    await github.stop();
  });
});
