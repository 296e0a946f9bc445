/**
 * The one writer of GitHub markdown: whatever text of others goes into a check or a comment passes one of these
 * functions. None of it can mention a person, refer to an issue, become a link, an image, HTML or formatting, or
 * break out of the place it was put in.
 */
import { cleanText } from './clean.js';
import { truncateEnd } from './truncate.js';

/** Breaks a word for GitHub's autolinks and for nobody else. Escapes don't: GitHub links after rendering. */
const BREAK = '\u200b';

/**
 * Defuses @mentions and references (#1, GH-1, owner/repo#1) by an invisible character. For places that read no
 * markdown; GitHub makes nothing live there today, so addresses and shas stay as they can be copied.
 */
function neutralise(text: string): string {
  return text
    .replace(/@(?=[a-z0-9])/gi, `@${BREAK}`)
    .replace(/#(?=\d)/g, `#${BREAK}`)
    .replace(/(gh-)(?=\d)/gi, `$1${BREAK}`);
}

/** As `neutralise`, and also addresses (they make back references), which are links in markdown and HTML. */
function neutraliseAll(text: string): string {
  return neutralise(text)
    .replace(/:\/\//g, `:${BREAK}//`)
    .replace(/(www)(?=\.)/gi, `$1${BREAK}`)
    .replace(/(mailto|xmpp):/gi, `$1${BREAK}:`)
    .replace(/:(?=[\w+-]{1,64}:)/g, `:${BREAK}`);
}

/** Text of others where no markdown is read: titles, annotation messages. `limit` in characters. */
export function plainText(text: string, limit = Infinity): string {
  return truncateEnd(neutralise(oneLine(text)), limit);
}

/** Several lines of text of others where no markdown is read. `limit` in bytes. */
export function plainLines(text: string, limit = Infinity): string {
  return truncateEnd(neutralise(cleanText(text.slice(0, CLEANED_AT_MOST))), limit, 'bytes');
}

/**
 * Text of others inside a markdown sentence, list or table cell, on one line, shown as it is. Words that GitHub
 * would bring to life are set in code font, where it does not and from where they can be copied, and so is what
 * stands between backticks.
 */
export function inlineText(text: string, limit = 1000): string {
  return truncateEnd(oneLine(text), limit)
    .split(/(`[^`]+`)/)
    .map((part, n) => (n % 2 === 1 ? codeSpan(part.slice(1, -1), limit) : inlineWords(part)))
    .join('')
    .replace(/^([#+=>:-])/, '\\$1')
    .replace(/^(\d+)([.)])/, '$1\\$2');
}

const inlineWords = (text: string): string =>
  text
    .split(' ')
    .map((word) => (LIVE.test(word) && !/[`|]/.test(word) ? quoteCore(word) : escapeWord(word)))
    .join(' ');

/** A mention, reference, address, or what may be the sha of a commit. */
const LIVE =
  /@[a-z0-9]|#\d|gh-\d|:\/\/|www\.|mailto:|xmpp:|\b(?=[0-9a-f]{0,39}[a-f])(?=[0-9a-f]{0,39}\d)[0-9a-f]{7,40}\b/i;

/** The word in code font, but for the punctuation around it. */
function quoteCore(word: string): string {
  const [, before = '', core = '', after = ''] = /^(["'([{]*)(.*?)(["')\]},.;:!?]*)$/.exec(word) ?? [];
  return `${escapeWord(before)}\`${core}\`${escapeWord(after)}`;
}

const escapeWord = (word: string): string =>
  neutraliseAll(escapeHtml(word))
    .replace(/[\\`*[\]~$^]/g, '\\$&')
    // Within a word it is no markdown, and names of settings stay as they can be copied.
    .replace(/(?<![a-z0-9])_|_(?![a-z0-9])/gi, '\\_')
    .replaceAll('|', '&#124;');

/** Names, paths and commands of others on one line, in code font. `limit` in characters. */
export function codeSpan(text: string, limit = 200): string {
  const shown = truncateEnd(oneLine(text), limit);
  if (shown === '') return '';
  // In a table a pipe ends the cell even inside backticks; there is no safe way to write "\|" there.
  if (shown.includes('|')) return `<code>${escapeWord(shown)}</code>`;
  const fence = '`'.repeat(longestRun(shown) + 1);
  const pad = /^`|`$/.test(shown) ? ' ' : '';
  return `${fence}${pad}${shown}${pad}${fence}`;
}

/** A block of text of others as it is, fenced beyond the longest run of backticks in it. */
export function codeBlock(text: string, language = 'text'): string {
  const shown = cleanText(text).replace(/^\n+|\s+$/g, '');
  const fence = '`'.repeat(Math.max(3, longestRun(shown) + 1));
  return `${fence}${language.replace(/[^\w-]/g, '')}\n${shown}\n${fence}`;
}

/** How many bytes `codeBlock` adds at most to text that has no longer run of backticks than `text`. */
export const codeBlockOverhead = (text: string): number => 2 * Math.max(3, longestRun(text) + 1) + 16;

/** A folded part. `summary` is plain text, `body` markdown. */
export function details(summary: string, body: string, open = false): string {
  const line = neutraliseAll(escapeHtml(oneLine(summary)));
  return `<details${open ? ' open' : ''}><summary>${line}</summary>\n\n${body}\n\n</details>`;
}

/** A table of cells that are already markdown. Columns named with a trailing ":" are aligned right. */
export function table(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map(cell).join(' | ')} |`;
  const heads = columns.map((column) => column.replace(/:$/, ''));
  const rule = columns.map((column) => (column.endsWith(':') ? '--:' : '---'));
  return [line(heads), `| ${rule.join(' | ')} |`, ...rows.map(line)].join('\n');
}

/** A link to an address of our own or checked by `safeUrl`; `label` is markdown. */
export function link(label: string, url: string): string {
  return `[${label}](${url.replace(/[\s<>\\`|[\]]/g, encodeURIComponent).replace(/[()@]/g, percent)})`;
}

/** An address of others if it may be linked: http(s), no credentials, not this machine's loopback; else null. */
export function safeUrl(address: string): string | null {
  if (address.length > LONGEST_URL || !URL.canParse(address)) return null;
  const url = new URL(address);
  if (!['http:', 'https:'].includes(url.protocol) || url.username || url.password) return null;
  if (/^(localhost|127\.|0\.0\.0\.0|\[::1?\])/.test(url.hostname)) return null;
  return url.href;
}

/** Whether others on the Internet, GitHub's image proxy among them, can ask this address. */
export function isPublicUrl(address: string): boolean {
  if (!URL.canParse(address)) return false;
  const { protocol, hostname } = new URL(address);
  if (protocol !== 'https:') return false;
  if (!/[.:]/.test(hostname) || /\.(localhost|local|internal|lan|test)$/.test(hostname)) return false;
  return !/^(\[|0\.|10\.|127\.|169\.254\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.)/.test(
    hostname,
  );
}

/** A sentence of others made to follow a colon: "Setup failed: exit code 1". */
export function clause(sentence: string): string {
  const text = oneLine(sentence).replace(/[.\s]+$/, '');
  // Names such as GitHub and words in capitals keep theirs.
  return /^[A-Z][a-z]*(\s|$|,)/.test(text) && !/^(Codegen|Node|Git|Docker)\b/.test(text)
    ? text[0]!.toLowerCase() + text.slice(1)
    : text;
}

/** Twice GitHub's largest limit; what is beyond is not worth cleaning. */
const CLEANED_AT_MOST = 128 * 1024;

const LONGEST_URL = 2000;

const oneLine = (text: string): string =>
  cleanText(text.slice(0, CLEANED_AT_MOST)).replace(/\s+/g, ' ').trim();

const longestRun = (text: string): number =>
  (text.match(/`+/g) ?? []).reduce((longest, run) => Math.max(longest, run.length), 0);

const HTML: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };

const escapeHtml = (text: string): string => text.replace(/[&<>]/g, (character) => HTML[character]!);

const percent = (character: string): string => `%${character.charCodeAt(0).toString(16)}`;

const cell = (markdown: string): string => markdown.replace(/\s*\n\s*/g, ' ').replace(/\|/g, '&#124;');
