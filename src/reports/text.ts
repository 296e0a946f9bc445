/** Text of unknown origin made safe to keep: decoded, without control characters, bounded. */
import stripAnsi from 'strip-ansi';

/**
 * The text of a report: UTF-8 where nothing else is declared, with U+FFFD for what isn't valid.
 * Throws on binary content.
 */
export function decode(content: Buffer | string): string {
  if (typeof content === 'string') return content.startsWith('\uFEFF') ? content.slice(1) : content;
  // PowerShell's `>` writes UTF-16.
  if (content[0] === 0xff && content[1] === 0xfe) return new TextDecoder('utf-16le').decode(content);
  if (content[0] === 0xfe && content[1] === 0xff) return new TextDecoder('utf-16be').decode(content);
  if (content.subarray(0, 8192).includes(0)) throw new Error('it is a binary file');
  return new TextDecoder(declaredEncoding(content)).decode(content);
}

function declaredEncoding(content: Buffer): string {
  const declared = /^[^<]{0,3}<\?xml[^>]{0,100}\bencoding=["']([\w-]{1,20})["']/.exec(
    content.toString('latin1', 0, 200),
  );
  try {
    return new TextDecoder(declared?.[1] ?? 'utf-8').encoding;
  } catch {
    return 'utf-8';
  }
}

/** At most `max` characters, the middle left out: the beginning says what, the end often says where. */
export function clip(text: string, max: number): string {
  if (text.length <= max) return text;
  const mark = '\n… left out …\n';
  if (max < mark.length * 4) return `${wellFormed(text.slice(0, max - 1))}…`;
  const head = Math.ceil((max - mark.length) * 0.6);
  const tail = max - mark.length - head;
  return wellFormed(`${text.slice(0, head)}${mark}${text.slice(text.length - tail)}`);
}

/**
 * Plain text that any database and page can hold: no colours, no control characters but newline and tab, no
 * half surrogates.
 */
export function plain(text: string): string {
  const uncoloured = text.includes('\u001b') || text.includes('\u009b') ? stripAnsi(text) : text;
  return wellFormed(uncoloured.replace(/\r\n?/g, '\n').replace(/[\u0000-\u0008\u000b-\u001f\u007f]/g, ''));
}

/** Half surrogates replaced (String.prototype.toWellFormed needs a newer `lib` than this project's). */
const wellFormed = (text: string): string => text.replace(/\p{Surrogate}/gu, '\uFFFD');

/** `plain` and `clip` at once, never looking at more than a few times `max` characters. */
export function bounded(text: string, max: number): string {
  return clip(plain(clip(text, max * 4)).trim(), max);
}

/** Milliseconds of a time in seconds as reports write it ("1,234.5" too); null where it is no such number. */
export function secondsToMs(seconds: string | number | undefined): number | null {
  if (seconds === undefined || seconds === '') return null;
  return validMs(Number(typeof seconds === 'string' ? seconds.replaceAll(',', '') : seconds) * 1000);
}

/** A duration to the microsecond; null for what can't be one. A year is taken for nonsense. */
export function validMs(ms: unknown): number | null {
  if (typeof ms !== 'number' || !Number.isFinite(ms) || ms < 0 || ms > 3.2e10) return null;
  return Math.round(ms * 1000) / 1000;
}

/** A line number that can be pointed at, or undefined. */
export function validLine(line: unknown): number | undefined {
  const number = Number(line);
  return Number.isInteger(number) && number > 0 && number < 1e7 ? number : undefined;
}

const STACK_LINE = /^\s*(?:at\s|❯\s|\.?\/\S+:\d+|goroutine \d|stack backtrace:|Stack trace:|#\s+\.?\/)/;

/** The first lines of a failure's details, up to its stack. */
export function messageFrom(details: string): string {
  const lines = details.split('\n', 40);
  const stack = lines.findIndex((line, index) => index > 0 && STACK_LINE.test(line));
  return lines
    .slice(0, stack < 0 ? 20 : Math.min(stack, 20))
    .join('\n')
    .trim();
}
