import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { FakeGitHub } from '../support/fake-github/index.js';
import { migratedDatabase } from '../support/databases.js';
import { postgresBinaries, startPostgres, type TestPostgres } from '../support/postgres.js';
import { compare, median, record } from './figures.js';
import type { Load } from './load.js';
import { MeasuredProcess } from './processes.js';
import { startSender } from './sender.js';

const ROUND_MS = 1_000;

/** A signed `pull_request.opened` of 24 KB from 10 connections; every delivery has its own id. */
describe('receiving', () => {
  let github: FakeGitHub;
  let postgres: TestPostgres | null = null;
  let sender: Awaited<ReturnType<typeof startSender>>;
  beforeAll(async () => {
    sender = await startSender();
    github = await FakeGitHub.start();
    if (postgresBinaries()) postgres = await startPostgres({ durable: true });
  });
  afterAll(async () => {
    sender.stop();
    await postgres?.stop();
    await github.stop();
  });

  const burst = ({ port }: MeasuredProcess): Promise<Load> =>
    sender.load({
      port,
      path: '/api/github/webhooks',
      secret: github.webhookSecret,
      payload: pullRequestOpened(github),
      event: 'pull_request',
      connections: 10,
      durationMs: ROUND_MS,
    });

  it.each(['SQLite', 'PostgreSQL'])('durably on %s', async (database) => {
    if (database === 'PostgreSQL' && !postgres) {
      process.stderr.write('SKIPPED: receiving on PostgreSQL, because initdb and postgres were not found\n');
      return;
    }
    const databaseUrl = database === 'PostgreSQL' ? await migratedDatabase(postgres!) : null;
    // Bare Probot logs errors only, see bare-probot.mjs.
    const level = { LOG_LEVEL: 'error' };
    const env = { ...github.environment, ...level, ...(databaseUrl ? { DATABASE_URL: databaseUrl } : {}) };
    const ours = await MeasuredProcess.start('web', env);
    const bare = await MeasuredProcess.start('bare Probot', env);
    const tails: [number, number][] = [];
    let oursLast: Load;
    // Both have compiled what they run often, and the database has read what it needs, before the first round counts.
    for (let n = 0; n < 2; n++) for (const server of [ours, bare]) await burst(server);
    await compare(
      { name: `durable signed deliveries, ${database}`, unit: '/s', bound: { least: 0.8 } },
      async () => (oursLast = await burst(ours)).perSecond,
      async () => {
        const { perSecond, p99Ms } = await burst(bare);
        if (oursLast) tails.push([oursLast.p99Ms, p99Ms]);
        return perSecond;
      },
    );
    record({
      name: `… their p99, ${database}`,
      ours: median(tails.map(([p99]) => p99)),
      reference: median(tails.map(([, p99]) => p99)),
      unit: 'ms',
      ratio: median(tails.map(([a, b]) => a / b)),
      bound: { most: 3 },
      rounds: tails.length,
    });
    await ours.end();
    await bare.end();
  });
});

let payload: Buffer | null = null;

function pullRequestOpened(github: FakeGitHub): Buffer {
  if (!payload) {
    const repository = github.createRepository('acme/web', { files: { 'README.md': 'web' } });
    repository.commit('feature', { 'feature.txt': 'done' });
    const event = repository.openPullRequest({ head: 'feature' }).opened.payload as { pull_request: object };
    const filled = (body: string) =>
      Buffer.from(JSON.stringify({ ...event, pull_request: { ...event.pull_request, body } }));
    const missing = 24_000 - filled('').length;
    payload = filled('Some prose, "quoted" as people do.\n'.repeat(700).slice(0, Math.max(0, missing)));
  }
  return payload;
}
