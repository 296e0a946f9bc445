/** Takes one pipeline through its stages. Knows nothing of GitHub, the database or the terminal: observers do. */
import type { FileChange } from '../domain/changes.js';
import { messageOf } from '../domain/errors.js';
import {
  STAGE_NAMES,
  emptyResults,
  type PipelineResults,
  type StageName,
  type StageRecord,
} from '../domain/pipeline.js';
import type { Workspace } from '../git/workspaces.js';
import { redactResults } from '../github/view.js';
import { formatDuration } from '../domain/duration.js';
import type { Settings } from '../domain/settings.js';
import { judgeSuspect, setUpAnew } from './again.js';
import { conclude, type PipelineOutcome } from './conclude.js';
import { freePort } from './free-port.js';
import type { PipelineRun, PipelineSpec, PipelineTools, Stage, StageResult } from './stage.js';
import { stages } from './stages/index.js';

export interface PipelineObserver {
  stageChanged?(record: Readonly<StageRecord>, run: Readonly<PipelineRun>): void;
}

export interface RunOptions {
  spec: PipelineSpec;
  tools: PipelineTools;
  workspace: Workspace;
  logFile: (stage: StageName) => string;
  /** Aborted with a PipelineAbort. */
  signal: AbortSignal;
  observer?: PipelineObserver;
  stages?: readonly Stage[];
  /** For the pipeline as a whole; by default what its stages may take together, and 10 min. */
  timeLimitMs?: number;
}

/** Why a pipeline was told to stop. */
export class PipelineAbort extends Error {
  override name = 'PipelineAbort';
  /**
   * @param kind `cancelled`, `timed_out`: it ends with this reason; `abandoned`: somebody else goes on with it, so
   * nothing may be written any more
   */
  constructor(
    readonly kind: 'cancelled' | 'timed_out' | 'abandoned',
    reason: string,
  ) {
    super(reason);
  }
}

export interface FinishedRun extends PipelineOutcome {
  stages: StageRecord[];
  run: PipelineRun;
}

/**
 * Runs the stages in order. When this settles, no process of the pipeline is left. What is observed and returned
 * holds no secret, but for `run.spec` and `run.tools`.
 * @throws PipelineAbort where it was abandoned; whatever a stage threw: a fault of ours
 */
export async function runPipeline(options: RunOptions): Promise<FinishedRun> {
  const { spec, tools, observer } = options;
  const { redact } = tools.redactor;
  const limitMs = options.timeLimitMs ?? timeLimitOf(spec.settings);
  const limit = new AbortController();
  const newTimer = () => setTimeout(() => limit.abort(tooLong(limitMs)), limitMs);
  let timer = newTimer();
  const signal = AbortSignal.any([options.signal, limit.signal]);
  const records = new Map(STAGE_NAMES.map((name) => [name, pending(name)]));
  const run: PipelineRun = {
    spec,
    tools,
    workspace: options.workspace.tree,
    home: options.workspace.home,
    files: new Set(),
    tree: null,
    lower: null,
    setupLayer: null,
    suspectLayer: null,
    isCopied: false,
    logFile: options.logFile,
    signal,
    changes: () => (changes ??= changesOf(tools, run)),
    results: emptyResults(),
    commands: { setup: null, deploy: null, test: null },
    records,
    port: await freePort(),
    preview: null,
    group: tools.totals?.create(tools.limits?.totals),
  };
  let changes: Promise<FileChange[] | null> | null = null;
  const changed = (record: StageRecord) => observer?.stageChanged?.(record, run);
  let end: StageResult['end'];
  let beforeSetup: PipelineResults | undefined;

  try {
    const list = options.stages ?? stages;
    for (let at = 0; at < list.length; at++) {
      const stage = list[at]!;
      const record = records.get(stage.name)!;
      if (stage.name === 'setup') beforeSetup ??= structuredClone(run.results);
      const obstacle = stage.always ? null : whyNot(stage, records, end, signal);
      if (obstacle) {
        Object.assign(record, { status: 'completed', conclusion: 'skipped', summary: obstacle });
        changed(record);
        continue;
      }
      Object.assign(record, { status: 'in_progress', startedAt: new Date() });
      changed(record);
      const result = await runStage(stage, run);
      end ??= result.end && { ...result.end, reason: redact(result.end.reason) };
      Object.assign(record, {
        status: 'completed',
        conclusion: result.conclusion,
        summary: redact(result.summary),
        completedAt: new Date(),
      });
      changed(record);
      const isAgain = beforeSetup && (await setUpAnew(run, stage.name, result, beforeSetup));
      abandonedOrNull(signal);
      if (!isAgain) continue;
      clearTimeout(timer);
      timer = newTimer();
      at = list.findIndex(({ name }) => name === 'setup') - 1;
      for (const { name } of list.slice(at + 1)) changed(Object.assign(records.get(name)!, pending(name)));
    }
    await judgeSuspect(run);
  } finally {
    clearTimeout(timer);
    try {
      await run.preview?.stop();
    } finally {
      await run.group?.remove();
    }
  }
  Object.assign(run.results, redactResults(run.results, redact));

  const abort = abortOf(signal);
  const finished = { stages: [...records.values()], run };
  if (abort) return { ...finished, conclusion: conclusionOf(abort), reason: abort.message };
  if (end) return { ...finished, ...end };
  return { ...finished, ...conclude(finished.stages) };
}

async function changesOf(tools: PipelineTools, { results }: PipelineRun): Promise<FileChange[] | null> {
  try {
    return (await tools.changes?.()) ?? null;
  } catch (error) {
    results.notes.push(`The changed lines could not be told: ${messageOf(error).slice(0, 200)}.`);
    return null;
  }
}

async function runStage(stage: Stage, run: PipelineRun): Promise<StageResult> {
  try {
    const result = await stage.run(run);
    abandonedOrNull(run.signal);
    return result;
  } catch (error) {
    const abort = abandonedOrNull(run.signal);
    // What a stage throws while it is being stopped is the stop.
    if (abort && !stage.always) return { conclusion: conclusionOf(abort), summary: abort.message };
    throw error;
  }
}

function whyNot(
  stage: Stage,
  records: ReadonlyMap<StageName, StageRecord>,
  end: StageResult['end'],
  signal: AbortSignal,
): string | null {
  const abort = abortOf(signal);
  if (abort) return abort.message;
  if (end) return end.reason;
  const missing = stage.needs.find((name) => {
    const conclusion = records.get(name)!.conclusion;
    return conclusion !== 'success' && conclusion !== 'skipped' && conclusion !== 'neutral';
  });
  return missing ? `Not run, because ${missing} did not pass.` : null;
}

const pending = (name: StageName): StageRecord => ({
  name,
  status: 'queued',
  conclusion: null,
  startedAt: null,
  completedAt: null,
  summary: '',
});

function abortOf(signal: AbortSignal): PipelineAbort | null {
  if (!signal.aborted) return null;
  const reason: unknown = signal.reason;
  return reason instanceof PipelineAbort ? reason : new PipelineAbort('cancelled', String(reason));
}

const conclusionOf = ({ kind }: PipelineAbort) => (kind === 'timed_out' ? 'timed_out' : 'cancelled');

const OTHER_WORK_MS = 10 * 60_000;

/** Setup, validate and every run of the tests may take as long as a stage; cloning and reading reports is extra. */
function timeLimitOf({ stage_timeout_seconds, deploy_timeout_seconds, test_retries }: Settings): number {
  return ((3 + test_retries) * stage_timeout_seconds + deploy_timeout_seconds) * 1000 + OTHER_WORK_MS;
}

const tooLong = (limitMs: number): PipelineAbort =>
  new PipelineAbort(
    'timed_out',
    `The whole validation was ended because it ran longer than ${formatDuration(limitMs)}, which follows from ` +
      'stage_timeout_seconds, deploy_timeout_seconds and test_retries.',
  );

function abandonedOrNull(signal: AbortSignal): PipelineAbort | null {
  const abort = abortOf(signal);
  if (abort?.kind === 'abandoned') throw abort;
  return abort;
}
