import { chmodSync, existsSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { removeTree } from '../../src/git/remove-tree.js';
import { Database } from '../../src/database/database.js';
import { Project, ValidationPipeline } from '../../src/database/entities/index.js';
import { DatabaseStorage } from '../../src/storage/database.js';
import { migratedDatabase, onPostgres } from '../support/databases.js';
import { FakeGitHub } from '../support/fake-github/index.js';
import { ServerProcess } from '../support/server-process.js';
import { scripted, until } from '../support/story.js';

const TOKEN = 'a token of the tests';
const SECRET = 'correct-horse-battery-staple';

onPostgres('a web process and a worker that share nothing but PostgreSQL', (server) => {
  let github: FakeGitHub;
  let database: Database;
  let web: ServerProcess;
  const processes: ServerProcess[] = [];
  const folders: string[] = [];
  const folder = () => {
    const made = mkdtempSync(join(tmpdir(), 'codegenapp-machine-'));
    chmodSync(made, 0o777);
    folders.push(made);
    return made;
  };
  let env: Record<string, string>;
  const start = async (program: 'web' | 'worker') => {
    const started = await ServerProcess.start(folder(), env, program);
    processes.push(started);
    return started;
  };

  beforeEach(async () => {
    github = await FakeGitHub.start();
    const databaseUrl = await migratedDatabase(server());
    database = await Database.open({ databaseUrl, dataDir: '' });
    env = {
      ...github.environment,
      DATABASE_URL: databaseUrl,
      API_TOKEN: TOKEN,
      SECRETS_KEY: Buffer.alloc(32, 7).toString('base64'),
      SANDBOX: 'none',
      CHROME_PATH: '/nowhere/chromium',
      SHUTDOWN_GRACE_SECONDS: '0',
    };
    [web] = await Promise.all([start('web'), start('worker')]);
    github.webhookUrl = `${web.url}/api/github/webhooks`;
  });
  afterEach(async () => {
    for (const each of processes.splice(0)) await each.kill();
    await database.close();
    await github.stop();
    for (const each of folders.splice(0)) await removeTree(each);
  });

  const ask = (path: string, init: RequestInit = {}) =>
    fetch(`${web.url}${path}`, {
      ...init,
      headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json', ...init.headers },
    });

  it('shows live what the other runs: log lines, ranges, state, screenshots', async () => {
    const word = folder();
    // Each step waits until the line before it was seen from outside. The dots come after it since a line's end is
    // held back where three letters of it or more begin a form of the private key.
    const script = ['one', 'two', 'three']
      .map(
        (step) =>
          `echo step ${step} ${SECRET} done; echo ......; while [ ! -e ${word}/${step} ]; do sleep 0.02; done`,
      )
      .join('; ');
    const repository = github.createRepository('acme/web', { files: scripted({ test_commands: script }) });
    repository.commit('first', { 'first.txt': 'done' });
    const first = repository.openPullRequest({ head: 'first', draft: true });
    await github.deliver(first.opened);
    await until(async () => (await database.read.count(Project)) === 1, 'the project');
    const project = (await database.read.findOneByOrFail(Project, { fullNameKey: 'acme/web' })).id;
    const put = await ask(`/api/projects/${project}/settings/secrets`, {
      method: 'PUT',
      body: JSON.stringify({ value: { TOP: SECRET } }),
    });
    expect(put.status).toBe(200);

    repository.commit('feature', { 'feature.txt': 'done' });
    const pr = repository.openPullRequest({ head: 'feature' });
    await github.deliver(pr.opened);
    const running = { headSha: pr.headSha, status: 'in_progress' } as const;
    await until(() => database.read.existsBy(ValidationPipeline, running), 'a running pipeline');
    const { id } = (await database.read.findOneBy(ValidationPipeline, { headSha: pr.headSha }))!;

    const events = new LiveEvents(await ask(`/api/pipelines/${id}/events`));
    await events.until(/"line":"step one \*+ done"/);
    const range = await ask(`/api/pipelines/${id}/logs?stage=test`, { headers: { range: 'bytes=5-10' } });
    expect([range.status, await range.text()]).toEqual([206, 'one **']);
    writeFileSync(join(word, 'one'), '');
    await events.until(/"line":"step two/);

    // Cut off from what others announce, it looks for itself, and connects again.
    await database.write((tx) =>
      tx.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN codegenapp%'`,
      ),
    );
    writeFileSync(join(word, 'two'), '');
    await events.until(/"line":"step three/);
    writeFileSync(join(word, 'three'), '');
    await events.until(/event: end/);
    expect(events.text).toContain('"currentStep":"test"');
    expect(events.text).not.toContain(SECRET);

    const masked = ['one', 'two', 'three'].map(
      (step) => `step ${step} ${'*'.repeat(SECRET.length)} done\n......\n`,
    );
    expect(await (await ask(`/api/pipelines/${id}/logs?stage=test`)).text()).toBe(masked.join(''));
    const stored = await database.read.query<{ bytes: Buffer }[]>('SELECT bytes FROM log_chunks');
    expect(Buffer.concat(stored.map(({ bytes }) => bytes)).includes(SECRET)).toBe(false);

    const storage = new DatabaseStorage(database, { isConnected: false });
    const png = Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), Buffer.alloc(200_000, 1)]);
    const shown = await fetch(`${web.url}/artifacts/${await storage.keepScreenshot(id, png)}`);
    expect(shown.headers.get('content-type')).toBe('image/png');
    expect(Buffer.from(await shown.arrayBuffer()).equals(png)).toBe(true);
  });

  it('ends at once what the other one was told to cancel, and leaves no file of it', async () => {
    const begun = join(folder(), 'begun');
    const repository = github.createRepository('acme/web', {
      files: scripted({ test_commands: `echo begun; > ${begun}; sleep 1000` }),
    });
    repository.commit('feature', { 'feature.txt': 'done' });
    const pr = repository.openPullRequest({ head: 'feature' });
    await github.deliver(pr.opened);
    await until(() => existsSync(begun), 'the tests to write their line');
    const { id } = (await database.read.findOneBy(ValidationPipeline, { headSha: pr.headSha }))!;
    expect((await ask(`/api/pipelines/${id}/cancel`, { method: 'POST' })).status).toBe(202);
    const completed = () => repository.checkRuns(pr.headSha).find(({ status }) => status === 'completed');
    expect(await github.waitFor(completed)).toMatchObject({ conclusion: 'cancelled' });
    expect(await (await ask(`/api/pipelines/${id}/logs?stage=test`)).text()).toBe('begun\n');
    const [, workerFolder] = folders;
    await until(() => readdirSync(join(workerFolder!, 'workspaces')).length === 0, 'no workspace');
    expect(readdirSync(join(workerFolder!, 'logs'))).toEqual([]);
    // What runs nothing tries no sandbox out.
    expect(web.lines.filter((line) => line.includes('Pull-request code runs in'))).toEqual([]);
  });
});

/** Server-sent events, as they come. */
class LiveEvents {
  text = '';
  private readonly reader: ReadableStreamDefaultReader<Uint8Array>;

  constructor(response: Response) {
    this.reader = response.body!.getReader();
  }

  async until(pattern: RegExp): Promise<void> {
    const decoder = new TextDecoder();
    const late = setTimeout(() => void this.reader.cancel(), 50_000);
    while (!pattern.test(this.text)) {
      const { value, done } = await this.reader.read();
      if (done) throw new Error(`The stream ended without ${String(pattern)}:\n${this.text}`);
      this.text += decoder.decode(value, { stream: true });
    }
    clearTimeout(late);
  }
}
