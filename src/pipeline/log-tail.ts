import { open } from 'node:fs/promises';
import { plainText } from '../sandbox/output.js';
import type { PipelineTools } from './stage.js';

/**
 * The end of a log as plain text, with secrets hidden before anything is cut off, so that no half of one stays: not
 * at the beginning of the text, nor where an escape sequence stood within one.
 * @param maxBytes of the log; the text is as long or shorter
 */
export async function redactedTail(
  path: string,
  maxBytes: number,
  redactor: PipelineTools['redactor'],
): Promise<string> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const cut = Math.max(0, size - maxBytes);
    const start = Math.max(0, cut - redactor.context);
    const bytes = Buffer.alloc(size - start);
    let filled = 0;
    while (filled < bytes.length) {
      const { bytesRead } = await file.read(bytes, filled, bytes.length - filled, start + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    const tail = redactor.redactBytes(bytes.subarray(0, filled)).subarray(cut - start);
    return redactor.redact(plainText(fromWholeLine(tail, cut > 0).toString('utf8')));
  } finally {
    await file.close();
  }
}

const LINE_FEED = 10;

/** Without the rest of a line that was cut, where a whole line follows; else without the rest of a character. */
function fromWholeLine(bytes: Buffer, isCut: boolean): Buffer {
  if (!isCut) return bytes;
  const lineEnd = bytes.indexOf(LINE_FEED);
  if (lineEnd >= 0 && lineEnd < bytes.length - 1) return bytes.subarray(lineEnd + 1);
  let start = 0;
  while (start < 3 && (bytes[start]! & 0xc0) === 0x80) start++;
  return bytes.subarray(start);
}
