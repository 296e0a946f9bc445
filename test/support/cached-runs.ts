/** Pipelines on a repository of this machine that share a DATA_DIR, and with it the caches. */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createRedactor } from '../../src/domain/redaction.js';
import { prepareDataDir } from '../../src/data-dir.js';
import { defaultSettings } from '../../src/domain/settings.js';
import { checkout } from '../../src/git/checkout.js';
import { findOverlay } from '../../src/git/find-overlay.js';
import { removeTree } from '../../src/git/remove-tree.js';
import { RepositoryCache } from '../../src/git/repository-cache.js';
import { Trees } from '../../src/git/trees.js';
import { WorkspaceMounts } from '../../src/git/workspace-mounts.js';
import { Workspaces } from '../../src/git/workspaces.js';
import { setupScopeOf } from '../../src/pipeline/prepare.js';
import { runPipeline, type FinishedRun } from '../../src/pipeline/run.js';
import { SetupLayers } from '../../src/pipeline/setup-cache/layers.js';
import { SetupCache } from '../../src/pipeline/setup-cache/setup-cache.js';
import { selectSandbox } from '../../src/sandbox/select.js';
import { sandboxUser } from '../../src/sandbox/user.js';
import { HostedRepository } from './hosted-repository.js';
import { temporaryFolder } from './sample-git.js';

export interface CachedRun {
  setup: string;
  test: string;
  /** Null: the base branch's own. */
  pull?: number | null;
  fork?: boolean;
  rebuild?: boolean;
  secrets?: Record<string, string>;
}

export class CachedRuns {
  private constructor(
    readonly folder: string,
    readonly repository: HostedRepository,
    readonly workspaces: Workspaces,
    readonly mounts: WorkspaceMounts | null,
    readonly cache: RepositoryCache,
    readonly trees: Trees | null,
  ) {
    this.layers = this.newLayers();
  }

  layers: SetupLayers;
  private count = 0;

  /** @param mounted false: everything is copied */
  static async begin(mounted: boolean): Promise<CachedRuns> {
    const folder = temporaryFolder();
    const data = join(folder, 'data');
    await prepareDataDir(data);
    const owner = sandboxUser();
    const overlay = mounted ? await findOverlay(data, (await chosenSandbox()).sandbox) : null;
    if (typeof overlay === 'string') throw new Error(overlay);
    const mounts = overlay && new WorkspaceMounts(data, overlay, owner);
    const cache = new RepositoryCache({ directory: data, retryDelaysMs: [] });
    const workspaces = new Workspaces({ directory: data, process: 'test', ...(owner ? { owner } : {}) });
    const clearWorkspaces = () => workspaces.clear();
    return new CachedRuns(
      folder,
      new HostedRepository(join(folder, 'host'), 'octo/app'),
      workspaces,
      mounts,
      cache,
      mounts && new Trees({ directory: data, cache, mounts, clearWorkspaces }),
    );
  }

  get data(): string {
    return join(this.folder, 'data');
  }

  /** As another process has them. */
  newLayers(maxBytes?: number): SetupLayers {
    return new SetupLayers({ directory: this.data, maxBytes });
  }

  /** Commits files and validates that. */
  async run(
    files: Record<string, string>,
    { setup, test, pull = 1, fork = false, rebuild = false, secrets = {} }: CachedRun,
  ): Promise<FinishedRun & { setup: string; notes: string[] }> {
    const { repository, cache, trees } = this;
    const headSha = repository.commit(files, `Commit ${++this.count}`);
    repository.push('refs/heads/feature');
    const logs = join(this.folder, `logs-${this.count}`);
    mkdirSync(logs);
    const { sandbox } = await chosenSandbox();
    const workspace = await this.workspaces.create();
    try {
      const finished = await runPipeline({
        spec: {
          id: 'one',
          source: { host: 'local', fullName: 'local/app', url: repository.bare },
          fetchRef: 'refs/heads/feature',
          headSha,
          headRef: 'feature',
          baseRef: 'main',
          pullRequestNumber: pull,
          settings: { ...defaultSettings(), setup_commands: setup, test_commands: test },
          heedSkipMarkers: false,
          secrets: fork ? {} : secrets,
          setup: setupScopeOf({
            projectId: 'project',
            trigger: pull === null ? 'base' : 'event',
            baseRef: 'main',
            isFork: fork,
            rebuildSetup: rebuild,
            pullRequestNumber: pull,
          }),
        },
        tools: {
          sandbox,
          validators: [],
          checkout: (request) => (trees ? trees.checkout(request) : checkout(request, cache)),
          gitToken: () => Promise.resolve(null),
          redactor: createRedactor([]),
          setupCache: new SetupCache({
            layers: this.layers,
            mounts: this.mounts,
            machine: () => Promise.resolve('this machine'),
          }),
        },
        workspace,
        logFile: (stage) => join(logs, `${stage}.log`),
        signal: new AbortController().signal,
      });
      const stage = finished.stages.find(({ name }) => name === 'setup')!;
      return { ...finished, setup: stage.summary, notes: finished.run.results.notes };
    } finally {
      await this.workspaces.remove(workspace.name);
    }
  }

  async end(): Promise<void> {
    await removeTree(this.folder);
  }
}

/** Null where it can be. */
export async function whyNotMounted(): Promise<string | null> {
  const folder = temporaryFolder();
  const overlay = await findOverlay(folder, (await chosenSandbox()).sandbox);
  rmSync(folder, { recursive: true });
  return typeof overlay === 'string' ? overlay : null;
}

let sandboxes: ReturnType<typeof selectSandbox> | undefined;

const chosenSandbox = () =>
  (sandboxes ??= selectSandbox({
    mode: 'auto',
    production: false,
    loopbackOnly: true,
    log: { info: () => undefined, warn: () => undefined },
  }));
