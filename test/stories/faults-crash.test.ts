import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { removeTree } from '../../src/git/remove-tree.js';
import { createDataSource } from '../../src/database/data-source.js';
import { ValidationPipeline } from '../../src/database/entities/index.js';
import { FakeGitHub, type FakePullRequest } from '../support/fake-github/index.js';
import { ServerProcess } from '../support/server-process.js';
import { scripted, until } from '../support/story.js';

/** A server on SQLite, to be killed and started again, and its GitHub. */
class Place {
  readonly dataDir = openFolder('codegenapp-crash-');
  private readonly shared = openFolder('codegenapp-word-');
  /** A file by which scripts leave word of their first run. */
  readonly word = join(this.shared, 'begun');
  /** A command that runs nowhere else. */
  readonly marker = `sleep ${1_000 + Math.floor(Math.random() * 1e9)}`;
  private server: ServerProcess | null = null;

  private constructor(readonly github: FakeGitHub) {}

  /** Is there for a test, and leaves nothing. */
  static async during(test: (place: Place) => Promise<void>): Promise<void> {
    const place = new Place(await FakeGitHub.start());
    try {
      await place.start();
      await test(place);
    } finally {
      await place.server?.kill();
      await place.github.stop();
      for (const folder of [place.dataDir, place.shared]) await removeTree(folder);
    }
  }

  /** Resolves when it answers. */
  async start(): Promise<void> {
    this.server = await ServerProcess.start(this.dataDir, {
      ...this.github.environment,
      API_TOKEN: 'a token of the tests',
      SANDBOX: 'none',
      SHUTDOWN_GRACE_SECONDS: '1',
    });
    this.github.webhookUrl = `${this.server.url}/api/github/webhooks`;
  }

  async kill(): Promise<void> {
    await this.server?.kill();
  }

  /** As an operator ends it. @returns the exit code */
  async end(): Promise<number | null> {
    this.server!.signal('SIGTERM');
    return this.server!.exited();
  }

  /** A pull request whose event was delivered. */
  async open(settings: Record<string, string>): Promise<FakePullRequest> {
    const repository = this.github.createRepository('acme/web', { files: scripted(settings) });
    repository.commit('feature', { 'feature.txt': 'done' });
    const pr = repository.openPullRequest({ head: 'feature' });
    await this.github.deliver(pr.opened);
    return pr;
  }

  checkOf(pr: FakePullRequest) {
    return this.github.waitFor(
      () => pr.repository.checkRuns(pr.headSha).find(({ status }) => status === 'completed'),
      { what: 'the completed check', timeoutMs: 50_000 },
    );
  }

  /** Ends the server once all is told, and looks for what there must be once. */
  async expectOneOfEach(pr: FakePullRequest): Promise<void> {
    await this.github.waitFor(() => pr.comments().length > 0, { what: 'the comment', timeoutMs: 50_000 });
    expect(await this.end()).toBe(0);
    expect(pr.repository.checkRuns(pr.headSha)).toHaveLength(1);
    expect(pr.comments()).toHaveLength(1);
    expect(this.left()).toEqual([]);
  }

  /** How often each pipeline was begun. */
  async attempts(): Promise<number[]> {
    const source = await createDataSource({ databaseUrl: null, dataDir: this.dataDir }).initialize();
    const rows = await source.manager.find(ValidationPipeline);
    await source.destroy();
    return rows.map(({ attempt }) => attempt);
  }

  left = (): string[] => readdirSync(join(this.dataDir, 'workspaces'));

  markerRuns = (): boolean =>
    execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' })
      .split('\n')
      .some((line) => line.trim() === this.marker);
}

/** For the server and for who runs its scripts. */
function openFolder(prefix: string): string {
  const folder = mkdtempSync(join(tmpdir(), prefix));
  chmodSync(folder, 0o777);
  return folder;
}

// Side by side: they wait for most of their time, as GitHub is written to no oftener than once a second.
describe('a server that is killed in the middle', () => {
  it.concurrent.each(['setup', 'test'])('in %s starts over: one check, nothing left behind', (stage) =>
    Place.during(async (place) => {
      const { word, marker } = place;
      const once = `if [ ! -e ${word} ]; then touch ${word}; ${marker}; fi; echo the reason; exit 1`;
      const pr = await place.open(
        stage === 'setup' ? { setup_commands: once } : { setup_commands: 'true', test_commands: once },
      );
      await until(() => existsSync(word) && place.markerRuns(), 'the script');
      await place.kill();
      await until(() => !place.markerRuns(), 'the end of the script');
      expect(place.left()).toHaveLength(1);

      await place.start();
      expect(await place.checkOf(pr)).toMatchObject({ conclusion: 'failure' });
      await place.expectOneOfEach(pr);
      expect(await place.attempts()).toEqual([2]);
    }),
  );

  it.concurrent('three times over is said as our fault, with what to do', () =>
    Place.during(async (place) => {
      const pr = await place.open({ test_commands: place.marker });
      for (let attempt = 1; attempt <= 3; attempt++) {
        await until(place.markerRuns, `the script for the ${attempt}th time`);
        await place.kill();
        await until(() => !place.markerRuns(), 'the end of the script');
        await place.start();
      }
      const check = await place.checkOf(pr);
      expect(check).toMatchObject({ conclusion: 'cancelled' });
      expect(check!.title).toMatch(/^Could not be validated: it was begun 3 times/);
      expect(check!.summary).toContain('not of the pull request');
      expect(check!.summary).toMatch(
        /\/codegen retry.*whoever operates CodegenApp: see why the worker ended/,
      );
      await place.expectOneOfEach(pr);
    }),
  );

  it.concurrent.each([
    ['the check was made', { method: 'POST', path: /check-runs$/ }],
    ['the comment was made', { method: 'POST', path: /issues\/\d+\/comments$/ }],
    ['the verdict was written', { method: 'PATCH', path: /check-runs\/\d+$/ }],
  ] as const)('after %s and before that was noted, makes no second one', (_effect, request) =>
    Place.during(async (place) => {
      const fault = place.github.fault({ ...request, hang: true, onlyAfterEffect: true });
      const pr = await place.open({ test_commands: 'echo the reason; exit 1' });
      await place.github.waitFor(() => fault.hits > 0, { what: 'the request', timeoutMs: 50_000 });
      await place.kill();

      await place.start();
      expect(await place.checkOf(pr)).toMatchObject({ conclusion: 'failure' });
      await place.expectOneOfEach(pr);
    }),
  );

  it.concurrent('told to end, gives a running pipeline back without spending its attempt', () =>
    Place.during(async (place) => {
      const { word } = place;
      const pr = await place.open({
        test_commands: `if [ ! -e ${word} ]; then touch ${word}; sleep 1000; fi`,
      });
      await until(() => existsSync(word), 'the script');
      expect(await place.end()).toBe(0);
      expect(place.left()).toEqual([]);
      await place.start();
      expect(await place.checkOf(pr)).toMatchObject({ conclusion: 'success' });
      expect(await place.end()).toBe(0);
      expect(await place.attempts()).toEqual([1]);
    }),
  );
});
