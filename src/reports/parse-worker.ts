/**
 * The process that reads what a pull request's commands wrote (started by parse-reports.ts). It holds nothing
 * worth having, may be killed at any moment, and answers one request at a time.
 */
import { createHash } from 'node:crypto';
import { UnreadableReport, type ParsedReport } from './contract.js';
import { readReport } from './index.js';
import { readLog } from './log.js';

/** Sent as any number of chunks and then the request that they are the content of. */
export type ParseMessage = { chunk: Uint8Array } | ParseRequest;

export interface ParseRequest {
  path: string;
  /** A stage's log, which may hold reports, rather than a report file. */
  isLog: boolean;
}

export type ParseAnswer =
  { digest: string; reports: ParsedReport[] } | { reason: string; recognised: boolean };

let chunks: Uint8Array[] = [];

process.on('message', (message: ParseMessage) => {
  if ('chunk' in message) {
    chunks.push(message.chunk);
    return;
  }
  const content = Buffer.concat(chunks);
  chunks = [];
  process.send?.(answer(message, content));
});

function answer({ path, isLog }: ParseRequest, content: Buffer): ParseAnswer {
  try {
    const reports = isLog ? readLog(content) : [readReport(path, content)];
    return { digest: createHash('sha256').update(content).digest('hex'), reports };
  } catch (error) {
    if (!(error instanceof UnreadableReport)) throw error;
    return { reason: error.reason, recognised: error.recognised };
  }
}
