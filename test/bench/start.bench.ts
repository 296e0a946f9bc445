import { setTimeout as sleep } from 'node:timers/promises';
import { describe, it } from '@jest/globals';
import { FakeGitHub } from '../support/fake-github/index.js';
import { compare } from './figures.js';
import { MeasuredProcess } from './processes.js';

/** After which nothing of a start is under way any more. */
const IDLE_MS = 3_000;

describe('starting', () => {
  it('to the first accepted webhook, and then idle', async () => {
    const github = await FakeGitHub.start();
    const env = github.environment;
    // The first start of all also makes the database.
    const dataDir = await MeasuredProcess.start('server', env);
    const idle: Record<string, number> = {};
    let running: [kind: string, process: MeasuredProcess][] = [];
    const once = async (kind: 'server' | 'bare Probot', round: number) => {
      const process = await MeasuredProcess.start(kind, env, dataDir.dataDir);
      running.push([`${kind} ${round}`, process]);
      if (running.length === 2) {
        await sleep(IDLE_MS);
        for (const [name, each] of running) {
          idle[name] = each.residentBytes / 1e6;
          await each.end();
        }
        running = [];
      }
      return process.startMs;
    };
    await dataDir.stop();
    await compare(
      { name: 'start to the first accepted webhook', unit: 'ms', bound: { most: 2 } },
      (round) => once('server', round),
      (round) => once('bare Probot', round),
    );
    await compare(
      { name: 'idle memory of the server', unit: 'MB', bound: { most: 1.8 } },
      (round) => Promise.resolve(idle[`server ${round}`]!),
      (round) => Promise.resolve(idle[`bare Probot ${round}`]!),
    );
    await dataDir.end();
    await github.stop();
  });
});
