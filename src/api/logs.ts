/** The logs of a pipeline as text, whole or in part, with every byte of a secret masked by one `*`. */
import { Readable } from 'node:stream';
import { STAGE_NAMES, type StageName } from '../domain/pipeline.js';
import type { Redactor } from '../domain/redaction.js';
import type { PipelineStorage } from '../storage/contract.js';

interface StageLog {
  size: number;
  read: (start: number, end: number) => AsyncIterable<Buffer>;
}
type Part = { text: Buffer } | StageLog;

const sizeOf = (part: Part): number => ('text' in part ? part.text.length : part.size);

/** Masks keep the length, so a range of the log is the range of what was written. */
export class PipelineLog {
  private constructor(private readonly parts: Part[]) {}

  /** @param stage without it, all stages in order, with a header line each */
  static async open(storage: PipelineStorage, pipelineId: string, stage?: StageName): Promise<PipelineLog> {
    const sizes = await storage.logSizes(pipelineId);
    const parts: Part[] = [];
    for (const name of stage ? [stage] : STAGE_NAMES) {
      const size = sizes.get(name);
      if (size === undefined) continue;
      if (!stage) parts.push({ text: Buffer.from(`${parts.length > 0 ? '\n' : ''}==> ${name} <==\n`) });
      parts.push({ size, read: (start, end) => storage.readLog(pipelineId, name, start, end) });
    }
    return new PipelineLog(parts);
  }

  get size(): number {
    return this.parts.reduce((sum, part) => sum + sizeOf(part), 0);
  }

  /** The bytes from `start` up to but without `end`. */
  async *read(start: number, end: number, redactor: Redactor): AsyncGenerator<Buffer> {
    let offset = 0;
    for (const part of this.parts) {
      const from = Math.max(0, start - offset);
      const to = Math.min(sizeOf(part), end - offset);
      offset += sizeOf(part);
      if (from >= to) continue;
      if ('text' in part) yield part.text.subarray(from, to);
      else yield* masked(part, from, to, redactor);
    }
  }
}

/** Reads some bytes on either side too, so that a secret across an edge is seen. */
async function* masked(
  { size, read }: StageLog,
  start: number,
  end: number,
  redactor: Redactor,
): AsyncGenerator<Buffer> {
  let offset = Math.max(0, start - redactor.context);
  const source = Readable.from(read(offset, Math.min(size, end + redactor.context)), { objectMode: false });
  const output = redactor.stream();
  source.once('error', (error) => output.destroy(error));
  source.pipe(output);
  let sent = start;
  try {
    for await (const chunk of output as AsyncIterable<Buffer>) {
      const piece = chunk.subarray(Math.max(0, start - offset), Math.max(0, end - offset));
      offset += chunk.length;
      sent += piece.length;
      if (piece.length > 0) yield piece;
      if (offset >= end) break;
    }
  } finally {
    source.destroy();
    output.destroy();
  }
  // A log that was shortened meanwhile: what was promised is kept to.
  if (sent < end) yield Buffer.alloc(end - sent, '\n');
}
