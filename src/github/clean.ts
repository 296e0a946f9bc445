import stripAnsi from 'strip-ansi';

/** Controls other than tab and line feed. */
const CONTROLS = /[\0-\x08\x0b-\x1f\x7f-\x9f]/g;

/**
 * Characters that show nothing and change how what follows is read: direction overrides ("Trojan Source",
 * CVE-2021-42574), zero-width space and joiners of words, byte order mark, interlinear annotation, and the tag
 * characters that hide text from people but not from language models. Joiners used in emoji and scripts stay.
 */
const INVISIBLE =
  /[\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]/gu;

/**
 * Untrusted text as a person would have seen it in a terminal: without escape sequences, with what a carriage
 * return overwrote gone, lines ended by "\n", no control or invisible characters, well-formed Unicode.
 */
export function cleanText(text: string): string {
  return stripAnsi(text)
    .split('\n')
    .map(lastWritten)
    .join('\n')
    .replace(/[\u2028\u2029]/g, '\n')
    .replace(CONTROLS, '')
    .replace(INVISIBLE, '')
    .replace(/\p{Surrogate}/gu, '\ufffd');
}

/** Progress bars write a line again and again after "\r"; the last state is what stays. */
function lastWritten(line: string): string {
  let end = line.length;
  while (line[end - 1] === '\r') end--;
  return line.slice(line.lastIndexOf('\r', end - 1) + 1, end);
}
