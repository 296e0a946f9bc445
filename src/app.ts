/** The one place where parts are wired together; `app/` has them in groups. */
import type { RequestListener } from 'node:http';
import { loginLink } from './api/access.js';
import type { Common } from './app/common.js';
import { createOutcome } from './app/outcome.js';
import type { Overrides } from './app/overrides.js';
import { openStores } from './app/stores.js';
import { createWeb } from './app/web.js';
import { createWorker, openWorkplace } from './app/worker.js';
import type { Config } from './config.js';
import { prepareDataDir } from './data-dir.js';
import type { Database } from './database/database.js';
import { LeaseStore } from './database/lease-store.js';
import { createRedactor } from './domain/redaction.js';
import { Front } from './front.js';
import { GitHubAccess } from './github/access.js';
import { codegenApp } from './index.js';
import { createLogger, type Logger } from './logging.js';
import { Metrics } from './metrics.js';
import { PipelineActions } from './pipeline/actions.js';
import { ProjectLinker } from './pipeline/link-projects.js';
import { Reconciler } from './pipeline/reconcile.js';
import { DiskRetention } from './pipeline/disk-retention.js';
import { Retention } from './pipeline/retention.js';
import { PipelineStarter } from './pipeline/start.js';
import { observed } from './queue/observe.js';
import { isDead } from './queue/owner.js';
import { keptToken, secretsKey, secretsOf } from './secrets.js';
import { VERSION } from './version.js';
import { eventTable } from './webhooks/event-tables.js';
import { InboxWriter } from './webhooks/inbox-writer.js';
import { EventProcessor } from './webhooks/process.js';

/** Events and publications at once: both mostly wait for GitHub. */
const LIGHT_JOBS = 8;
/** After the grace: for stopping sandboxes and for requests under way. */
const LATE_MS = 10_000;

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
  const ownKey = await secretsKey(config);

  const stores = await openStores(config, ownKey, log);
  const { database, queue, projects, settings, pipelines, runs, commands, feed, shared } = stores;
  const metrics = new Metrics({ database, pipelines, queue, log });
  const github = await GitHubAccess.create(config.github, log, overrides.Octokit, (headers) =>
    metrics.githubAnswered(headers),
  );
  const front =
    overrides.front ??
    new Front({
      inbox: new InboxWriter(await eventTable(config)),
      webhookSecret: config.github.webhookSecret,
      log,
    });
  const { inbox } = front;
  inbox.onQueued = () => queue.nudge();
  const common: Common = {
    config,
    overrides,
    stores,
    ownKey,
    github,
    metrics,
    log,
    publicUrl: () => config.publicUrl ?? `http://localhost:${front.port ?? config.port}`,
    redactorOf: async (project) => {
      const { secrets = {} } = await settings.of(project.id);
      return createRedactor([...secretsOf(config), ...Object.values(secrets)]);
    },
  };

  const workplace = await openWorkplace(common, runsPipelines);
  const { workspaces, caches, trustedOnly } = workplace;
  const outcome = createOutcome(common);
  const { publisher, loop, follower, merger, followUp } = outcome;
  const worker = createWorker(common, workplace, outcome);
  const starter = new PipelineStarter({
    database,
    pipelines,
    settings,
    github,
    merger,
    config,
    trustedOnly,
  });
  const actions = new PipelineActions({ database, projects, pipelines, starter, github });
  const linker = new ProjectLinker({ database, projects, github, log });

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
  const reconciler = new Reconciler(
    {
      ...{ database, queue, leases: new LeaseStore(database), projects, pipelines, runs },
      ...{ starter, linker, github, log },
    },
    {
      byOne: [new Retention({ config, database, github, projects, storage: shared, log })],
      byEach: [new DiskRetention({ ...caches, config, database, workspaces, log })],
    },
  );

  let draining = false;
  let working: Promise<void> = Promise.resolve();
  const isDraining = () => draining;
  front.attach({
    http: createWeb(common, { actions, linker, inbox, outcome, token, isDraining }),
    findProject: (id) => projects.find(id),
    answered: (request) => metrics.requestAnswered(request),
    delivery: (event, result) => metrics.delivery(event, result),
  });

  return {
    log,
    database,
    http: front.listener,
    async listen() {
      feed?.start();
      const port = front.port ?? (await front.listen(config.port, config.host));
      log.info({ host: config.host, port, version: VERSION }, `listening on ${common.publicUrl()}`);
      // Not logged: the log hides the token, and files keep it longer than a terminal does.
      if (!given.apiToken) process.stdout.write(`Log in: ${loginLink(common.publicUrl(), token)}\n`);
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
