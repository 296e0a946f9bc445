import { execFileSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { removeTree } from '../../src/git/remove-tree.js';
import { Database } from '../../src/database/database.js';
import { ValidationPipeline } from '../../src/database/entities/index.js';
import { MAX_ATTEMPTS } from '../../src/database/held-pipelines.js';
import {
  FakeGitHub,
  type Change,
  type FakePullRequest,
  type WebhookEvent,
} from '../support/fake-github/index.js';
import { migratedDatabase, onPostgres } from '../support/databases.js';
import { ServerProcess } from '../support/server-process.js';
import { scripted, until, workspacesIn } from '../support/story.js';

/** The full measure is 300: `SOAK=300 npm test -- test/stories/soak`. */
const DELIVERIES = Number(process.env['SOAK'] ?? 16);
const KILL_EVERY_MS = 3_000;
const TIMEOUT_MS = 180_000 + DELIVERIES * 2_000;
/** Every fifth pull request is pushed to once more, and every fourth fails. */
const isPushed = (n: number) => n % 5 === 4;
const isBroken = (n: number) => n % 4 === 3;

let github: FakeGitHub;
let marker: string;
const folders: string[] = [];
const running: ServerProcess[] = [];
beforeEach(async () => {
  github = await FakeGitHub.start();
  // Nobody else's processes are called by this number.
  marker = `sleep 0.1${Math.floor(Math.random() * 1e9)}`;
});
afterEach(async () => {
  for (const each of running.splice(0)) await each.kill();
  for (const folder of folders.splice(0)) await removeTree(folder);
  await github.stop();
});

const environment = (): Record<string, string> => ({
  ...github.environment,
  API_TOKEN: 'a token of the tests',
  SECRETS_KEY: Buffer.alloc(32, 7).toString('base64'),
  CHROME_PATH: '/nowhere/chromium',
  CONCURRENCY: '2',
  SHUTDOWN_GRACE_SECONDS: '20',
  NODE_OPTIONS: `--import ${join(import.meta.dirname, '../support/impatient.mjs')}`,
});

/** A process that is started anew in its own folder whenever it was killed. */
class Killed {
  readonly folder = mkdtempSync(join(tmpdir(), 'codegenapp-soak-'));
  private process!: ServerProcess;
  kills = 0;

  constructor(
    private readonly program: 'server' | 'web' | 'worker',
    private readonly env: Record<string, string>,
  ) {
    folders.push(this.folder);
  }

  async start(): Promise<this> {
    this.process = await ServerProcess.start(this.folder, this.env, this.program);
    running.push(this.process);
    return this;
  }

  get url(): string {
    return this.process.url;
  }

  async killAndStart(): Promise<void> {
    this.kills++;
    await this.process.kill();
    await this.start();
  }

  async end(): Promise<number | null> {
    this.process.signal('SIGTERM');
    return this.process.exited();
  }

  get workspaces(): string[] {
    return workspacesIn(this.folder);
  }
}

/** Pull requests of six repositories, and what GitHub sends about them. */
function pullRequests(): { all: FakePullRequest[]; send: ((webhookUrl: string) => Promise<unknown>)[] } {
  const repositories = Array.from({ length: 6 }, (_, n) =>
    github.createRepository(`acme/web-${n}`, {
      files: scripted({ test_commands: `echo testing; ${marker}; test ! -e broken` }),
    }),
  );
  const all: FakePullRequest[] = [];
  const send: ((webhookUrl: string) => Promise<unknown>)[] = [];
  const deliver = (change: Change | WebhookEvent) => (webhookUrl: string) => {
    github.webhookUrl = webhookUrl;
    return github.deliver(change);
  };
  for (let n = 0; send.length < DELIVERIES; n++) {
    const repository = repositories[n % repositories.length]!;
    repository.commit(`feature-${n}`, { [isBroken(n) ? 'broken' : 'feature']: String(n) });
    const pr = repository.openPullRequest({ head: `feature-${n}` });
    all.push(pr);
    send.push(deliver(pr.opened));
    if (isPushed(n) && send.length < DELIVERIES)
      send.push((webhookUrl) => deliver(pr.push({ more: String(n) }))(webhookUrl));
  }
  return { all, send };
}

const checksOf = (pr: FakePullRequest, sha: string) => pr.repository.checkRuns(sha);
const isDone = (pr: FakePullRequest) =>
  checksOf(pr, pr.headSha).some(({ status }) => status === 'completed') &&
  (!isBrokenPr(pr) || pr.comments().length > 0);
const isBrokenPr = (pr: FakePullRequest) => isBroken(Number(pr.headRef.split('-')[1]));

/** How many pipelines ran to their end, as GitHub knows it. */
const verdicts = (all: FakePullRequest[]) =>
  [...new Set(all.map(({ repository }) => repository))]
    .flatMap(({ allCheckRuns }) => allCheckRuns)
    .filter(({ conclusion }) => conclusion === 'success' || conclusion === 'failure').length;

/** What is promised of every pull request, in one object to compare. */
function outcome(all: FakePullRequest[]) {
  return all.map((pr) => ({
    pr: `${pr.repository.fullName}#${pr.number}`,
    checks: checksOf(pr, pr.headSha).map(({ status, conclusion }) => `${status} ${conclusion}`),
    comments: pr.comments().length,
  }));
}
const promised = (all: FakePullRequest[]) =>
  all.map((pr) => ({
    pr: `${pr.repository.fullName}#${pr.number}`,
    checks: [`completed ${isBrokenPr(pr) ? 'failure' : 'success'}`],
    comments: isBrokenPr(pr) ? 1 : 0,
  }));

/** Of heads that a push replaced: one check at most, and completed. */
const replacedHeads = (all: FakePullRequest[]) =>
  all.flatMap((pr) =>
    pr
      .commits()
      .map(({ sha }) => sha)
      .filter((sha) => sha !== pr.headSha)
      .map((sha) => checksOf(pr, sha).map(({ status }) => status)),
  );

async function soak(
  webs: Killed[],
  killed: Killed[],
  database: { databaseUrl: string | null; dataDir: string },
): Promise<void> {
  const { all, send } = pullRequests();
  const began = Date.now();
  let over = false;
  let end!: () => void;
  const ended = new Promise<void>((resolve) => (end = resolve));
  const killing = (async () => {
    for (let n = 0, before = 0; !over; n++) {
      // On a machine under load nothing would ever be done between two kills.
      while (!over && verdicts(all) === before) await sleep(50);
      before = verdicts(all);
      if (!over) await killed[n % killed.length]!.killAndStart();
      await Promise.race([sleep(KILL_EVERY_MS), ended]);
    }
  })();
  try {
    const queue = [...send.entries()];
    const sender = async () => {
      for (let next = queue.shift(); next; next = queue.shift())
        await next[1](`${webs[next[0] % webs.length]!.url}/api/github/webhooks`);
    };
    await Promise.all([sender(), sender(), sender(), sender()]);
    await github.waitFor(() => all.every(isDone), {
      timeoutMs: TIMEOUT_MS - 40_000,
      what: 'a completed check on every pull request',
    });
  } finally {
    over = true;
    end();
    await killing;
  }
  const seconds = (Date.now() - began) / 1000;
  await until(async () => {
    const health = (await (await fetch(`${webs[0]!.url}/webhooks/health`)).json()) as Record<string, number>;
    return health['queued']! + health['running']! === 0;
  }, 'an empty queue');
  for (const each of new Set([...webs, ...killed])) expect(await each.end()).toBe(0);

  for (const statuses of replacedHeads(all)) expect([[], ['completed']]).toContainEqual(statuses);
  expect([...webs, ...killed].flatMap(({ workspaces }) => workspaces)).toEqual([]);
  const left = execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' }).split('\n');
  expect(left.filter((line) => line.trim() === marker)).toEqual([]);

  const opened = await Database.open(database);
  const rows = await opened.read.find(ValidationPipeline);
  await opened.close();
  expect(rows.filter(({ status }) => status !== 'completed')).toEqual([]);
  // A pipeline whose worker was killed three times is given up, and says so.
  const givenUp = new Set(rows.filter(({ attempt }) => attempt > MAX_ATTEMPTS).map(({ headSha }) => headSha));
  const judged = all.filter(({ headSha }) => !givenUp.has(headSha));
  expect(outcome(judged)).toEqual(promised(judged));
  for (const { checks, comments } of outcome(all.filter(({ headSha }) => givenUp.has(headSha))))
    expect({ checks, comments }).toEqual({ checks: ['completed cancelled'], comments: 1 });
  const kills = killed.reduce((sum, each) => sum + each.kills, 0);
  expect(kills).toBeGreaterThan(0);
  if (process.env['SOAK'])
    process.stderr.write(
      `${send.length} deliveries, ${all.length} pull requests, ${rows.length} pipelines, ${kills} kills, ` +
        `${rows.filter(({ attempt }) => attempt > 1).length} pipelines begun again, ${givenUp.size} given up, ${seconds.toFixed(0)} s\n`,
    );
}

onPostgres('two web and three worker processes on one PostgreSQL', (server) => {
  it(
    `take ${DELIVERIES} deliveries while workers are killed: one check per head, one comment at most, nothing left`,
    async () => {
      const databaseUrl = await migratedDatabase(server());
      const env = { ...environment(), DATABASE_URL: databaseUrl };
      const webs = [new Killed('web', env), new Killed('web', env)];
      const workers = [new Killed('worker', env), new Killed('worker', env), new Killed('worker', env)];
      await Promise.all([...webs, ...workers].map((each) => each.start()));
      await soak(webs, workers, { databaseUrl, dataDir: '' });
    },
    TIMEOUT_MS,
  );
});

describe('one process on SQLite', () => {
  it(
    `takes ${DELIVERIES} deliveries while it is killed: one check per head, one comment at most, nothing left`,
    async () => {
      const server = await new Killed('server', environment()).start();
      // Deliveries that find nobody are asked for again at the next start.
      await soak([server], [server], { databaseUrl: null, dataDir: server.folder });
    },
    TIMEOUT_MS,
  );
});
