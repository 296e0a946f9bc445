import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Held, HeldPipelines } from '../database/held-pipelines.js';
import type { StageName, StageRecord } from '../domain/pipeline.js';
import { isDeployed } from '../github/deployment.js';
import type { Logger } from '../logging.js';
import { progressOf } from './conclude.js';
import type { PipelineObserver } from './run.js';
import type { PipelineRun } from './stage.js';

/** GitHub asks for few writes, and most pipelines of trivial repositories are over before this. */
const FIRST_PUBLICATION_MS = 2_000;
const PUBLICATION_GAP_MS = 4_000;
/** A person who looks on sees no difference, and a database that many pipelines write to does. */
const SAVE_GAP_MS = 400;

/**
 * Writes a running pipeline's progress to its row and on to GitHub, without ever holding up the next stage: changes
 * that come while a write is under way, or shortly after it, are written together by the next one.
 */
export class ProgressWriter implements PipelineObserver {
  private readonly stages = new Map<StageName, StageRecord>();
  private readonly saved = new Map<StageName, StageRecord>();
  private deploymentUrl: string | null = null;
  private deployed = false;
  private unsaved = false;
  private unpublished = false;
  private readonly closed = new AbortController();
  private saving: Promise<void> | null = null;
  private publishing: Promise<void> | null = null;
  private timer: NodeJS.Timeout | null = null;
  private notBefore = Date.now() + FIRST_PUBLICATION_MS;
  /** Taking the pipeline was a write too. */
  private writtenAt = Date.now();

  /** @param publish brings what the row says to GitHub */
  constructor(
    private readonly held: Held,
    private readonly pipelines: HeldPipelines,
    private readonly publish: (pipelineId: string) => Promise<void>,
    private readonly log: Logger,
  ) {}

  stageChanged(record: Readonly<StageRecord>, run: Pick<PipelineRun, 'preview' | 'tools'>): void {
    this.stages.set(record.name, { ...record });
    if (run.preview) this.previewAt(run.tools.redactor.redact(run.preview.url));
    this.unsaved = this.unpublished = true;
    this.saving ??= this.save().finally(() => (this.saving = null));
  }

  private previewAt(url: string): void {
    if (url !== this.deploymentUrl && isDeployed(url)) this.deployed = true;
    this.deploymentUrl = url;
  }

  /** Which of these the row does not say yet. */
  unsavedOf(stages: readonly StageRecord[]): StageRecord[] {
    return stages.filter((stage) => !isDeepStrictEqual({ ...stage }, this.saved.get(stage.name)));
  }

  /** Resolves when nothing is being written any more; later changes are not written. */
  async close(): Promise<void> {
    this.closed.abort();
    if (this.timer) clearTimeout(this.timer);
    await Promise.all([this.saving, this.publishing]);
  }

  private async save(): Promise<void> {
    // One stage ends and the next begins in the same turn of the event loop: that is one write.
    const { signal } = this.closed;
    await nextTurn();
    while (this.unsaved) {
      await pause(this.writtenAt + SAVE_GAP_MS - Date.now(), signal);
      if (signal.aborted) return;
      this.unsaved = false;
      const stages = [...this.stages.values()];
      const changed = this.unsavedOf(stages);
      const { deployed } = this;
      const currentStep = stages.find(({ status }) => status === 'in_progress')?.name ?? null;
      try {
        const percentage = progressOf(stages);
        await this.pipelines.saveProgress(this.held, {
          stages: changed,
          currentStep,
          percentage,
          deploymentUrl: this.deploymentUrl,
          deployed,
        });
        if (deployed) this.deployed = false;
        for (const stage of changed) this.saved.set(stage.name, stage);
      } catch (error) {
        // The next write tries again, and the last one, the completion, is not made here.
        this.log.warn({ err: error, pipelineId: this.held.id }, 'progress was not saved');
      }
      this.writtenAt = Date.now();
      this.schedule();
    }
  }

  private schedule(): void {
    if (this.timer || this.closed.signal.aborted || !this.unpublished) return;
    this.timer = setTimeout(
      () => {
        this.timer = null;
        this.unpublished = false;
        this.publishing = this.publish(this.held.id)
          .catch((error: unknown) =>
            this.log.warn({ err: error, pipelineId: this.held.id }, 'progress was not shown on GitHub'),
          )
          .finally(() => {
            this.notBefore = Date.now() + PUBLICATION_GAP_MS;
            this.publishing = null;
            this.schedule();
          });
      },
      Math.max(0, this.notBefore - Date.now()),
    );
  }
}

const pause = async (ms: number, signal: AbortSignal): Promise<void> =>
  ms > 0 ? sleep(ms, undefined, { signal }).catch(() => undefined) : undefined;
