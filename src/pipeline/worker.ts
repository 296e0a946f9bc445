/** Runs the pipelines of this process: takes them, keeps their leases, completes them. */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDatabaseAway } from '../database/away.js';
import {
  MAX_ATTEMPTS,
  StaleAttempt,
  type Completion,
  type Held,
  type HeldPipelines,
} from '../database/held-pipelines.js';
import type { ValidationPipeline } from '../database/entities/index.js';
import { OperationalError, messageOf } from '../domain/errors.js';
import { createRedactor } from '../domain/redaction.js';
import type { Workspace, Workspaces } from '../git/workspaces.js';
import type { Logger } from '../logging.js';
import { newOwner } from '../queue/owner.js';
import { prepareToStart } from '../spawner/spawner.js';
import { ProgressWriter } from './progress.js';
import { PipelineAbort, runPipeline } from './run.js';
import type { PipelineSpec, PipelineTools } from './stage.js';

const RENEW_MS = 15_000;
/** How soon a pipeline that another process cancelled is stopped. */
const LOOK_MS = 2_000;
/** Before the second attempt after a fault of ours; twice that before the third. */
const RETRY_MS = 5_000;
/** How long a result waits for a database that is away. */
const PERSIST_MS = 10 * 60_000;
const PERSIST_PAUSE_MS = 1_000;

export interface PreparedPipeline {
  spec: PipelineSpec;
  tools: PipelineTools;
}

export interface WorkerOptions {
  pipelines: HeldPipelines;
  workspaces: Workspaces;
  /** Where the logs of pipelines are kept, one folder each. */
  logsDir: string;
  /** Reads the project's settings and all that a run needs. */
  prepare: (pipeline: ValidationPipeline) => Promise<PreparedPipeline>;
  /** Brings what the row says to GitHub. */
  publish: (pipelineId: string) => Promise<void>;
  /** Told of every pipeline that ran to its end; what it throws is logged. */
  completed?: (pipeline: ValidationPipeline) => Promise<void>;
  /** Shows the log files of a running pipeline to other processes, where there may be some. */
  share?: (
    held: Held,
    folder: string,
    redactor: PipelineTools['redactor'],
    log: Logger,
  ) => Promise<SharedLogs>;
  log: Logger;
}

export interface SharedLogs {
  /** All of them, once nobody writes any more. */
  finish(): Promise<void>;
  /** Leaves the rest out. */
  close(): Promise<void>;
}

interface Running extends Held {
  controller: AbortController;
}

export class PipelineWorker {
  private readonly owner = newOwner();
  private readonly running = new Map<string, Running>();
  private readonly timers: NodeJS.Timeout[];
  private abandoning = false;

  constructor(private readonly options: WorkerOptions) {
    const { pipelines, log } = options;
    const complain = (error: unknown) =>
      log.warn({ err: error }, 'the running pipelines could not be looked after');
    this.timers = [
      setInterval(() => void this.look().catch(complain), LOOK_MS),
      setInterval(() => void this.renew().catch(complain), RENEW_MS),
    ];
    pipelines.onCancel((id) => {
      if (this.running.has(id)) void this.look().catch(complain);
    });
  }

  /** The handler of pipeline jobs. */
  async run(pipelineId: string): Promise<void> {
    const { pipelines, log } = this.options;
    const pipeline = await pipelines.take(pipelineId, this.owner);
    if (pipeline === null) return;
    if (pipeline === 'held')
      throw new Error('another worker holds this pipeline, or died with it a moment ago');

    const { id, attempt } = pipeline;
    const held: Running = { id, attempt, owner: this.owner, controller: new AbortController() };
    const logger = log.child({ attempt });
    // Told to end while it was being taken.
    if (this.abandoning) return pipelines.giveBack(held, { spent: false, delayMs: 0 });
    this.running.set(pipelineId, held);
    try {
      await this.work(pipeline, held, logger);
    } catch (error) {
      if (error instanceof StaleAttempt || (error instanceof PipelineAbort && error.kind === 'abandoned')) {
        logger.warn({ err: error }, 'this worker lost the pipeline to another attempt');
        return;
      }
      throw error;
    } finally {
      this.running.delete(pipelineId);
      // Until then those that go on have the processor.
      if (this.running.size === 0) await this.options.workspaces.clear();
    }
  }

  /** Ends what runs without spending its attempt, so that another worker goes on with it. */
  async abandonAll(): Promise<void> {
    this.abandoning = true;
    for (const held of this.running.values()) {
      held.controller.abort(new PipelineAbort('abandoned', 'this worker is shutting down'));
      await this.options.pipelines.giveBack(held, { spent: false, delayMs: 0 }).catch(() => undefined);
    }
  }

  close(): void {
    this.timers.forEach(clearInterval);
  }

  private async work(pipeline: ValidationPipeline, held: Running, log: Logger): Promise<void> {
    const { pipelines, workspaces } = this.options;
    const instead = insteadOfRunning(pipeline);
    if (instead) return void (await pipelines.complete(held, instead, []));

    let workspace: Workspace | null = null;
    let { redact } = createRedactor([]);
    const progress = new ProgressWriter(held, pipelines, this.options.publish, log);
    let shared: SharedLogs | null = null;
    try {
      prepareToStart();
      const { spec, tools } = await this.options.prepare(pipeline);
      redact = tools.redactor.redact;
      workspace = await workspaces.create();
      const { share } = this.options;
      const logs = share ? join(workspace.folder, 'logs') : await this.freshLogs(pipeline.id);
      if (share) {
        await mkdir(logs, { mode: 0o700 });
        shared = await share(held, logs, tools.redactor, log);
      }
      const finished = await runPipeline({
        spec,
        tools,
        workspace,
        logFile: (stage) => join(logs, `${stage}.log`),
        signal: held.controller.signal,
        observer: progress,
      });
      await progress.close();
      await this.persist(async () => shared?.finish());
      const { conclusion, reason, run } = finished;
      const completed = await this.persist(() =>
        pipelines.complete(
          held,
          { conclusion, reason, results: run.results },
          progress.unsavedOf(finished.stages),
        ),
      );
      log.info({ conclusion: finished.conclusion }, 'pipeline completed');
      await this.options
        .completed?.(completed)
        .catch((error: unknown) => log.warn({ err: error }, 'what follows a completion was left out'));
    } catch (error) {
      await progress.close();
      await shared?.finish().catch((cause: unknown) => log.warn({ err: cause }, 'a log is not whole'));
      await this.failed(error, pipeline, held, redact, log);
    } finally {
      await shared?.close();
      if (workspace)
        workspaces.discard(workspace.name, (error) => log.warn({ err: error }, 'workspace was not removed'));
    }
  }

  private async failed(
    error: unknown,
    pipeline: ValidationPipeline,
    held: Running,
    redact: (text: string) => string,
    log: Logger,
  ): Promise<void> {
    const { pipelines } = this.options;
    if (error instanceof StaleAttempt || error instanceof PipelineAbort) throw error;
    log.error({ err: error }, 'pipeline broke');
    const final = error instanceof OperationalError && !error.retryable;
    if (!final && pipeline.attempt < MAX_ATTEMPTS) {
      return this.persist(() =>
        pipelines.giveBack(held, { spent: true, delayMs: RETRY_MS * pipeline.attempt }),
      );
    }
    const advice = error instanceof OperationalError ? error.advice : '';
    const fault = ourFault(redact(messageOf(error)), redact(advice));
    await this.persist(() => pipelines.complete(held, fault, []));
  }

  /** Repeats a write while the database is away: what a pipeline found out is worth waiting for. */
  private async persist<T>(write: () => Promise<T>): Promise<T> {
    for (const end = Date.now() + PERSIST_MS; ;) {
      try {
        return await write();
      } catch (error) {
        if (!isDatabaseAway(error) || Date.now() > end || this.abandoning) throw error;
        this.options.log.warn({ err: error }, 'the database is away: the result is written when it is back');
        await sleep(PERSIST_PAUSE_MS);
      }
    }
  }

  private async freshLogs(pipelineId: string): Promise<string> {
    const folder = join(this.options.logsDir, pipelineId);
    // There is one of an earlier attempt, or none of any pipeline.
    await mkdir(folder, { mode: 0o700 }).catch(async () => {
      await rm(folder, { recursive: true, force: true });
      await mkdir(folder, { recursive: true, mode: 0o700 });
    });
    return folder;
  }

  private async look(): Promise<void> {
    const stopped = await this.options.pipelines.stopped([...this.running.values()]);
    for (const [id, { cancelReason }] of stopped) {
      const held = this.running.get(id);
      if (!held || held.controller.signal.aborted) continue;
      held.controller.abort(
        cancelReason === null
          ? new PipelineAbort('abandoned', 'another worker has taken this pipeline over')
          : new PipelineAbort('cancelled', cancelReason),
      );
    }
  }

  private async renew(): Promise<void> {
    for (const held of this.running.values()) {
      try {
        await this.options.pipelines.renew(held);
      } catch (error) {
        if (!(error instanceof StaleAttempt)) throw error;
        held.controller.abort(new PipelineAbort('abandoned', error.message));
      }
    }
  }
}

function insteadOfRunning({ cancelReason, attempt }: ValidationPipeline): Completion | null {
  if (cancelReason !== null) return { conclusion: 'cancelled', reason: cancelReason };
  if (attempt <= MAX_ATTEMPTS) return null;
  return ourFault(
    `It was begun ${MAX_ATTEMPTS} times and the worker ended each time before it was done.`,
    'See why the worker ended: its log, what restarts it, and whether the machine ran out of memory (dmesg).',
  );
}

/** Never a failure: the pull request has nothing to do with it. */
function ourFault(errorMessage: string, advice: string): Completion {
  return { conclusion: 'cancelled', reason: advice || null, errorMessage };
}
