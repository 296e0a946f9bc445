/** What the test stage left behind: reports and coverage, found where the settings say or in the usual places. */
import { open, type FileHandle } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { changedLines } from '../domain/changes.js';
import type { Redactor } from '../domain/redaction.js';
import { collectReports, type CollectedReports } from '../reports/collect.js';
import { defaultReportGlobs } from '../reports/globs.js';
import { LIMITS, type ReportFile } from '../reports/contract.js';
import { MARKER_OVERLAP, mayHoldReport } from '../reports/log.js';
import { findWorkspaceFiles, readWorkspaceFile, WorkspaceFileError } from '../sandbox/files.js';
import { placesInside } from './environment.js';
import type { PipelineRun } from './stage.js';

/** About files that were refused. */
const MAX_NOTES = 5;
const MAX_LOG_BYTES = 16 * 1024 * 1024;
const PIECE_BYTES = 256 * 1024;

/** @param since reports older than this are part of the checkout, or of an earlier stage */
export async function collectTestResults(run: PipelineRun): Promise<CollectedReports> {
  const named = run.spec.settings.test_reports;
  const notes: string[] = [];
  const files: ReportFile[] = [];
  let total = 0;
  let isCut = false;
  const found = await findWorkspaceFiles(run.workspace, named.length > 0 ? named : [...defaultReportGlobs]);
  for (const path of found.files) {
    // What is committed was not written by this run.
    if (run.files.has(path)) continue;
    try {
      // Not even read where that would be too much: holes in files cost their author nothing, and us our memory.
      const maxBytes = Math.min(LIMITS.fileBytes, LIMITS.totalBytes - total);
      const content = await readWorkspaceFile(run.workspace, path, maxBytes);
      total += content.length;
      // Before texts are cut to size: half a secret is not recognised any more.
      files.push({ path, content: run.tools.redactor.redactBytes(content) });
    } catch (error) {
      if (!(error instanceof WorkspaceFileError)) throw error;
      if (notes.length < MAX_NOTES) notes.push(error.message);
      else isCut = true;
    }
  }
  if (isCut) notes.push('More files like reports were not read.');
  const log = await logWithReports(run.logFile('test'), run.tools.redactor);
  const collected = await collectReports(
    files,
    { workspace: placesInside(run).workspace, files: run.files },
    {
      named: named.length > 0,
      ...(log ? { log } : {}),
      changedLines: async () => {
        const changes = await run.changes();
        return changes ? changedLines(changes) : undefined;
      },
    },
  );
  return { ...collected, notes: [...notes, ...collected.notes] };
}

/** The end of the log, where it looks like holding reports; piece by piece, as it may be long. */
async function logWithReports(path: string, redactor: Redactor): Promise<Buffer | undefined> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const start = Math.max(0, size - MAX_LOG_BYTES);
    if (size === 0 || !(await holdsMark(file, start))) return undefined;
    const redacted: Buffer[] = [];
    const log = file.createReadStream({ start, autoClose: false });
    await pipeline(log, redactor.stream(), async (pieces) => {
      for await (const piece of pieces) redacted.push(piece as Buffer);
    });
    return Buffer.concat(redacted);
  } finally {
    await file.close();
  }
}

/** Through one buffer: of a long log, pieces of their own would be what the server takes most memory for. */
async function holdsMark(file: FileHandle, start: number): Promise<boolean> {
  const buffer = Buffer.alloc(MARKER_OVERLAP + PIECE_BYTES);
  let kept = 0;
  for (let at = start; ;) {
    const { bytesRead } = await file.read(buffer, kept, PIECE_BYTES, at);
    if (bytesRead === 0) return false;
    const end = kept + bytesRead;
    if (mayHoldReport(buffer.subarray(0, end))) return true;
    kept = Math.min(MARKER_OVERLAP, end);
    buffer.copyWithin(0, end - kept, end);
    at += bytesRead;
  }
}
