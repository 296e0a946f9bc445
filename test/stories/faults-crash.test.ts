import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { removeTree } from '../../src/git/remove-tree.js';
import { createDataSource } from '../../src/database/data-source.js';
import { ValidationPipeline } from '../../src/database/entities/index.js';
import { FakeGitHub, type FakePullRequest } from '../support/fake-github/index.js';
import { scripted } from '../support/story.js';

/** `npm start` as a process of its own, on SQLite, to be killed. */
class Server {
  private child: ChildProcess | null = null;

  constructor(
    private readonly github: FakeGitHub,
    readonly dataDir: string,
  ) {}

  /** Resolves when it listens. */
  async start(): Promise<void> {
    const child = spawn(process.execPath, [join(process.cwd(), 'dist/server.js')], {
      cwd: this.dataDir,
      env: {
        PATH: process.env['PATH'],
        ...this.github.environment,
        HOST: '127.0.0.1',
        PORT: '0',
        DATA_DIR: this.dataDir,
        LOG_FILE: '',
        API_TOKEN: 'a token of the tests',
        SANDBOX: 'none',
        SHUTDOWN_GRACE_SECONDS: '1',
      },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    this.child = child;
    const lines = createInterface({ input: child.stdout });
    const port = await new Promise<number>((resolve, reject) => {
      child.once('exit', (code) => reject(new Error(`the server ended with ${code}`)));
      lines.on('line', (line) => {
        const { port: listening } = JSON.parse(line) as { port?: number };
        if (listening) resolve(listening);
      });
    });
    this.github.webhookUrl = `http://127.0.0.1:${port}/api/github/webhooks`;
  }

  async end(signal: NodeJS.Signals): Promise<number | null> {
    const { child } = this;
    if (!child) return null;
    this.child = null;
    const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
    child.kill(signal);
    return ended;
  }
}

describe('a server that is killed in the middle', () => {
  let github: FakeGitHub;
  let server: Server;
  let shared: string;
  beforeEach(async () => {
    github = await FakeGitHub.start();
    server = new Server(github, mkdtempSync(join(tmpdir(), 'codegenapp-crash-')));
    // Where scripts leave word of their first run.
    shared = mkdtempSync(join(tmpdir(), 'codegenapp-word-'));
    for (const folder of [shared, server.dataDir]) chmodSync(folder, 0o777);
    await server.start();
  });
  afterEach(async () => {
    await server.end('SIGKILL');
    await github.stop();
    for (const folder of [shared, server.dataDir]) await removeTree(folder);
  });

  const open = (settings: Record<string, string>) => {
    const repository = github.createRepository('acme/web', { files: scripted(settings) });
    repository.commit('feature', { 'feature.txt': 'done' });
    return { repository, pr: repository.openPullRequest({ head: 'feature' }) };
  };
  const checkOf = (pr: FakePullRequest) =>
    github.waitFor(() => pr.repository.checkRuns(pr.headSha).find(({ status }) => status === 'completed'), {
      what: 'the completed check',
      timeoutMs: 30_000,
    });
  const attempts = async (): Promise<number[]> => {
    const source = await createDataSource({ databaseUrl: null, dataDir: server.dataDir }).initialize();
    const rows = await source.manager.find(ValidationPipeline);
    await source.destroy();
    return rows.map(({ attempt }) => attempt);
  };
  const left = () => readdirSync(join(server.dataDir, 'workspaces'));
  const processes = (marker: string) =>
    execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' })
      .split('\n')
      .filter((line) => line.trim() === marker);

  it.each(['setup', 'test'])('in %s starts over: one check, nothing left behind', async (stage) => {
    const marker = `sleep ${1_000 + Math.floor(Math.random() * 1e9)}`;
    const word = join(shared, 'begun');
    const once = `if [ ! -e ${word} ]; then touch ${word}; ${marker}; fi; echo the reason; exit 1`;
    const { pr } = open(
      stage === 'setup' ? { setup_commands: once } : { setup_commands: 'true', test_commands: once },
    );
    await github.deliver(pr.opened);
    await until(() => existsSync(word) && processes(marker).length > 0);
    await server.end('SIGKILL');
    await until(() => processes(marker).length === 0);
    expect(left()).toHaveLength(1);

    await server.start();
    expect(await checkOf(pr)).toMatchObject({ conclusion: 'failure' });
    await github.waitFor(() => pr.comments().length > 0, { what: 'the comment' });
    expect(await server.end('SIGTERM')).toBe(0);
    expect(pr.repository.checkRuns(pr.headSha)).toHaveLength(1);
    expect(pr.comments()).toHaveLength(1);
    expect(await attempts()).toEqual([2]);
    expect(left()).toEqual([]);
  });

  it('three times over is said as our fault, with what to do', async () => {
    const marker = `sleep ${1_000 + Math.floor(Math.random() * 1e9)}`;
    const { pr } = open({ test_commands: marker });
    await github.deliver(pr.opened);
    for (let attempt = 1; attempt <= 3; attempt++) {
      await until(() => processes(marker).length > 0);
      await server.end('SIGKILL');
      await until(() => processes(marker).length === 0);
      await server.start();
    }
    const check = await checkOf(pr);
    expect(check).toMatchObject({ conclusion: 'cancelled' });
    expect(check!.title).toMatch(/^Could not be validated: it was begun 3 times/);
    expect(check!.summary).toContain('not of the pull request');
    expect(check!.summary).toMatch(/\/codegen retry.*whoever operates CodegenApp: see why the worker ended/);
    await github.waitFor(() => pr.comments().length > 0, { what: 'the comment' });
    expect(await server.end('SIGTERM')).toBe(0);
    expect(pr.repository.checkRuns(pr.headSha)).toHaveLength(1);
    expect(pr.comments()).toHaveLength(1);
    expect(left()).toEqual([]);
  });

  it.each([
    ['the check was made', { method: 'POST', path: /check-runs$/ }],
    ['the comment was made', { method: 'POST', path: /issues\/\d+\/comments$/ }],
    ['the verdict was written', { method: 'PATCH', path: /check-runs\/\d+$/ }],
  ])('after %s and before that was noted, makes no second one', async (_effect, request) => {
    const { pr } = open({ test_commands: 'echo the reason; exit 1' });
    const fault = github.fault({ ...request, hang: true, onlyAfterEffect: true });
    await github.deliver(pr.opened);
    await github.waitFor(() => fault.hits > 0, { what: 'the request', timeoutMs: 20_000 });
    await server.end('SIGKILL');

    await server.start();
    expect(await checkOf(pr)).toMatchObject({ conclusion: 'failure' });
    await github.waitFor(() => pr.comments().length > 0, { what: 'the comment', timeoutMs: 20_000 });
    expect(await server.end('SIGTERM')).toBe(0);
    expect(pr.repository.checkRuns(pr.headSha)).toHaveLength(1);
    expect(pr.comments()).toHaveLength(1);
    expect(left()).toEqual([]);
  });

  it('told to end, gives a running pipeline back without spending its attempt', async () => {
    const word = join(shared, 'begun');
    const { pr } = open({ test_commands: `if [ ! -e ${word} ]; then touch ${word}; sleep 1000; fi` });
    await github.deliver(pr.opened);
    await until(() => existsSync(word));
    const ending = server.end('SIGTERM');
    expect(await ending).toBe(0);
    expect(left()).toEqual([]);
    await server.start();
    expect(await checkOf(pr)).toMatchObject({ conclusion: 'success' });
    expect(await server.end('SIGTERM')).toBe(0);
    expect(await attempts()).toEqual([1]);
  });
});

async function until(condition: () => boolean): Promise<void> {
  for (const end = Date.now() + 20_000; Date.now() < end; await new Promise((go) => setTimeout(go, 20)))
    if (condition()) return;
  throw new Error('Waited in vain.');
}
