/** The logs of stages by line, for the pages: an index of each that was asked for lately. */
import { PipelineLog } from '../api/logs.js';
import type { ValidationPipeline } from '../database/entities/index.js';
import type { StageName } from '../domain/pipeline.js';
import type { Redactor } from '../domain/redaction.js';
import type { PipelineStorage } from '../storage/contract.js';
import { LineIndex, looksLikeError, search, type Hit, type LogBytes } from './line-index.js';

/** Indexes that are kept; one of a log of 100 MB has some thousand numbers. */
const KEPT = 64;

type Subject = Pick<ValidationPipeline, 'id' | 'attempt' | 'status'>;

export interface StageLines {
  /** All there are. */
  total: number;
  bytes: number;
  /** Number of the first line answered, from 0. */
  from: number;
  lines: string[];
}

export class StageLogs {
  private readonly kept = new Map<string, LineIndex>();

  constructor(private readonly storage: PipelineStorage) {}

  /**
   * Some lines of a log as it is now.
   * @param from counts from 0; below 0 from the end
   */
  async lines(
    pipeline: Subject,
    stage: StageName,
    redactor: Redactor,
    from: number,
    count: number,
  ): Promise<StageLines> {
    const { log, index, isOver } = await this.open(pipeline, stage);
    const total = index.count(isOver);
    const first = from < 0 ? Math.max(0, total + from) : Math.min(from, total);
    const lines = count > 0 ? await index.read(log, first, count, isOver, redactor) : [];
    return { total, bytes: log.size, from: first, lines };
  }

  /** Lines that hold a text, case aside, as they are found. */
  async *search(
    pipeline: Subject,
    stage: StageName,
    redactor: Redactor,
    text: string,
    from: number,
  ): AsyncGenerator<Hit> {
    const { log, index, isOver } = await this.open(pipeline, stage);
    const wanted = text.toLowerCase();
    const matches = (line: string) => line.toLowerCase().includes(wanted);
    yield* search(log, index, from, isOver, matches, redactor);
  }

  /** The first line that looks like what went wrong, from 1; null where none does. */
  async firstError(pipeline: Subject, stage: StageName, redactor: Redactor): Promise<number | null> {
    const { log, index, isOver } = await this.open(pipeline, stage);
    for await (const { line } of search(log, index, 0, isOver, looksLikeError, redactor)) return line;
    return null;
  }

  private async open({ id, attempt, status }: Subject, stage: StageName) {
    const log: LogBytes = await PipelineLog.open(this.storage, id, stage);
    const index = this.indexOf(`${id} ${attempt} ${stage}`);
    await index.extend(log);
    return { log, index, isOver: status === 'completed' };
  }

  private indexOf(key: string): LineIndex {
    const index = this.kept.get(key) ?? new LineIndex();
    this.kept.delete(key);
    this.kept.set(key, index);
    if (this.kept.size > KEPT) this.kept.delete(this.kept.keys().next().value!);
    return index;
  }
}
