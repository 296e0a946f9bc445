/** Shortening that cuts no character in two and says how much is missing. */

/** Limits are counted in UTF-8 bytes, or in UTF-16 units (never fewer than what people call characters). */
export type Unit = 'bytes' | 'characters';

export const sizeOf = (text: string, unit: Unit): number =>
  unit === 'bytes' ? Buffer.byteLength(text) : text.length;

/** "1 line", "1,234 lines" */
export const count = (number: number, noun: string, plural = `${noun}s`): string =>
  `${number.toLocaleString('en-US')} ${number === 1 ? noun : plural}`;

/** The start of a text, at most `limit` long, with a remark of how much was cut. */
export function truncateEnd(text: string, limit: number, unit: Unit = 'characters'): string {
  return truncate(text, limit, unit, takeStart, (kept, missing) => `${kept}… (${missing} more)`);
}

/** The end of a text, at most `limit` long, behind a remark of how much was cut. */
export function truncateStart(text: string, limit: number, unit: Unit = 'characters'): string {
  return truncate(text, limit, unit, takeEnd, (kept, missing) => `(${missing} before) …${kept}`);
}

export interface Tail {
  text: string;
  /** Whole lines left out at the start. */
  omittedLines: number;
}

/** The last whole lines within both limits; a last line that is too long alone loses its start. */
export function keepTail(text: string, limits: { bytes: number; lines?: number }): Tail {
  const lines = text.replace(/\n+$/, '').split('\n');
  let first = lines.length;
  let bytes = -1;
  while (first > 0 && lines.length - first < (limits.lines ?? Infinity)) {
    bytes += Buffer.byteLength(lines[first - 1]!) + 1;
    if (bytes > limits.bytes) break;
    first--;
  }
  if (first === lines.length && first > 0) {
    return { text: truncateStart(lines[first - 1]!, limits.bytes, 'bytes'), omittedLines: first - 1 };
  }
  return { text: lines.slice(first).join('\n'), omittedLines: first };
}

/** Room for the remark: "… (18,014,398,509 more characters)" and some. */
const REMARK = 48;

function truncate(
  text: string,
  limit: number,
  unit: Unit,
  take: (text: string, limit: number, unit: Unit) => string,
  remark: (kept: string, missing: string) => string,
): string {
  if (sizeOf(text, unit) <= limit) return text;
  if (limit < 2 * REMARK) {
    const mark = take('…', limit, unit);
    const kept = take(text, limit - sizeOf(mark, unit), unit);
    return take === takeStart ? kept + mark : mark + kept;
  }
  const kept = take(text, limit - REMARK, unit);
  return remark(kept, count(text.length - kept.length, 'character'));
}

function takeStart(text: string, limit: number, unit: Unit): string {
  let end = Math.min(text.length, limit);
  if (unit === 'bytes') {
    const bytes = Buffer.from(text.slice(0, end));
    let cut = Math.min(bytes.length, limit);
    while (cut > 0 && isContinuation(bytes[cut])) cut--;
    return bytes.toString('utf8', 0, cut);
  }
  if (isHighSurrogate(text.charCodeAt(end - 1)) && end < text.length) end--;
  return text.slice(0, end);
}

function takeEnd(text: string, limit: number, unit: Unit): string {
  let start = Math.max(0, text.length - limit);
  if (unit === 'bytes') {
    const bytes = Buffer.from(text.slice(start));
    let cut = Math.max(0, bytes.length - limit);
    while (cut < bytes.length && isContinuation(bytes[cut])) cut++;
    return bytes.toString('utf8', cut);
  }
  if (start > 0 && isHighSurrogate(text.charCodeAt(start - 1))) start++;
  return text.slice(start);
}

const isContinuation = (byte: number | undefined): boolean => byte !== undefined && (byte & 0xc0) === 0x80;

const isHighSurrogate = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdbff;
