/** The whole App in this process, on a fake GitHub: what a story acts on. */
import { existsSync, mkdtempSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { ValidationPipeline } from '../../src/database/entities/index.js';
import type { StageName } from '../../src/domain/pipeline.js';
import { buildApp, type App } from '../../src/app.js';
import type { Overrides } from '../../src/app/overrides.js';
import { readConfig } from '../../src/config.js';
import { removeTree } from '../../src/git/remove-tree.js';
import type { QueueCounts } from '../../src/queue/contract.js';
import { ImpatientOctokit } from './fake-github/clients.js';
import {
  FakeGitHub,
  type Change,
  type CheckRun,
  type Delivery,
  type FakeRepository,
  type WebhookEvent,
} from './fake-github/index.js';

export interface StoryOptions {
  /** One that was started already. */
  github?: FakeGitHub;
  env?: Record<string, string>;
  overrides?: Overrides;
  /** An empty folder; by default one that is deleted afterwards. */
  dataDir?: string;
  /** Takes the App's credentials away, as where only GITHUB_TOKEN is set. */
  withoutApp?: boolean;
}

const SEEN = {
  id: true,
  status: true,
  conclusion: true,
  currentStep: true,
  updatedAt: true,
  leaseUntil: true,
} as const;

export class Story {
  private constructor(
    readonly github: FakeGitHub,
    readonly dataDir: string,
    private readonly options: StoryOptions,
  ) {}

  app!: App;
  port = 0;
  /** What the App has warned of: told where it does not come to an end. */
  private readonly warnings: string[] = [];

  /** Starts GitHub and the App. */
  static async begin(options: StoryOptions = {}): Promise<Story> {
    const github = options.github ?? (await FakeGitHub.start());
    const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'codegenapp-story-'));
    const story = new Story(github, dataDir, options);
    await story.startApp();
    return story;
  }

  /** @param overrides for this start only. @param port a free one where it is 0 */
  async startApp(overrides: Overrides = {}, port = 0): Promise<void> {
    const { environment } = this.github;
    const config = readConfig({
      ...environment,
      ...(this.options.withoutApp ? { APP_ID: '', PRIVATE_KEY: '' } : {}),
      HOST: '127.0.0.1',
      PORT: String(port),
      DATA_DIR: this.dataDir,
      LOG_FILE: '',
      API_TOKEN: 'a token of the tests',
      // A browser takes 10 s for a page: only stories about it name one.
      CHROME_PATH: '/nowhere/chromium',
      ...this.options.env,
    });
    const level = process.env['STORY_LOG'];
    const log = level
      ? pino({ level })
      : pino({ level: 'warn' }, { write: (line) => this.warnings.push(line) });
    this.app = await buildApp(config, {
      Octokit: ImpatientOctokit,
      log,
      ...this.options.overrides,
      ...overrides,
    });
    this.port = await this.app.listen();
    await this.app.work();
    this.github.webhookUrl = `${this.url}/api/github/webhooks`;
  }

  /** Ends both; fails with what GitHub would not have taken. */
  async end(): Promise<void> {
    try {
      await this.app.stop(0);
    } finally {
      if (!this.options.dataDir) await removeTree(this.dataDir);
      await this.github.stop();
    }
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Asks the App's own HTTP API, as its operator. */
  async ask(path: string, init: RequestInit = {}): Promise<Response> {
    return fetch(`${this.url}${path}`, {
      ...init,
      headers: {
        authorization: 'Bearer a token of the tests',
        'content-type': 'application/json',
        ...init.headers,
      },
    });
  }

  /** Delivers webhooks one after the other, each accepted. */
  async deliver(...changes: (Change | WebhookEvent)[]): Promise<Delivery[]> {
    const deliveries = [];
    for (const change of changes) deliveries.push(await this.github.deliver(change));
    return deliveries;
  }

  /** Looks again and again: for what nothing announces. */
  until = until;

  /** Resolves when nothing is queued or being worked on. */
  async settled(): Promise<void> {
    await until(async () => {
      const { queued, running } = (await (await this.ask('/webhooks/health')).json()) as QueueCounts;
      return queued + running === 0;
    }, this.whatIsQueued);
  }

  private readonly whatIsQueued = async (): Promise<string> => {
    const { read, kind } = this.app.database;
    const tables = kind === 'postgres' ? ['jobs', 'graphile_worker.jobs', 'queue_workers'] : ['jobs'];
    const rows = tables.map(async (table) => [table, await read.query<object[]>(`SELECT * FROM ${table}`)]);
    const found = {
      ...Object.fromEntries(await Promise.all(rows)),
      pipelines: await read.find(ValidationPipeline, { select: SEEN }),
      workspaces: workspacesIn(this.dataDir),
    } as object;
    return `an empty queue; there are ${JSON.stringify(found, null, 1)}\n${this.warnings.slice(-20).join('')}`;
  };

  /** Resolves when a pipeline is in this stage. */
  async running(currentStep: StageName): Promise<void> {
    await until(
      async () =>
        (await this.app.database.read.countBy(ValidationPipeline, { status: 'in_progress', currentStep })) >
        0,
      `a pipeline in ${currentStep}`,
    );
  }

  /** Our check run of a sha, once it is completed. */
  async completedCheck(repository: FakeRepository, sha: string, timeoutMs = 60_000): Promise<CheckRun> {
    return this.github.waitFor(
      () =>
        repository
          .checkRuns(sha)
          .find((run) => run.name === 'Codegen validation' && run.status === 'completed'),
      { what: `the completed check run of ${sha.slice(0, 7)}`, timeoutMs },
    ) as Promise<CheckRun>;
  }
}

/** Looks again and again: for what nothing announces. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string | (() => Promise<string>),
): Promise<void> {
  for (const end = Date.now() + 50_000; Date.now() < end; await sleep(20)) if (await condition()) return;
  throw new Error(`Waited in vain for ${typeof what === 'string' ? what : await what()}.`);
}

/** What is in the folder of workspaces, once there is one. */
export function workspacesIn(dataDir: string): string[] {
  const folder = join(dataDir, 'workspaces');
  return existsSync(folder) ? readdirSync(folder) : [];
}

/** A repository whose commands are these shell scripts. */
export function scripted(settings: Record<string, string | number | boolean>): Record<string, string> {
  return {
    'README.md': '# Scripted\n',
    '.github/codegenapp.yml': Object.entries(settings)
      .map(([key, value]) => `${key}: ${JSON.stringify(value)}\n`)
      .join(''),
  };
}
