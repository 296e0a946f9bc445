/** Our server at work on a fake GitHub, and a person with a shell on the same repository. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { FakeGitHub, type FakeRepository } from '../support/fake-github/index.js';
import { scripted } from '../support/story.js';
import { startGitServer, type GitServer } from './git-server.js';
import { startProgram } from './own-process.js';
import { MeasuredProcess } from './processes.js';

interface Pipeline {
  conclusion: string;
  completedAt: string;
  stages: { name: string; startedAt: string | null; completedAt: string | null }[];
}

interface Listed {
  id: string;
  headSha: string;
  currentStep: string | null;
}

/** What happened in one pipeline, in milliseconds since 1970. */
export interface Timing {
  began: number;
  ended: number;
  /** How long the test commands took. */
  testMs: number;
}

export class Bench {
  private constructor(
    readonly github: FakeGitHub,
    readonly server: MeasuredProcess,
    private readonly git: GitServer,
  ) {}

  static async begin(env: Record<string, string> = {}): Promise<Bench> {
    const github = await FakeGitHub.start();
    github.openApi.comparesValues = false;
    const git = await startGitServer(github.directory);
    github.gitServer = git.url;
    const server = await MeasuredProcess.start('server', {
      ...github.environment,
      // Pipelines don't wait for what is written to GitHub, but the measurement would, a second for each.
      NODE_OPTIONS: `--import ${join(import.meta.dirname, '../support/impatient.mjs')}`,
      ...env,
    });
    github.webhookUrl = `http://127.0.0.1:${server.port}/api/github/webhooks`;
    return new Bench(github, server, git);
  }

  async end(): Promise<void> {
    await this.server.end();
    this.git.stop();
    await this.github.stop();
  }

  repository(fullName: string, test: string): FakeRepository {
    const settings = { setup_commands: 'true', deploy_commands: '', test_commands: test };
    return this.github.createRepository(fullName, { files: scripted(settings) });
  }

  /**
   * Opens pull requests that all arrive at once; resolves when all are validated.
   * @param files that they add
   */
  async validate(repositories: FakeRepository[], files: Record<string, string> = {}): Promise<Timing[]> {
    const pulls = repositories.map((repository) => ({ repository, pr: openPullRequest(repository, files) }));
    await Promise.all(pulls.map(({ pr }) => this.github.deliver(pr.opened)));
    await this.github.waitFor(
      () =>
        pulls.every(({ repository, pr }) =>
          repository.checkRuns(pr.headSha).some(({ status }) => status === 'completed'),
        ),
      { timeoutMs: 120_000 },
    );
    // Only now, so that the asking takes nothing from what is measured.
    const timings = await Promise.all(
      pulls.map(async ({ repository, pr }) => timing(await this.pipeline(repository.fullName, pr.headSha))),
    );
    await this.untilTidy();
    return timings;
  }

  /** Resolves when no workspace is left: removing them is not to hold up what is measured next. */
  private async untilTidy(): Promise<void> {
    while (readdirSync(join(this.server.dataDir, 'workspaces')).length > 0) await sleep(5);
  }

  /** Resolves when each of them has a pipeline whose tests run. */
  async untilTested(repositories: FakeRepository[]): Promise<void> {
    const isTested = async ({ fullName }: FakeRepository) =>
      (await this.pipelines(fullName)).some(({ currentStep }) => currentStep === 'test');
    while (!(await Promise.all(repositories.map(isTested))).every(Boolean)) await sleep(50);
  }

  /** The same commands for pull requests of these, as scripts in shells, all at once: milliseconds. */
  async runPlainly(repositories: FakeRepository[], test: string): Promise<number> {
    const scripts = repositories.map((repository) => this.plainScript(repository, test));
    const shells = startProgram(join(import.meta.dirname, 'plain.mjs'), [JSON.stringify(scripts)]);
    return (await shells.said<{ ms: number }>()).ms;
  }

  private plainScript(repository: FakeRepository, test: string): string {
    // It keeps nothing from one to the next, so a head that was validated does as well.
    const { headSha: sha } = repository.pullRequests.at(-1) ?? openPullRequest(repository);
    const url = `${this.github.url}/${repository.fullName}.git`;
    const login = Buffer.from(`x-access-token:${this.github.personalToken}`).toString('base64');
    return `
      git init -q . && git -c http.extraHeader="Authorization: Basic ${login}" fetch -q --depth 1 ${url} ${sha}
      git checkout -q FETCH_HEAD
      bash -eo pipefail -c 'true'
      bash -eo pipefail -c '${test}' > test.log`;
  }

  private async pipeline(fullName: string, sha: string): Promise<Pipeline> {
    const { id } = (await this.pipelines(fullName)).find(({ headSha }) => headSha === sha)!;
    const pipeline = await this.ask<Pipeline>(`/api/pipelines/${id}`);
    if (pipeline.conclusion !== 'success')
      throw new Error(`${fullName} was not validated: ${JSON.stringify(pipeline)}`);
    return pipeline;
  }

  private async pipelines(fullName: string): Promise<Listed[]> {
    const projects = await this.ask<{ items: { id: string }[] }>(`/api/projects?fullName=${fullName}`);
    const { items } = await this.ask<{ items: Listed[] }>(`/api/projects/${projects.items[0]!.id}/pipelines`);
    return items;
  }

  private async ask<T>(path: string): Promise<T> {
    const response = await fetch(`http://127.0.0.1:${this.server.port}${path}`, {
      headers: { authorization: 'Bearer a token of the bench' },
    });
    return (await response.json()) as T;
  }
}

let count = 0;

function openPullRequest(repository: FakeRepository, files: Record<string, string> = {}) {
  const branch = `feature-${++count}`;
  repository.commit(branch, { [`${branch}.txt`]: 'done', ...files });
  return repository.openPullRequest({ head: branch });
}

function timing({ stages, completedAt }: Pipeline): Timing {
  const { startedAt } = stages.find(({ name }) => name === 'clone')!;
  const test = stages.find(({ name }) => name === 'test')!;
  return {
    began: Date.parse(startedAt!),
    ended: Date.parse(completedAt),
    testMs: Date.parse(test.completedAt!) - Date.parse(test.startedAt!),
  };
}
