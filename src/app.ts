/** The one place where parts are wired together. */
import type { RequestListener } from 'node:http';
import { join } from 'node:path';
import type { ProbotOctokit } from 'probot';
import { accessRouter, loginLink } from './api/access.js';
import { createAgentActions } from './agent/actions.js';
import { RunCallbacks } from './agent/callback.js';
import { createCodegenClient, type CodegenClient } from './agent/client.js';
import { FixLoop } from './agent/fix-loop.js';
import { RunFollower } from './agent/follow-run.js';
import type { HttpOptions } from './agent/http.js';
import { agentView } from './agent/view.js';
import { artifactRoutes } from './api/artifacts.js';
import { healthRoutes } from './api/health.js';
import type { ApiDeps } from './api/deps.js';
import { apiRouter } from './api/index.js';
import type { Config } from './config.js';
import { ownDirectories, prepareDataDir } from './data-dir.js';
import { AgentRunStore } from './database/agent-run-store.js';
import { CommandStore } from './database/command-store.js';
import { BaselineStore } from './database/baseline-store.js';
import { ChangeFeed } from './database/change-feed.js';
import { Database } from './database/database.js';
import { WebhookEvent, type Project, type ValidationPipeline } from './database/entities/index.js';
import { HistoryStore } from './database/history-store.js';
import { LeaseStore } from './database/lease-store.js';
import { StaleAttempt } from './database/held-pipelines.js';
import { PipelineStore } from './database/pipeline-store.js';
import { ProjectEditor } from './database/project-editor.js';
import { ProjectStore } from './database/project-store.js';
import { SettingsStore } from './database/settings-store.js';
import { TokenStore } from './database/token-store.js';
import { diskState } from './disk.js';
import { createRedactor } from './domain/redaction.js';
import { SecretBox } from './domain/secret-box.js';
import { Workspaces } from './git/workspaces.js';
import { GitHubAccess } from './github/access.js';
import { Front } from './front.js';
import { isPublicUrl } from './github/text.js';
import { httpApp } from './http.js';
import { codegenApp } from './index.js';
import { createLogger, type Logger } from './logging.js';
import { Metrics, metricsRoutes } from './metrics.js';
import { PipelineActions } from './pipeline/actions.js';
import { ProjectLinker } from './pipeline/link-projects.js';
import { FollowUp } from './pipeline/follow-up.js';
import { Merger } from './pipeline/merge.js';
import { screenshotToSend } from './pipeline/artifacts.js';
import { Baseline } from './pipeline/baseline.js';
import { Deployments } from './pipeline/deployments.js';
import { openCaches } from './pipeline/caches.js';
import { preparePipeline } from './pipeline/prepare.js';
import { Publisher } from './pipeline/publish.js';
import { Reconciler } from './pipeline/reconcile.js';
import { Retention } from './pipeline/retention.js';
import type { PipelineTools } from './pipeline/stage.js';
import { PipelineStarter } from './pipeline/start.js';
import { PipelineWorker, type WorkerOptions } from './pipeline/worker.js';
import { retryDelayMs, type Queue } from './queue/contract.js';
import { EmbeddedQueue } from './queue/embedded.js';
import { isDead, newOwner } from './queue/owner.js';
import { observed } from './queue/observe.js';
import { absentSandbox } from './sandbox/absent.js';
import type { Totals } from './sandbox/cgroup.js';
import type { Sandbox } from './sandbox/contract.js';
import { keptToken, secretsKey, secretsOf } from './secrets.js';
import { selectSandbox } from './sandbox/select.js';
import { sandboxUser } from './sandbox/user.js';
import { DatabaseStorage } from './storage/database.js';
import { FolderStorage } from './storage/folder.js';
import { LogCopy } from './storage/log-copy.js';
import { validators } from './validators/index.js';
import { VERSION } from './version.js';
import { openPages, pages, problemPage } from './web/index.js';
import { eventTable } from './webhooks/event-tables.js';
import { InboxWriter } from './webhooks/inbox-writer.js';
import { EventProcessor } from './webhooks/process.js';

/** Events and publications at once: both mostly wait for GitHub. */
const LIGHT_JOBS = 8;
/** After the grace: for stopping sandboxes and for requests under way. */
const LATE_MS = 10_000;

/** What is there already, and what tests put in the place of the real thing. */
export interface Overrides {
  /** One that listens, or will; without it the App makes its own. */
  front?: Front;
  Octokit?: typeof ProbotOctokit;
  sandbox?: Sandbox;
  totals?: Totals | null;
  limits?: PipelineTools['limits'];
  /** False: files are copied, as where nothing can be mounted. */
  overlay?: false;
  /** What the setup cache may take on the disk. */
  setupCacheBytes?: number;
  log?: Logger;
  /** How requests to Codegen are sent and repeated. */
  codegen?: Partial<HttpOptions> & { pauseMs?: (failures: number) => number };
}

export interface App {
  readonly log: Logger;
  readonly database: Database;
  readonly http: RequestListener;
  /** Begins to serve; resolves with the port. */
  listen(): Promise<number>;
  /** Begins to work on events and pipelines. */
  work(): Promise<void>;
  /** Stops taking work, gives running pipelines `graceMs`, then hands them back; afterwards nothing is left open. */
  stop(graceMs: number): Promise<void>;
}

/**
 * @param runsPipelines false where `work` is never called: then no sandbox is looked for
 * @throws OperationalError where the database, the sandbox or the data directory can't be used
 */
export async function buildApp(
  given: Config,
  overrides: Overrides = {},
  { runsPipelines = true } = {},
): Promise<App> {
  await prepareDataDir(given.dataDir);
  const token = given.apiToken ?? (await keptToken(given.dataDir));
  const config = { ...given, apiToken: token };
  const ownSecrets = createRedactor(secretsOf(config));
  const log = overrides.log ?? (await createLogger(config.log, (line) => ownSecrets.redact(line)));

  const database = await Database.open(config);
  const queue = await openQueue(database, config, log);
  const projects = new ProjectStore(database, config.github.webUrl);
  const ownKey = await secretsKey(config);
  const settings = new SettingsStore(database, new SecretBox(ownKey));
  const pipelines = new PipelineStore(database, queue);
  const feed = config.databaseUrl ? new ChangeFeed(config.databaseUrl, pipelines.jobs.events, log) : null;
  const stored = feed ? new DatabaseStorage(database, feed) : null;
  const storage = stored ?? new FolderStorage(config.dataDir);
  const metrics = new Metrics({ database, pipelines, queue, log });
  const github = await GitHubAccess.create(config.github, log, overrides.Octokit, (headers) =>
    metrics.githubAnswered(headers),
  );

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
  const caches = await openCaches(config.dataDir, {
    mount: overrides.overlay,
    setupBytes: overrides.setupCacheBytes,
  });
  log.info(caches.says);
  const merger = new Merger({ database, queue, projects, pipelines, github, log });
  const starter = new PipelineStarter({
    database,
    pipelines,
    settings,
    github,
    merger,
    config,
    trustedOnly: selected.trustedOnly,
  });
  const front =
    overrides.front ??
    new Front({
      inbox: new InboxWriter(await eventTable(config)),
      webhookSecret: config.github.webhookSecret,
      log,
    });
  const { inbox } = front;
  inbox.onQueued = () => queue.nudge();
  const actions = new PipelineActions({ database, projects, pipelines, starter, github });
  const linker = new ProjectLinker({ database, projects, github, log });

  let draining = false;
  let working: Promise<void> = Promise.resolve();
  const publicUrl = () => config.publicUrl ?? `http://localhost:${front.port ?? config.port}`;
  const redactorFor = async (project: Pick<Project, 'id'>) => {
    const { secrets = {} } = await settings.of(project.id);
    return createRedactor([...secretsOf(config), ...Object.values(secrets)]);
  };
  const redactorOf = async (project: Project) => (await redactorFor(project)).redact;
  const runs = new AgentRunStore(database, queue);
  const client = createClient(config, overrides);
  const agentConfigured = client !== null;
  const callbacks = new RunCallbacks(
    ownKey,
    config.publicUrl !== null && isPublicUrl(config.publicUrl) ? config.publicUrl : null,
  );
  const screenshotOf = (pipeline: ValidationPipeline) =>
    screenshotToSend(storage, publicUrl(), pipeline.validationResults);
  const baseline: Baseline = new Baseline({
    database,
    pipelines,
    known: new BaselineStore(database),
    republish: (id) => publisher.republish(id),
  });
  const loop = new FixLoop({
    database,
    pipelines,
    runs,
    github,
    agentConfigured,
    baseAwaited: (pipeline) => baseline.awaited(pipeline),
    screenshotOf,
    redactorOf,
  });
  const follower =
    client &&
    new RunFollower({
      database,
      projects,
      pipelines,
      runs,
      github,
      client,
      pollSeconds: config.codegen!.pollSeconds,
      pauseMs: overrides.codegen?.pauseMs ?? retryDelayMs,
      redactorOf,
      callbacks,
      screenshotOf,
      log,
    });
  const followUp = new FollowUp({
    database,
    projects,
    pipelines,
    runs,
    github,
    loop,
    follower,
    merger,
    baseline,
    deployments: new Deployments({
      projects,
      pipelines,
      github,
      publicUrl,
      observe: (outcome) => metrics.deployment(outcome),
      log,
    }),
  });
  const publisher = new Publisher({
    projects,
    pipelines,
    github,
    publicUrl,
    redactorOf,
    log,
    agentView: async (pipeline) => agentView(pipeline, await runs.ofPipeline(pipeline.id), agentConfigured),
  });
  const history = new HistoryStore(database);
  const tokens = new TokenStore(database);
  const worker = new PipelineWorker({
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
          sandbox: selected.sandbox,
          totals: selected.totals,
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
    completed: async (id) => {
      await baseline.completed(id);
      await history.note(id);
    },
    ...(stored ? { share: shareLogs(pipelines, stored) } : {}),
    log,
  });

  const commands = new CommandStore(database);
  for (const bot of [github.app, github.tokenBot])
    await bot?.load(
      codegenApp({
        database,
        projects,
        pipelines,
        starter,
        actions,
        runs,
        loop,
        merger,
        commands,
        github,
        log,
      }),
    );
  const events = new EventProcessor(database, github, log);

  const resources: ApiDeps = {
    database,
    projects,
    editor: new ProjectEditor({ database, queue, settings, pipelines, webUrl: config.github.webUrl }),
    settings,
    pipelines,
    actions,
    linker,
    agent: client && createAgentActions({ database, runs, pipelines, client }),
    callbacks,
    inbox,
    storage,
    publicUrl,
    redactorOf: redactorFor,
    log,
  };
  const reconciler = new Reconciler(
    {
      ...{ database, queue, leases: new LeaseStore(database), projects, pipelines, runs },
      ...{ starter, linker, github, log },
    },
    [
      new Retention({
        ...caches,
        config,
        database,
        workspaces,
        cache: caches.repositories,
        github,
        projects,
        storage: stored,
        log,
      }),
    ],
  );

  const http = httpApp({
    log,
    // Screenshots before the login: GitHub fetches them, by names that nobody can guess.
    routers: [
      artifactRoutes(storage),
      openPages(database),
      accessRouter({ token, host: config.host, publicUrl }),
      metricsRoutes(metrics),
      apiRouter(resources),
      pages({ ...resources, runs, loop, github, history, webUrl: config.github.webUrl }),
    ],
    problemPage,
    health: healthRoutes({
      version: VERSION,
      askDatabase: async () => void (await database.read.query('SELECT 1')),
      counts: () => queue.counts(),
      lastEventAt: () => lastEventAt(database),
      isDraining: () => draining,
      disk: async () => {
        const { says, isFull } = await diskState(config.dataDir);
        return { says, isFull: isFull && config.databaseUrl === null };
      },
      github: () => (github.app ? 'app' : 'token'),
    }),
  });

  front.attach({
    http,
    findProject: (id) => projects.find(id),
    answered: (request) => metrics.requestAnswered(request),
    delivery: (event, outcome) => metrics.delivery(event, outcome),
  });

  return {
    log,
    database,
    http: front.listener,
    async listen() {
      feed?.start();
      const port = front.port ?? (await front.listen(config.port, config.host));
      log.info({ host: config.host, port, version: VERSION }, `listening on ${publicUrl()}`);
      // Not logged: the log hides the token, and files keep it longer than a terminal does.
      if (!given.apiToken) process.stdout.write(`Log in: ${loginLink(publicUrl(), token)}\n`);
      return port;
    },
    work() {
      working = beginWork();
      return working;
    },
    async stop(graceMs) {
      draining = true;
      // Told to end while it was still beginning: what begins after the end would fail.
      await working.catch(() => undefined);
      follower?.close();
      const idle = queue.stop();
      await reconciler.stop();
      let late: NodeJS.Timeout | undefined;
      const grace = setTimeout(() => {
        void worker.abandonAll();
        late = setTimeout(giveUp, LATE_MS);
      }, graceMs);
      let giveUp = () => {};
      // A job that waits for GitHub's rate limit may wait for minutes: it is begun again by whoever comes next.
      await Promise.race([idle, new Promise<void>((resolve) => (giveUp = resolve))]);
      clearTimeout(grace);
      clearTimeout(late);
      worker.close();
      await front.close();
      await feed?.stop();
      await database.close();
    },
  };

  async function beginWork(): Promise<void> {
    feed?.start();
    await workspaces.removeStale(isDead);
    await queue.start(
      observed(
        {
          event: { handler: (job) => events.process(job), concurrency: LIGHT_JOBS },
          publish: { handler: (job) => publisher.publish(job.subject), concurrency: LIGHT_JOBS },
          agent: { handler: (job) => followUp.handle(job), concurrency: LIGHT_JOBS },
          pipeline: { handler: (job) => worker.run(job.subject), concurrency: config.concurrency },
        },
        (kind, job) => metrics.jobBegan(kind, job),
      ),
    );
    reconciler.start();
  }
}

async function openQueue(database: Database, { databaseUrl }: Config, log: Logger): Promise<Queue> {
  if (databaseUrl === null) return new EmbeddedQueue(database, log);
  const { requireQueueSchema } = await import('./queue/graphile-schema.js');
  const { GraphileQueue } = await import('./queue/graphile.js');
  try {
    await requireQueueSchema(database);
  } catch (error) {
    await database.close();
    throw error;
  }
  return new GraphileQueue(database, databaseUrl, log);
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

/** Null without access to Codegen. */
function createClient({ codegen }: Config, overrides: Overrides): CodegenClient | null {
  if (!codegen) return null;
  const { apiKey, orgId: organization, baseUrl } = codegen;
  return createCodegenClient({ apiKey, organization, baseUrl, ...overrides.codegen });
}

const isLoopback = (host: string): boolean => ['localhost', '127.0.0.1', '::1'].includes(host);

async function lastEventAt(database: Database): Promise<Date | null> {
  const row = await database.read.findOne(WebhookEvent, {
    select: { id: true, receivedAt: true },
    where: {},
    order: { id: 'DESC' },
  });
  return row?.receivedAt ?? null;
}
