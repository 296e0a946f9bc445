/** What pipelines leave beside their rows: a log for each stage, and screenshots. */
import type { StageName } from '../domain/pipeline.js';

export interface PipelineStorage {
  /** How many bytes each stage has written so far; stages that wrote nothing may be missing. */
  logSizes(pipelineId: string): Promise<Map<StageName, number>>;
  /** The bytes of a log from `start` up to but without `end`; fewer where it does not reach as far. */
  readLog(pipelineId: string, stage: StageName, start: number, end: number): AsyncIterable<Buffer>;
  /** Keeps a PNG under a name that nobody can guess. @returns PIPELINE/NAME.png */
  keepScreenshot(pipelineId: string, png: Uint8Array): Promise<string>;
  /** @param name without the pipeline */
  screenshot(pipelineId: string, name: string): Promise<Buffer | null>;
  /** Deletes all that is kept of a pipeline. */
  remove(pipelineId: string): Promise<void>;
  /** How long a reader who waits for a log to grow may rely on being told, before it looks for itself. */
  readonly lookEveryMs: number;
}
