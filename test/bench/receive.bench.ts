import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { FakeGitHub } from '../support/fake-github/index.js';
import { migratedDatabase } from '../support/databases.js';
import { postgresBinaries, startPostgres, type TestPostgres } from '../support/postgres.js';
import { compare, median, record, ROUNDS } from './figures.js';
import type { Load } from './load.js';
import { MeasuredProcess } from './processes.js';
import { startSender } from './sender.js';

const ROUND_MS = 800;
/** So many deliveries later a server has compiled what it runs often, and its database has read what it needs. */
const WARM = 5_000;

/**
 * A signed `pull_request.opened` of 24 KB from 10 connections; every delivery has its own id. Each round is against
 * another bare Probot, as one is up to twice as quick as the next, for as long as it runs.
 */
describe('receiving', () => {
  let github: FakeGitHub;
  let postgres: TestPostgres | null = null;
  let sender: Awaited<ReturnType<typeof startSender>>;
  let bare: MeasuredProcess[];
  const ours = new Map<string, MeasuredProcess>();

  beforeAll(async () => {
    github = await FakeGitHub.start();
    // Bare Probot logs errors only, see bare-probot.mjs.
    const env = { ...github.environment, LOG_LEVEL: 'error' };
    const onPostgres = async () => {
      if (!postgresBinaries()) return;
      postgres = await startPostgres({ durable: true });
      const databaseUrl = await migratedDatabase(postgres);
      ours.set('PostgreSQL', await MeasuredProcess.start('web', { ...env, DATABASE_URL: databaseUrl }));
    };
    const onSqlite = async () => void ours.set('SQLite', await MeasuredProcess.start('web', env));
    const startBare = () => MeasuredProcess.start('bare Probot', env);
    [sender, bare] = await Promise.all([
      startSender(),
      Promise.all(Array.from({ length: ROUNDS }, startBare)),
      onSqlite(),
      onPostgres(),
    ]);
    for (const server of bare) await warmUp(server);
  });
  afterAll(async () => {
    sender.stop();
    for (const server of [...bare, ...ours.values()]) await server.end();
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

  const warmUp = async (server: MeasuredProcess): Promise<void> => {
    for (let taken = 0; taken < WARM;) taken += (await burst(server)).accepted;
  };

  it.each(['SQLite', 'PostgreSQL'])('durably on %s', async (database) => {
    const server = ours.get(database);
    if (!server) {
      process.stderr.write('SKIPPED: receiving on PostgreSQL, because initdb and postgres were not found\n');
      return;
    }
    await warmUp(server);
    const p99: Record<'ours' | 'bare', number[]> = { ours: [], bare: [] };
    const measured = async (whose: keyof typeof p99, by: MeasuredProcess): Promise<number> => {
      const { perSecond, p99Ms } = await burst(by);
      p99[whose].push(p99Ms);
      return perSecond;
    };
    await compare(
      { name: `durable signed deliveries, ${database}`, unit: '/s', bound: { least: 0.8 } },
      () => measured('ours', server),
      (round) => measured('bare', bare[round]!),
    );
    record({
      name: `… their p99, ${database}`,
      ours: median(p99.ours),
      reference: median(p99.bare),
      unit: 'ms',
      ratio: median(p99.ours.map((ms, round) => ms / p99.bare[round]!)),
      bound: { most: 3 },
      rounds: ROUNDS,
    });
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
