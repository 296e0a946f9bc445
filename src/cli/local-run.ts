/** The pipeline on a repository of this machine: the same runner and stages as the server's. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { prepareDataDir } from '../data-dir.js';
import { createRedactor } from '../domain/redaction.js';
import { loadSettingsFile } from '../domain/settings-extends.js';
import { resolveSettings } from '../domain/settings.js';
import { checkout } from '../git/checkout.js';
import { changesOf, readFileAt, resolveLocal, type LocalRevisions } from '../git/local.js';
import { RepositoryCache } from '../git/repository-cache.js';
import { Workspaces, type Workspace } from '../git/workspaces.js';
import { PipelineAbort, runPipeline, type FinishedRun, type PipelineObserver } from '../pipeline/run.js';
import { selectSandbox } from '../sandbox/select.js';
import { sandboxUser } from '../sandbox/user.js';
import { validators } from '../validators/index.js';
import type { Config } from '../config.js';

export interface LocalRunOptions {
  directory: string;
  head: string;
  base: string;
  config: Pick<Config, 'sandbox' | 'chromePath' | 'gemini'>;
  observer: PipelineObserver;
  /** Sentences that are no part of the result: which sandbox, what is not validated. */
  say(sentence: string): void;
  /** Called once the pipeline is over, while its logs still exist. */
  finished?(run: FinishedRun, revisions: LocalRevisions): Promise<void>;
}

/** A mistake in the settings file: the pipeline does not run on guesses. */
export class SettingsMistake extends Error {
  override name = 'SettingsMistake';
}

/** @throws RepositoryError, SettingsMistake, SandboxError: the pipeline could not run */
export async function runLocally(options: LocalRunOptions): Promise<FinishedRun> {
  const revisions = await resolveLocal(options.directory, options);
  if (revisions.uncommittedFiles > 0)
    options.say(
      `${revisions.uncommittedFiles} uncommitted files are not validated: only what ${options.head} holds.`,
    );
  const settings = await settingsOf(revisions);
  // The user's own code on the user's own machine: it may run without isolation, said so by the warnings.
  const { sandbox, totals, warnings } = await selectSandbox({
    mode: options.config.sandbox,
    production: false,
    loopbackOnly: true,
    log: { info: () => undefined, warn: () => undefined },
    privateDirectories: [],
  });
  warnings.forEach((warning) => options.say(warning));

  const folder = await mkdtemp(join(tmpdir(), 'codegenapp-'));
  await prepareDataDir(folder);
  const owner = sandboxUser();
  const workspaces = new Workspaces({ directory: folder, ...(owner ? { owner } : {}) });
  const cache = new RepositoryCache({ directory: folder });
  let workspace: Workspace | null = null;
  const controller = new AbortController();
  const interrupt = () => controller.abort(new PipelineAbort('cancelled', 'Interrupted.'));
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  try {
    workspace = await workspaces.create();
    const finished = await runPipeline({
      spec: {
        id: 'local',
        source: revisions.source,
        fetchRef: revisions.head.ref,
        headSha: revisions.head.sha,
        headRef: options.head,
        baseRef: options.base,
        pullRequestNumber: null,
        settings,
        heedSkipMarkers: false,
        secrets: {},
      },
      tools: {
        sandbox,
        totals,
        validators: validators(options.config),
        checkout: (request) => checkout(request, cache),
        gitToken: () => Promise.resolve(null),
        redactor: createRedactor([]),
        changes: () => changesOf(revisions.root, revisions.base.sha, revisions.head.sha),
      },
      workspace,
      logFile: (stage) => join(folder, 'logs', `${stage}.log`),
      signal: controller.signal,
      observer: options.observer,
    });
    await options.finished?.(finished, revisions);
    return finished;
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
    if (workspace) await workspaces.remove(workspace.name);
    await rm(folder, { recursive: true, force: true });
  }
}

async function settingsOf({ root, base }: LocalRevisions) {
  const own = { owner: 'local', repo: 'repository' };
  const { settings, problems } = await loadSettingsFile(
    (owner, repo, path) =>
      repo === own.repo && owner === own.owner ? readFileAt(root, base.sha, path) : Promise.resolve(null),
    own,
  );
  if (problems.length > 0)
    throw new SettingsMistake(
      problems.map(({ file, line, message }) => `${file}:${line}: ${message}`).join('\n'),
    );
  return resolveSettings({ file: settings }).settings;
}
