/**
 * Finds commands in a comment's markdown. A command is a line of its own that begins with `/codegen` (indented
 * by three spaces at most), in any case. Not commands are lines in quotes, in fenced, indented or inline code,
 * in HTML comments, and in `<pre>` and `<blockquote>`. A line that follows a quote without `>` was typed by the
 * author and counts, although markdown shows it as part of the quote.
 */

export interface ParsedCommand {
  /** Its place among the comment's commands, from 0. */
  index: number;
  /** Lower case, without punctuation at its end; empty where nothing follows `/codegen`. */
  name: string;
  /** The rest of its line, trimmed, without HTML comments. */
  argument: string;
  /** The lines after it up to the next blank line, quote or command; code among them included. */
  following: string;
}

export interface ParsedComment {
  commands: ParsedCommand[];
  /** How many more there were than are taken from one comment. */
  leftOut: number;
}

export const MAX_COMMANDS_PER_COMMENT = 10;
/** GitHub's own limit of a comment. */
const MAX_LENGTH = 65_536;

const COMMAND = /^ {0,3}\/codegen(?=\s|$)(.*)$/i;

export function parseCommands(markdown: string): ParsedComment {
  const lines = classify(markdown.slice(0, MAX_LENGTH).replace(/\r\n?/g, '\n').split('\n'));
  hideInline(lines);
  const commands: ParsedCommand[] = [];
  let leftOut = 0;
  let open: { command: ParsedCommand; following: string[] } | null = null;
  const close = () => {
    if (open) open.command.following = open.following.join('\n').trim();
    open = null;
  };
  for (const line of lines) {
    const match = line.kind === 'text' && !line.startsHidden ? COMMAND.exec(line.visible) : null;
    if (match) {
      close();
      if (commands.length >= MAX_COMMANDS_PER_COMMENT) {
        leftOut++;
        continue;
      }
      const [, word = '', argument = ''] = /^(\S*)(.*)$/s.exec((match[1] ?? '').trim()) ?? [];
      const command: ParsedCommand = {
        index: commands.length,
        name: word.toLowerCase().replace(/[.,:;!]+$/, ''),
        argument: argument.trim(),
        following: '',
      };
      commands.push(command);
      open = { command, following: [] };
    } else if (line.kind === 'blank' || line.kind === 'quote') {
      close();
    } else if (line.kind !== 'html') {
      (open as { following: string[] } | null)?.following.push(line.visible);
    }
  }
  close();
  return { commands, leftOut };
}

interface Line {
  kind: 'text' | 'code' | 'quote' | 'html' | 'blank';
  /** The text without HTML comments. */
  visible: string;
  /** It begins inside inline code or an HTML comment of an earlier line. */
  startsHidden: boolean;
}

const LIST_MARKER = /^( {0,3}(?:[-*+]|\d{1,9}[.)]))( {1,4}|$)/;
const RAW_HTML = /^ {0,3}<(pre|blockquote|script|style|textarea)\b/i;

/** The blocks of markdown that matter here, as CommonMark 0.31 delimits them. */
function classify(lines: readonly string[]): Line[] {
  let fence: { character: string; length: number; container: number } | null = null;
  let htmlEnd: RegExp | null = null;
  // how far the content of the current list item is indented; 0 outside of lists
  let list = 0;
  return lines.map((raw): Line => {
    const line = (kind: Line['kind']): Line => ({ kind, visible: raw, startsHidden: false });
    if (htmlEnd) {
      if (htmlEnd.test(raw)) htmlEnd = null;
      return line('html');
    }
    const blank = raw.trim() === '';
    const indent = indentation(raw);
    if (fence) {
      const closing = new RegExp(`^\\s*${fence.character}{${fence.length},}\\s*$`);
      const leavesContainer = !blank && indent < fence.container;
      if (!leavesContainer) {
        if (closing.test(raw) && indent - fence.container < 4) fence = null;
        return line('code');
      }
      fence = null;
    }
    if (blank) return line('blank');
    const marker = LIST_MARKER.exec(raw);
    if (marker) list = (marker[1] ?? '').length + Math.max(1, (marker[2] ?? '').length);
    else if (indent < list && indent < 2) list = 0;
    const content = marker ? raw.slice(list) : raw;
    const fenceStart = /^\s*(`{3,}(?=[^`]*$)|~{3,})/.exec(content)?.[1];
    if (fenceStart && (list > 0 || indent < 4)) {
      fence = {
        character: fenceStart[0] ?? '`',
        length: fenceStart.length,
        container: Math.min(list, marker ? list : indent),
      };
      return line('code');
    }
    if (/^ {0,3}>/.test(raw)) return line('quote');
    if (indent >= 4 && list === 0) return line('code');
    if (/^ {0,3}<!--/.test(raw)) {
      if (!raw.slice(raw.indexOf('<!--') + 4).includes('-->')) htmlEnd = /-->/;
      return line('html');
    }
    const tag = RAW_HTML.exec(raw)?.[1];
    if (tag) {
      const end = new RegExp(`</${tag}\\s*>`, 'i');
      if (!end.test(raw)) htmlEnd = end;
      return line('html');
    }
    return line('text');
  });
}

function indentation(line: string): number {
  let columns = 0;
  for (const character of line) {
    if (character === ' ') columns++;
    else if (character === '\t') columns += 4 - (columns % 4);
    else break;
  }
  return columns;
}

/**
 * Inline code and HTML comments may reach over lines, but not out of their paragraph. Marks the lines that begin
 * inside of one, and takes the comments out of the visible text.
 */
function hideInline(lines: Line[]): void {
  for (let start = 0; start < lines.length; start++) {
    if (lines[start]?.kind !== 'text') continue;
    let end = start + 1;
    while (lines[end]?.kind === 'text' && !startsBlock(lines[end]?.visible ?? '')) end++;
    hideInParagraph(lines.slice(start, end));
    start = end - 1;
  }
}

const startsBlock = (text: string): boolean => LIST_MARKER.test(text) || /^ {0,3}#{1,6}\s/.test(text);

function hideInParagraph(lines: Line[]): void {
  const text = lines.map((line) => line.visible).join('\n');
  const lastCommentEnd = text.lastIndexOf('-->');
  const visible: string[] = [''];
  const startsHidden: boolean[] = [false];
  const emit = (piece: string, shown: boolean) => {
    piece.split('\n').forEach((part, index) => {
      if (index > 0) {
        visible.push('');
        startsHidden.push(true);
      }
      if (shown) visible[visible.length - 1] += part;
    });
  };
  // escapes, code spans, beginnings of comments, whichever comes first; a lone run of backticks is text
  const token = /\\[\\`<]|(?<!`)(`+)(?!`)([\s\S]*?[^`])\1(?!`)|<!--|`+|\n/g;
  let position = 0;
  for (let match = token.exec(text); match; match = token.exec(text)) {
    visible[visible.length - 1] += text.slice(position, match.index);
    position = match.index + match[0].length;
    if (match[0] === '\n') {
      visible.push('');
      startsHidden.push(false);
    } else if (match[0] === '<!--' && position <= lastCommentEnd) {
      position = text.indexOf('-->', position) + 3;
      emit(text.slice(match.index, position), false);
    } else emit(match[0], true);
    token.lastIndex = position;
  }
  visible[visible.length - 1] += text.slice(position);
  lines.forEach((line, index) => {
    line.visible = visible[index] ?? '';
    line.startsHidden = startsHidden[index] ?? false;
  });
}
