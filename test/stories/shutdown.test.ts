import { mkdtempSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { removeTree } from '../../src/git/remove-tree.js';
import { Database } from '../../src/database/database.js';
import { ValidationPipeline } from '../../src/database/entities/index.js';
import { FakeGitHub } from '../support/fake-github/index.js';
import { ServerProcess } from '../support/server-process.js';
import { scripted, until } from '../support/story.js';

let folder: string;
const processes: ServerProcess[] = [];
const start = async (env: Record<string, string>) => {
  const server = await ServerProcess.start(folder, env);
  processes.push(server);
  return server;
};
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'codegenapp-process-'));
});
afterEach(async () => {
  for (const server of processes.splice(0)) await server.kill();
  // A server that was killed leaves its mounts.
  await removeTree(folder);
});

describe('a server that is told to end', () => {
  let github: FakeGitHub;
  beforeEach(async () => {
    github = await FakeGitHub.start();
  });
  afterEach(() => github.stop());

  const serve = async (graceSeconds: number) => {
    const server = await start({ ...github.environment, SHUTDOWN_GRACE_SECONDS: String(graceSeconds) });
    github.webhookUrl = `${server.url}/api/github/webhooks`;
    return server;
  };
  const open = (test: string) => {
    const repository = github.createRepository('acme/web', { files: scripted({ test_commands: test }) });
    repository.commit('feature', { 'feature.txt': 'done' });
    return { repository, pr: repository.openPullRequest({ head: 'feature' }) };
  };
  /** What the database says, asked while nobody else has it open or beside a server. */
  const row = async (headSha: string) => {
    const database = await Database.open({ databaseUrl: null, dataDir: folder });
    try {
      return await database.read.findOneBy(ValidationPipeline, { headSha });
    } finally {
      await database.close();
    }
  };
  const inTest = (headSha: string) =>
    until(async () => (await row(headSha))?.currentStep === 'test', 'a pipeline in its tests');
  const completed = (repository: ReturnType<typeof open>['repository'], sha: string) =>
    github.waitFor(() => repository.checkRuns(sha).find(({ status }) => status === 'completed'), {
      timeoutMs: 30_000,
      what: 'a completed check run',
    });

  it('lets a running pipeline finish, says that it drains, begins nothing new, and exits with 0', async () => {
    const { repository, pr } = open('sleep 3');
    const first = await serve(30);
    await github.deliver(pr.opened);
    await inTest(pr.headSha);
    first.signal('SIGTERM');
    await until(async () => (await first.health()).status === 'draining', 'a server that drains');
    expect((await first.health()).code).toBe(503);
    // Still taken and stored, for whoever comes next.
    repository.commit('later', { 'later.txt': 'x' });
    const later = repository.openPullRequest({ head: 'later' });
    expect((await github.deliver(later.opened)).statusCode).toBe(202);
    expect(await first.exited()).toBe(0);
    expect(await row(pr.headSha)).toMatchObject({ status: 'completed', conclusion: 'success', attempt: 1 });
    expect(await row(later.headSha)).toBeNull();

    await serve(30);
    expect((await completed(repository, pr.headSha))?.conclusion).toBe('success');
    expect((await completed(repository, later.headSha))?.conclusion).toBe('success');
  });

  it('gives a pipeline back that takes longer than the grace, without spending its attempt', async () => {
    const { repository, pr } = open('sleep 3');
    const first = await serve(0);
    await github.deliver(pr.opened);
    await inTest(pr.headSha);
    first.signal('SIGTERM');
    expect(await first.exited()).toBe(0);
    expect(await row(pr.headSha)).toMatchObject({ status: 'queued', attempt: 0, leaseOwner: null });
    expect(readdirSync(join(folder, 'workspaces'))).toEqual([]);

    await serve(0);
    expect((await completed(repository, pr.headSha))?.conclusion).toBe('success');
    expect(await row(pr.headSha)).toMatchObject({ attempt: 1 });
    expect(repository.checkRuns(pr.headSha)).toHaveLength(1);
  });

  it('ends at once on a second signal', async () => {
    const { pr } = open('sleep 1000');
    const server = await serve(600);
    await github.deliver(pr.opened);
    await inTest(pr.headSha);
    server.signal('SIGTERM');
    await until(async () => (await server.health()).status === 'draining', 'a server that drains');
    server.signal('SIGTERM');
    expect(await server.exited()).toBe(1);
  });
});

describe('a server without credentials', () => {
  it('serves the set-up page with the right webhook URL, answers /health, and ends in order', async () => {
    const server = await start({ NO_SMEE_SETUP: 'true', PUBLIC_URL: 'https://ci.example.com/' });
    expect(await server.health()).toMatchObject({ code: 200, github: 'not configured' });
    const page = await fetch(`${server.url}/`);
    expect(page.status).toBe(200);
    expect(page.headers.get('content-type')).toMatch(/^text\/html/);
    const html = (await page.text()).replaceAll('&quot;', '"');
    expect(html).toContain('https://ci.example.com/api/github/webhooks');
    expect((await fetch(`${server.url}/api/github/webhooks`, { method: 'POST', body: '{}' })).ok).toBe(false);
    server.signal('SIGTERM');
    expect(await server.exited()).toBe(0);
  });

  it('says all that is wrong with its configuration, and exits with 1', async () => {
    await expect(start({ APP_ID: 'x', PORT: 'many' })).rejects.toThrow(
      /APP_ID is "x"[\s\S]*PRIVATE_KEY[\s\S]*PORT is "many"/,
    );
  });
});
