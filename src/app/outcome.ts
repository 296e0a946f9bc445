/** What comes of a verdict: its report, its fix by an agent, its merge. */
import { RunCallbacks } from '../agent/callback.js';
import { createCodegenClient, type CodegenClient } from '../agent/client.js';
import { FixLoop } from '../agent/fix-loop.js';
import { RunFollower } from '../agent/follow-run.js';
import { agentView } from '../agent/view.js';
import { BaselineStore } from '../database/baseline-store.js';
import type { Project, ValidationPipeline } from '../database/entities/index.js';
import { isPublicUrl } from '../github/text.js';
import { screenshotToSend } from '../pipeline/artifacts.js';
import { Baseline } from '../pipeline/baseline.js';
import { Deployments } from '../pipeline/deployments.js';
import { FollowUp } from '../pipeline/follow-up.js';
import { Merger } from '../pipeline/merge.js';
import { Publisher } from '../pipeline/publish.js';
import { retryDelayMs } from '../queue/contract.js';
import type { Common } from './common.js';

export type Outcome = ReturnType<typeof createOutcome>;

export function createOutcome(common: Common) {
  const { config, overrides, stores, github, metrics, log, publicUrl } = common;
  const { database, queue, projects, pipelines, runs, storage } = stores;
  const redactorOf = async (project: Project) => (await common.redactorOf(project)).redact;
  const screenshotOf = (pipeline: ValidationPipeline) =>
    screenshotToSend(storage, publicUrl(), pipeline.validationResults);
  const client = createClient(common);
  const agentConfigured = client !== null;
  const callbacks = new RunCallbacks(
    common.ownKey,
    config.publicUrl !== null && isPublicUrl(config.publicUrl) ? config.publicUrl : null,
  );
  const publisher = new Publisher({
    projects,
    pipelines,
    github,
    publicUrl,
    redactorOf,
    log,
    agentView: async (pipeline) => {
      // What is not completed is nothing to be fixed yet.
      const run = pipeline.status === 'completed' ? await runs.ofPipeline(pipeline.id) : null;
      return agentView(pipeline, run, agentConfigured);
    },
  });
  const baseline = new Baseline({
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
  const merger = new Merger({ database, queue, projects, pipelines, github, log });
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
  return { client, callbacks, publisher, baseline, loop, follower, merger, followUp };
}

/** Null without access to Codegen. */
function createClient({ config: { codegen }, overrides }: Common): CodegenClient | null {
  if (!codegen) return null;
  const { apiKey, orgId: organization, baseUrl } = codegen;
  return createCodegenClient({ apiKey, organization, baseUrl, ...overrides.codegen });
}
