import { createReadStream } from 'node:fs';
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { STAGE_NAMES, type StageName } from '../domain/pipeline.js';
import type { PipelineStorage } from './contract.js';
import { newScreenshotName } from './screenshot-name.js';

/** Files grow without a word. */
const LOOK_MS = 500;

/** The files in DATA_DIR, as the one process that uses SQLite writes them. Logs are as printed: mask what is read. */
export class FolderStorage implements PipelineStorage {
  readonly lookEveryMs = LOOK_MS;
  private readonly logs: string;
  private readonly artifacts: string;

  constructor(dataDir: string) {
    this.logs = join(dataDir, 'logs');
    this.artifacts = join(dataDir, 'artifacts');
  }

  async logSizes(pipelineId: string): Promise<Map<StageName, number>> {
    const sizes = new Map<StageName, number>();
    for (const stage of STAGE_NAMES) {
      const found = await unlessMissing(stat(this.logFile(pipelineId, stage)));
      if (found) sizes.set(stage, found.size);
    }
    return sizes;
  }

  readLog(pipelineId: string, stage: StageName, start: number, end: number): AsyncIterable<Buffer> {
    if (start >= end) return nothing();
    return createReadStream(this.logFile(pipelineId, stage), { start, end: end - 1 });
  }

  async keepScreenshot(pipelineId: string, png: Uint8Array): Promise<string> {
    const name = newScreenshotName();
    const folder = join(this.artifacts, pipelineId);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await writeFile(join(folder, name), png, { mode: 0o600 });
    return `${pipelineId}/${name}`;
  }

  screenshot(pipelineId: string, name: string): Promise<Buffer | null> {
    return unlessMissing(readFile(join(this.artifacts, pipelineId, name)));
  }

  async remove(pipelineId: string): Promise<void> {
    for (const folder of [this.logs, this.artifacts])
      await rm(join(folder, pipelineId), { recursive: true, force: true });
  }

  private readonly logFile = (pipelineId: string, stage: StageName): string =>
    join(this.logs, pipelineId, `${stage}.log`);
}

async function* nothing(): AsyncGenerator<Buffer> {}

async function unlessMissing<T>(found: Promise<T>): Promise<T | null> {
  try {
    return await found;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
