/**
 * A pipeline live: its state whenever that changes, and its log line by line. What this process did itself, or
 * is told of, is seen at once; as a worker may be another process, both are also looked at now and then.
 */
import type { Response } from 'express';
import type { ValidationPipeline } from '../database/entities/index.js';
import type { PipelineStore } from '../database/pipeline-store.js';
import { STAGE_NAMES } from '../domain/pipeline.js';
import type { Redactor } from '../domain/redaction.js';
import type { PipelineStorage } from '../storage/contract.js';
import { answerPipeline, redactTexts } from './answers.js';
import { LogTail, type LogLine } from './log-tail.js';
import { EventStream } from './sse.js';

export interface LiveOptions {
  pipelines: PipelineStore;
  storage: PipelineStorage;
  redactor: Redactor;
  /** Of the request. */
  lastEventId: string | undefined;
}

/** Where a reader is: the attempt, and how far in each stage's log. Also the form of our event ids. */
class Position {
  constructor(
    readonly attempt: number,
    readonly offsets: number[] = STAGE_NAMES.map(() => 0),
  ) {}

  /** The beginning, unless the id is one of ours and of this attempt. */
  static after(lastEventId: string | undefined, attempt: number): Position {
    const [, given, ...offsets] =
      /^(\d{1,9}):(\d{1,15})\.(\d{1,15})\.(\d{1,15})\.(\d{1,15})\.(\d{1,15})\.(\d{1,15})$/.exec(
        lastEventId ?? '',
      ) ?? [];
    return Number(given) === attempt ? new Position(attempt, offsets.map(Number)) : new Position(attempt);
  }

  toString(): string {
    return `${this.attempt}:${this.offsets.join('.')}`;
  }
}

const endId = (attempt: number): string => `end:${attempt}`;

/** Resolves when the pipeline is over and all was sent, or the reader is gone. */
export async function streamPipeline(
  pipeline: ValidationPipeline,
  options: LiveOptions,
  response: Response,
): Promise<void> {
  if (pipeline.status === 'completed' && options.lastEventId === endId(pipeline.attempt)) {
    // The one answer after which a browser's EventSource does not connect again.
    response.status(204).end();
    return;
  }
  const stream = new EventStream(response);
  const live = new LivePipeline(pipeline, options, stream);
  try {
    await live.run();
  } catch (error) {
    // A reader who left, or a server that ends, closes what was being read from.
    if (!stream.closed.aborted) throw error;
  } finally {
    live.close();
    stream.end();
  }
}

class LivePipeline {
  private position: Position;
  private tails: LogTail[] = [];
  private lastState = '';
  /** Whether something may have changed since it was looked at. */
  private isStale = true;
  private wake = () => {};
  private readonly onChange = (id: string) => {
    if (id !== this.pipeline.id) return;
    this.isStale = true;
    this.wake();
  };

  constructor(
    private readonly pipeline: ValidationPipeline,
    private readonly options: LiveOptions,
    private readonly stream: EventStream,
  ) {
    this.position = Position.after(options.lastEventId, pipeline.attempt);
    this.openTails();
    options.pipelines.jobs.events.on('changed', this.onChange);
  }

  async run(): Promise<void> {
    const { pipelines } = this.options;
    const { id } = this.pipeline;
    for (let first = true; !this.stream.closed.aborted; first = false) {
      this.isStale = false;
      const row = await pipelines.find(id);
      if (!row) return;
      if (row.attempt !== this.position.attempt) {
        this.closeTails();
        this.position = new Position(row.attempt);
        this.openTails();
      }
      const isOver = row.status === 'completed';
      // The end of the log comes before the end of the pipeline.
      if (first || !isOver) await this.sendState(row);
      await this.sendLines();
      if (isOver) {
        await this.sendRest();
        await this.sendState(row);
        return this.stream.send('end', { conclusion: row.conclusion }, endId(row.attempt));
      }
      await this.change();
    }
  }

  close(): void {
    this.options.pipelines.jobs.events.off('changed', this.onChange);
    this.closeTails();
  }

  private closeTails(): void {
    for (const tail of this.tails) tail.close();
  }

  private openTails(): void {
    const { storage, redactor } = this.options;
    this.tails = STAGE_NAMES.map(
      (stage, n) =>
        new LogTail(
          (start, end) => storage.readLog(this.pipeline.id, stage, start, end),
          redactor,
          this.position.offsets[n]!,
        ),
    );
  }

  private async sendState(row: ValidationPipeline): Promise<void> {
    const stages = await this.options.pipelines.stagesOf(row.id);
    const state = JSON.stringify(redactTexts(answerPipeline(row, stages), this.options.redactor.redact));
    if (state === this.lastState) return;
    this.lastState = state;
    await this.stream.send('state', state, this.position.toString());
  }

  /** Stage by stage, in their order, as far as each log goes now. */
  private async sendLines(): Promise<void> {
    const sizes = await this.options.storage.logSizes(this.pipeline.id);
    for (const [n, tail] of this.tails.entries()) {
      const size = sizes.get(STAGE_NAMES[n]!) ?? 0;
      do await this.send(n, await tail.next(size));
      while (!this.stream.closed.aborted && !tail.isAtEnd(size));
    }
  }

  private async sendRest(): Promise<void> {
    for (const [n, tail] of this.tails.entries()) await this.send(n, await tail.finish());
  }

  private async send(n: number, lines: LogLine[]): Promise<void> {
    for (const { text, end } of lines) {
      this.position.offsets[n] = end;
      await this.stream.send('log', { stage: STAGE_NAMES[n], line: text }, this.position.toString());
    }
  }

  /** Resolves when something may have changed, or it is time to look. */
  private change(): Promise<void> {
    const { closed } = this.stream;
    if (this.isStale || closed.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        closed.removeEventListener('abort', done);
        this.wake = () => {};
        resolve();
      };
      const timer = setTimeout(done, this.options.storage.lookEveryMs);
      closed.addEventListener('abort', done);
      this.wake = done;
    });
  }
}
