import { statSync } from 'node:fs';
import { open, rename, rm, type FileHandle } from 'node:fs/promises';
import stripAnsi from 'strip-ansi';

export const DEFAULT_TAIL_BYTES = 64 * 1024;

/**
 * The end of a log file as plain text (see plainText), beginning with a whole line where one fits.
 * @param bounds by default 64 KiB and any number of lines
 */
export async function readTail(
  path: string,
  { maxBytes = DEFAULT_TAIL_BYTES, maxLines = Infinity }: { maxBytes?: number; maxLines?: number } = {},
): Promise<string> {
  const file = await open(path, 'r');
  let bytes: Buffer;
  try {
    const { size } = await file.stat();
    const start = Math.max(0, size - maxBytes);
    bytes = await readRange(file, start, size - start);
    if (start > 0) bytes = bytes.subarray(firstLineStart(bytes));
  } finally {
    await file.close();
  }
  const lines = plainText(bytes.toString('utf8')).split('\n');
  const isTerminated = lines.at(-1) === '';
  return lines.slice(-(maxLines + (isTerminated ? 1 : 0))).join('\n');
}

const CHUNK_BYTES = 64 * 1024;

/**
 * Shortens a log file that no one writes to any more to its head and tail, cut at line ends where they are near,
 * with a line between them that says how much was left out. Holds 64 KiB in memory, however big the file is.
 * @returns the number of bytes left out; 0 when the file was short enough and is as it was
 */
export async function trimLog(path: string, headBytes: number, tailBytes: number): Promise<number> {
  // Nearly all are short: they are not even opened.
  const { size } = statSync(path);
  if (size <= headBytes + tailBytes) return 0;
  const temporary = `${path}.trimmed`;
  const source = await open(path, 'r');
  try {
    const beforeCut = await readRange(
      source,
      Math.max(0, headBytes - CHUNK_BYTES),
      Math.min(headBytes, CHUNK_BYTES),
    );
    const headEnd = headBytes - beforeCut.length + lastLineEnd(beforeCut);
    const afterCut = await readRange(source, size - tailBytes, Math.min(tailBytes, CHUNK_BYTES));
    const tailStart = size - tailBytes + firstLineStart(afterCut);

    const target = await open(temporary, 'wx', 0o600);
    try {
      await copyRange(source, target, 0, headEnd);
      await target.write(`\n[… ${readableSize(tailStart - headEnd)} left out …]\n\n`);
      await copyRange(source, target, tailStart, size);
    } finally {
      await target.close();
    }
    await rename(temporary, path);
    return tailStart - headEnd;
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  } finally {
    await source.close();
  }
}

/** What moves the cursor, hides text or turns it around; tab and line feed stay, and joiners within emoji. */
const UNSEEN =
  /[\u0001-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\u{e0000}-\u{e007f}]/gu;

/**
 * Program output as people (and models) should read it: without ANSI sequences, control and bidirectional
 * characters, NUL as U+FFFD, and of a line that was rewritten by carriage returns only what stayed.
 */
export function plainText(text: string): string {
  return stripAnsi(text)
    .replaceAll('\r\n', '\n')
    .split('\n')
    .map(lastWritten)
    .join('\n')
    .replaceAll('\0', '\ufffd')
    .replace(UNSEEN, '');
}

/** Progress bars end a state with a carriage return or begin it with one. */
function lastWritten(line: string): string {
  if (!line.includes('\r')) return line;
  const end = line.replace(/\r+$/, '');
  return end.slice(end.lastIndexOf('\r') + 1);
}

/** `1.2 GiB`, `340 KiB`, `12 bytes`. */
export function readableSize(bytes: number): string {
  if (bytes < 1024) return bytes === 1 ? '1 byte' : `${bytes} bytes`;
  const units = ['KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes / 1024;
  let unit = 0;
  for (; value >= 1023.5 && unit < units.length - 1; unit++) value /= 1024;
  return `${value < 9.95 ? value.toFixed(1).replace(/\.0$/, '') : Math.round(value)} ${units[unit]}`;
}

const LINE_FEED = 10;

/** Where the first whole line begins, or else the first whole character. */
function firstLineStart(bytes: Buffer): number {
  const lineEnd = bytes.indexOf(LINE_FEED);
  if (lineEnd >= 0 && lineEnd < bytes.length - 1) return lineEnd + 1;
  let start = 0;
  while (start < 3 && isContinuation(bytes[start])) start++;
  return start;
}

/** Where the last whole line ends, or else the last whole character. */
function lastLineEnd(bytes: Buffer): number {
  const lineEnd = bytes.lastIndexOf(LINE_FEED);
  if (lineEnd >= 0) return lineEnd + 1;
  let end = bytes.length;
  while (end > 0 && bytes.length - end < 4) {
    const byte = bytes[--end];
    if (!isContinuation(byte)) return byte !== undefined && byte < 0x80 ? end + 1 : end;
  }
  return bytes.length;
}

function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80;
}

async function readRange(file: FileHandle, start: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await file.read(buffer, filled, length - filled, start + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}

/** Through one buffer: one for each piece would be what the server takes most memory for. */
async function copyRange(source: FileHandle, target: FileHandle, start: number, end: number): Promise<void> {
  const buffer = Buffer.alloc(CHUNK_BYTES);
  for (let position = start; position < end;) {
    const wanted = Math.min(CHUNK_BYTES, end - position);
    const { bytesRead } = await source.read(buffer, 0, wanted, position);
    if (bytesRead === 0) return;
    await target.writeFile(buffer.subarray(0, bytesRead));
    position += bytesRead;
  }
}
