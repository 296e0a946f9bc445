/** Who runs pipelines, and where. */
import { join } from 'node:path';
import { ownDirectories } from '../data-dir.js';
import { StaleAttempt } from '../database/held-pipelines.js';
import type { PipelineStore } from '../database/pipeline-store.js';
import { Workspaces } from '../git/workspaces.js';
import type { Baseline } from '../pipeline/baseline.js';
import { openCaches } from '../pipeline/caches.js';
import { preparePipeline } from '../pipeline/prepare.js';
import type { Publisher } from '../pipeline/publish.js';
import { PipelineWorker, type WorkerOptions } from '../pipeline/worker.js';
import { newOwner } from '../queue/owner.js';
import { absentSandbox } from '../sandbox/absent.js';
import { selectSandbox } from '../sandbox/select.js';
import { sandboxUser } from '../sandbox/user.js';
import { secretsOf } from '../secrets.js';
import type { DatabaseStorage } from '../storage/database.js';
import { LogCopy } from '../storage/log-copy.js';
import { validators } from '../validators/index.js';
import type { Common } from './common.js';

export type Workplace = Awaited<ReturnType<typeof openWorkplace>>;

/**
 * The sandbox, the workspaces and what is kept from one pipeline to the next.
 * @param runsPipelines false: no sandbox is looked for
 * @throws OperationalError where there is none that the configuration asks for
 */
export async function openWorkplace(
  { config, overrides, log }: Pick<Common, 'config' | 'overrides' | 'log'>,
  runsPipelines: boolean,
) {
  const selected = overrides.sandbox
    ? { sandbox: overrides.sandbox, totals: overrides.totals ?? null, trustedOnly: false }
    : !runsPipelines
      ? // Workers look for themselves before they run a stranger's code.
        { sandbox: absentSandbox, totals: null, trustedOnly: config.sandbox === 'none' }
      : await selectSandbox({
          mode: config.sandbox,
          production: config.production,
          loopbackOnly: isLoopback(config.host),
          privateDirectories: [config.dataDir],
          ownDirectories: ownDirectories(config),
          concurrency: config.concurrency,
          log: { info: (message) => log.info(message), warn: (message) => log.warn(message) },
        });
  const owner = sandboxUser();
  const workspaces = new Workspaces({
    directory: config.dataDir,
    process: newOwner(),
    ...(owner ? { owner } : {}),
  });
  const caches = await openCaches(config.dataDir, selected.sandbox, {
    mount: runsPipelines ? overrides.overlay : false,
    setupBytes: overrides.setupCacheBytes,
    clearWorkspaces: () => workspaces.clear(),
  });
  if (runsPipelines) log.info(caches.says);
  return { ...selected, workspaces, caches };
}

/** Runs one pipeline after the other, from checkout to verdict. */
export function createWorker(
  { config, overrides, stores, github, log }: Common,
  { sandbox, totals, workspaces, caches }: Workplace,
  { baseline, publisher }: { baseline: Baseline; publisher: Publisher },
): PipelineWorker {
  const { projects, settings, pipelines, tokens, history, storage, shared } = stores;
  return new PipelineWorker({
    pipelines: pipelines.held,
    workspaces,
    logsDir: join(config.dataDir, 'logs'),
    prepare: (pipeline) =>
      preparePipeline(pipeline, {
        projects,
        settings,
        github,
        tokens,
        baseline,
        tools: {
          sandbox,
          totals,
          validators: validators(config),
          checkout: (request) => caches.checkout(request),
          setupCache: caches.setupCache,
          ...(overrides.limits ? { limits: overrides.limits } : {}),
          keepScreenshot: (id, png) => storage.keepScreenshot(id, png),
        },
        secrets: secretsOf(config),
        git: { host: config.github.host, webUrl: config.github.webUrl },
      }),
    publish: (id) => publisher.publishProgress(id),
    completed: async (pipeline) => {
      await baseline.completed(pipeline);
      await history.note(pipeline);
    },
    ...(shared ? { share: shareLogs(pipelines, shared) } : {}),
    log,
  });
}

/** While a pipeline runs its logs are copied into the database, fenced like every other write of a worker. */
function shareLogs(pipelines: PipelineStore, storage: DatabaseStorage): NonNullable<WorkerOptions['share']> {
  return async (held, folder, redactor, log) => {
    await pipelines.held.writeBeside(held, (tx) => storage.forgetLogs(tx, held.id));
    return new LogCopy({
      folder,
      redactor,
      log,
      isOver: (error) => error instanceof StaleAttempt,
      write: (rows, insteadOf) =>
        pipelines.held.writeBeside(held, async (tx) => {
          if (insteadOf) await storage.forgetLogs(tx, held.id, insteadOf);
          for await (const some of rows) await storage.append(tx, held.id, some);
        }),
    });
  };
}

const isLoopback = (host: string): boolean => ['localhost', '127.0.0.1', '::1'].includes(host);
