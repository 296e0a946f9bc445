/** Cutting text to size for prompts: at line ends where possible, always saying how much is left out. */
import stripAnsi from 'strip-ansi';

/** Without terminal escapes, control characters and the marks that reorder text (Unicode bidi controls). */
export function readable(text: string): string {
  return stripAnsi(text)
    .replace(/\r\n?/g, '\n')
    .replace(/[\u0000-\u0008\u000b-\u001f\u007f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '')
    .replace(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, '\ufffd');
}

/** The first `limit` characters or a little less; for text whose beginning tells most. */
export function keepStart(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const cut = text.slice(0, limit);
  const lineEnd = cut.lastIndexOf('\n');
  const kept = whole(lineEnd > limit / 2 ? cut.slice(0, lineEnd) : cut);
  return `${kept}\n[${text.length - kept.length} characters left out]`;
}

/** The last `limit` characters or a little less; for logs, which end with why they ended. */
export function keepEnd(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const cut = text.slice(-limit);
  const lineEnd = cut.indexOf('\n');
  const kept = whole(lineEnd >= 0 && lineEnd < limit / 2 ? cut.slice(lineEnd + 1) : cut);
  return `[${text.length - kept.length} characters left out]\n${kept}`;
}

/** One line, at most `limit` characters. */
export function oneLine(text: string, limit: number): string {
  const line = readable(text).replace(/\s+/g, ' ').trim();
  return line.length <= limit ? line : `${whole(line.slice(0, limit - 1))}…`;
}

/** Without half a character at a cut. */
function whole(text: string): string {
  return text.replace(/^[\udc00-\udfff]/, '').replace(/[\ud800-\udbff]$/, '');
}
