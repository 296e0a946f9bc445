/**
 * One line of a terminal's output as text and colours. Used by the server too, so nothing here touches the DOM; and
 * nothing here makes markup: what comes out is text and the names of classes from a fixed set.
 */

export interface Piece {
  text: string;
  /** Names of our own, e.g. `ansi-red ansi-bold`; may be empty. */
  classes: string;
}

interface Look {
  color: string;
  ground: string;
  bold: boolean;
  faint: boolean;
  italic: boolean;
  underline: boolean;
}

const COLORS = ['black', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white'] as const;
const PLAIN: Look = { color: '', ground: '', bold: false, faint: false, italic: false, underline: false };

/** CSI, OSC and other strings up to their end, and two-character escapes. Linear: no part can match another's text. */
const ESCAPE =
  /(?:\u001b\[|\u009b)([0-?]*)[ -/]*([@-~])|(?:\u001b[\]PX^_]|[\u009d\u0090])[^\u0007\u001b\u009c]*(?:\u0007|\u001b\\|\u009c|$)|\u001b[ -/]*[0-~]|\u001b/g;

/** What shows nothing or turns text around: direction overrides, zero-width characters, tags, other controls. */
const UNSEEN =
  /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]/gu;

/** The line as it stood on the screen at last, in pieces of one look each. Links of OSC 8 become their text. */
export function parseAnsi(line: string): Piece[] {
  const pieces: Piece[] = [];
  const text = lastWritten(line);
  let look = PLAIN;
  let from = 0;
  const push = (to: number) => {
    const shown = text.slice(from, to).replace(UNSEEN, '');
    if (shown === '') return;
    const classes = classesOf(look);
    const last = pieces.at(-1);
    if (last?.classes === classes) last.text += shown;
    else pieces.push({ text: shown, classes });
  };
  for (const match of text.matchAll(ESCAPE)) {
    push(match.index);
    from = match.index + match[0].length;
    if (match[2] === 'm') look = select(look, match[1]!);
  }
  push(text.length);
  return pieces;
}

/** The line without its colours. */
export const plainLine = (line: string): string =>
  parseAnsi(line)
    .map(({ text }) => text)
    .join('');

/** Progress bars write a line again and again after "\r"; the last state is what stays. */
function lastWritten(line: string): string {
  if (!line.includes('\r')) return line;
  const end = line.replace(/[\r\n]+$/, '');
  return end.slice(end.lastIndexOf('\r') + 1);
}

/** Select Graphic Rendition (ECMA-48 8.3.117), as far as it makes a difference here. */
function select(look: Look, parameters: string): Look {
  const codes = parameters.split(/[;:]/, 40).map((code) => Number(code) || 0);
  const next = { ...look };
  for (let n = 0; n < codes.length; n++) {
    const code = codes[n]!;
    if (code === 0) Object.assign(next, PLAIN);
    else if (code === 1) next.bold = true;
    else if (code === 2) next.faint = true;
    else if (code === 3) next.italic = true;
    else if (code === 4) next.underline = true;
    else if (code === 22) next.bold = next.faint = false;
    else if (code === 23) next.italic = false;
    else if (code === 24) next.underline = false;
    else if (code >= 30 && code <= 37) next.color = COLORS[code - 30]!;
    else if (code >= 90 && code <= 97) next.color = `bright-${COLORS[code - 90]!}`;
    else if (code === 39) next.color = '';
    else if (code >= 40 && code <= 47) next.ground = COLORS[code - 40]!;
    else if (code >= 100 && code <= 107) next.ground = COLORS[code - 100]!;
    else if (code === 49) next.ground = '';
    else if (code === 38 || code === 48) {
      const extended = codes[n + 1] === 5 ? indexed(codes[n + 2] ?? 0) : nearest(codes.slice(n + 2, n + 5));
      if (code === 38) next.color = extended;
      else next.ground = extended.replace('bright-', '');
      n += codes[n + 1] === 5 ? 2 : 4;
    }
  }
  return next;
}

/** Of the 256 colours: ours have names, so that both themes can give them contrast. */
function indexed(index: number): string {
  if (index < 8) return COLORS[index]!;
  if (index < 16) return `bright-${COLORS[index - 8]!}`;
  if (index >= 232) return index < 244 ? 'bright-black' : 'white';
  const level = (step: number) => Math.floor((index - 16) / step) % 6;
  return nearest([level(36) * 51, level(6) * 51, level(1) * 51]);
}

/** The named colour that comes nearest to red, green and blue. */
function nearest(rgb: number[]): string {
  const [red = 0, green = 0, blue = 0] = rgb;
  const most = Math.max(red, green, blue);
  if (most < 64) return 'bright-black';
  const bit = (value: number, n: number) => (value > most / 2 ? 1 << n : 0);
  const name = COLORS[bit(red, 0) | bit(green, 1) | bit(blue, 2)]!;
  return most > 200 ? `bright-${name}` : name;
}

function classesOf({ color, ground, bold, faint, italic, underline }: Look): string {
  return [
    color && `ansi-${color}`,
    ground && `ansi-on-${ground}`,
    bold && 'ansi-bold',
    faint && 'ansi-faint',
    italic && 'ansi-italic',
    underline && 'ansi-underline',
  ]
    .filter(Boolean)
    .join(' ');
}
