import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { ValidationPipeline, WebhookEvent } from '../../src/database/entities/index.js';
import { migratedDatabase, onPostgres } from '../support/databases.js';
import type { Delivery, FakePullRequest } from '../support/fake-github/index.js';
import { killSpawners } from '../support/kill-spawners.js';
import { scripted, Story, until, type StoryOptions } from '../support/story.js';

/** `AWAY_MS=30000` for the full measure. */
const AWAY_MS = Number(process.env['AWAY_MS'] ?? 4_000);

let story: Story;
const begin = async (options: StoryOptions = {}) => (story = await Story.begin(options));
afterEach(() => story.end());

const open = (test: string, name = 'feature') => {
  const repository =
    story.github.repositories[0] ??
    story.github.createRepository('acme/web', { files: scripted({ test_commands: test }) });
  repository.commit(name, { [name]: 'done' });
  return repository.openPullRequest({ head: name });
};
const checkOf = (pr: FakePullRequest) => story.completedCheck(pr.repository, pr.headSha, 50_000);
const onlyOne = async (pr: FakePullRequest, comments = 0) => {
  await story.settled();
  expect(pr.repository.checkRuns(pr.headSha)).toHaveLength(1);
  expect(pr.comments()).toHaveLength(comments);
};

describe('a token of the installation', () => {
  it('that ends before its hour is made anew, also in the middle of a pipeline', async () => {
    await begin();
    const pr = open('sleep 1; echo the reason; exit 1');
    await story.deliver(pr.opened);
    await story.running('test');
    story.github.expireTokens();
    expect(await checkOf(pr)).toMatchObject({ conclusion: 'failure' });
    await onlyOne(pr, 1);
  });
});

describe('a clock that is off', () => {
  it.each([2, -2])('by %d hours: tokens are signed by GitHub’s clock', async (hours) => {
    await begin();
    story.github.clockAheadMs = hours * 3_600_000;
    const pr = open('true');
    await story.deliver(pr.opened);
    expect(await checkOf(pr)).toMatchObject({ conclusion: 'success' });
    await onlyOne(pr);
  });
});

const isLinux = process.platform === 'linux';

describe('the process that starts programs', () => {
  (isLinux ? it : it.skip)('may be killed: that is our fault, and the pipeline is tried again', async () => {
    await begin();
    const pr = open('sleep 3');
    await story.deliver(pr.opened);
    await story.running('test');
    killSpawners();
    expect(await checkOf(pr)).toMatchObject({ conclusion: 'success' });
    await onlyOne(pr);
    expect(await story.app.database.read.findOneByOrFail(ValidationPipeline, {})).toMatchObject({
      attempt: 2,
    });
  });
});

describe('SQLite', () => {
  it('that another process keeps locked is waited for, and an answered delivery is kept', async () => {
    await begin();
    const pr = open('true');
    const locked = spawn(process.execPath, ['-e', LOCK, join(story.dataDir, 'codegenapp.sqlite'), '7000'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await new Promise((resolve) => locked.stdout.once('data', resolve));
    const [delivery] = await story.deliver(pr.opened);
    expect(delivery!.statusCode).toBe(202);
    expect(delivery!.durationMs).toBeGreaterThan(5_000);
    expect(await checkOf(pr)).toMatchObject({ conclusion: 'success' });
    await onlyOne(pr);
  });
});

/** Holds the write lock for some milliseconds. */
const LOCK = `
  const [path, ms] = process.argv.slice(1);
  const { Database } = require(${JSON.stringify(createRequire(import.meta.url).resolve('sqlite3'))});
  const database = new Database(path, () =>
    database.exec('BEGIN IMMEDIATE', (error) => {
      console.log(error ?? 'locked');
      setTimeout(() => database.exec('COMMIT', () => database.close()), Number(ms));
    }));`;

describe('a disk', () => {
  const disk = mountDisk();
  afterAll(() => {
    if (!disk) return;
    execFileSync('umount', ['--lazy', disk]);
    rmSync(disk, { recursive: true });
  });

  (disk ? it : it.skip)(
    'that is full refuses deliveries, says so, and all goes on once there is room',
    async () => {
      await begin({ dataDir: disk! });
      const pr = open('true');
      const health = async () => {
        const answer = await fetch(`${story.url}/health`);
        return { code: answer.status, ...((await answer.json()) as object) };
      };
      expect(await health()).toMatchObject({ code: 200, disk: 'ok' });
      const ballast = join(disk!, 'ballast');
      const fill = (leaveBytes: number) => {
        const { bavail, bsize } = statfsSync(disk!);
        execFileSync('fallocate', ['-l', String(bavail * bsize - leaveBytes), ballast]);
      };
      fill(0);
      expect(await health()).toMatchObject({
        code: 503,
        status: 'down',
        disk: expect.stringMatching(/^nearly full: /),
      });
      const [refused] = await story.deliver(pr.opened);
      expect(refused!.statusCode).toBe(503);

      // Enough for the database, too little to check out: a fault of ours, and tried again.
      rmSync(ballast);
      fill(300 * 1024 ** 2);
      expect(await health()).toMatchObject({
        code: 200,
        disk: expect.stringMatching(/^nearly full: 300 MiB free/),
      });
      expect((await story.deliver(pr.opened))[0]!.statusCode).toBe(202);
      await until(
        () => story.app.database.read.existsBy(ValidationPipeline, { status: 'queued', attempt: 1 }),
        'a pipeline that was given back',
      );
      rmSync(ballast);
      expect(await checkOf(pr)).toMatchObject({ conclusion: 'success' });
      await onlyOne(pr);
    },
  );
});

/** A small disk of its own, or null where this user may mount none. */
function mountDisk(): string | null {
  const folder = mkdtempSync(join(tmpdir(), 'codegenapp-disk-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1400m', 'tmpfs', folder], { stdio: 'ignore' });
    return folder;
  } catch {
    rmSync(folder, { recursive: true });
    process.stderr.write('SKIPPED: a disk that is full, because only root may mount one to fill\n');
    return null;
  }
}

describe('a burst', () => {
  it('of 500 deliveries is taken whole, each once', async () => {
    await begin();
    const repository = story.github.createRepository('acme/web', {
      files: scripted({ test_commands: 'true' }),
    });
    repository.commit('feature', { feature: 'done' });
    const pr = repository.openPullRequest({ head: 'feature' });
    await story.deliver(pr.opened);
    // What people do all day: the newest state stays, whatever the order.
    const changes = Array.from({ length: 250 }, (_, n) => pr.edit({ title: `Title ${n}` }));
    const waiting = changes.flatMap((change, n) =>
      [change, change].map((same) => ({ same, guid: `burst-${n}` })),
    );
    const sent: Delivery[] = [];
    const sender = async () => {
      for (let next = waiting.shift(); next; next = waiting.shift())
        sent.push(await story.github.deliver(next.same, { deliveryId: next.guid }));
    };
    // As many at once as GitHub would hardly send.
    await Promise.all(Array.from({ length: 100 }, sender));
    expect(new Set(sent.map(({ statusCode }) => statusCode))).toEqual(new Set([200, 202]));
    expect(sent.filter(({ statusCode }) => statusCode === 202)).toHaveLength(250);
    await checkOf(pr);
    await onlyOne(pr);
    const events = await story.app.database.read.countBy(WebhookEvent, { status: 'processed' });
    expect(events).toBe(251);
  });
});

onPostgres('PostgreSQL', (server) => {
  it(
    'that is away is waited for: deliveries are refused meanwhile, the pipeline goes on, nobody ends',
    async () => {
      const databaseUrl = await migratedDatabase(server());
      await begin({ env: { DATABASE_URL: databaseUrl } });
      const pr = open('sleep 2; echo done');
      await story.deliver(pr.opened);
      await story.running('test');
      await server().interrupt(async () => {
        await until(
          async () => (await fetch(`${story.url}/health`)).status === 503,
          'a health check that says so',
        );
        expect(await (await fetch(`${story.url}/health`)).json()).toMatchObject({
          status: 'down',
          database: expect.stringContaining('down'),
        });
        const late = open('true', 'late');
        const [refused] = await story.deliver(late.opened);
        expect(refused!.statusCode).toBe(503);
        await new Promise((resolve) => setTimeout(resolve, AWAY_MS));
      });
      expect(await checkOf(pr)).toMatchObject({ conclusion: 'success' });
      // GitHub tells again what was refused, when it is asked for its deliveries.
      const [, late] = story.github.repositories[0]!.issues as FakePullRequest[];
      await story.deliver(late!.opened);
      expect(await checkOf(late!)).toMatchObject({ conclusion: 'success' });
      await onlyOne(pr);
      const rows = await story.app.database.read.find(ValidationPipeline);
      expect(rows.map(({ attempt }) => attempt)).toEqual([1, 1]);
    },
    60_000 + AWAY_MS,
  );
});
