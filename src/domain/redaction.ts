/**
 * Everything that leaves CodegenApp (logs, checks, comments, pages, prompts) passes here. Hidden are
 *
 * - the given secrets, also base64 (at any offset, with or without padding, both alphabets), URL-encoded,
 *   escaped for JSON, HTML or a shell, in hexadecimal, broken over lines, and each line of multi-line ones;
 * - what looks like a secret of a well-known kind: tokens of GitHub, GitLab, npm, AWS, Google, Slack, Stripe
 *   and "sk-…", JSON Web Tokens, Bearer and Basic credentials, passwords in URLs, private keys.
 *
 * Very short and very common values are special: see `hiding` in redaction/forms.ts.
 *
 * One pass whatever the number of secrets in a group; no regular expression runs over the text.
 */
import { Transform, type TransformCallback } from 'node:stream';
import { LONGEST_RUN } from './redaction/shapes.js';
import { compilePatterns, Scanner, type Patterns, type Range } from './redaction/scanner.js';

export { hiding } from './redaction/forms.js';

export interface Redactor {
  /** The text with every secret replaced by `***`. */
  readonly redact: (text: string) => string;
  /**
   * The bytes with every byte of a secret replaced by `*`, line breaks kept: same length, same lines, so byte
   * ranges and line numbers of the original hold. Returns `bytes` itself when nothing had to be hidden.
   */
  redactBytes(bytes: Buffer): Buffer;
  /** The same for a stream, also where a secret is split over chunks. Holds back a few bytes, for each group of
   * secrets at most 16 KiB plus three times the longest one; but a line that is whole comes out at once, also where
   * its last one or two bytes could be the first of a secret that goes on in the next line. */
  stream(): Transform;
  /** How many bytes before and after a part have to be read with it so that a secret across its edge is seen. */
  readonly context: number;
}

/**
 * A redactor for these secrets and for the well-known shapes.
 * @param groups a pass over the text for each. What lasts is best apart from what soon changes, as it is kept compiled;
 * but where a secret holds or overlaps one of an earlier group, its rest shows.
 */
export function createRedactor(...groups: Iterable<string>[]): Redactor {
  const lists = groups.map((secrets) => [...secrets]);
  let compiled: Patterns[] | undefined;
  const patterns = () => (compiled ??= lists.map(patternsOf));
  const scan = (bytes: Buffer, of: Patterns) => new Scanner(of).read(bytes, true).ranges;
  return {
    redact(text) {
      for (const of of patterns()) {
        const bytes = Buffer.from(text);
        const ranges = scan(bytes, of);
        if (ranges.length > 0) text = replace(bytes, ranges);
      }
      return text;
    },
    redactBytes: (bytes) => patterns().reduce((masked, of) => mask(masked, scan(masked, of)), bytes),
    stream() {
      const scanners = patterns().map((of) => new Scanner(of));
      const pass = (piece: Buffer, last: boolean): Buffer =>
        scanners.reduce((given, scanner) => {
          const { bytes, ranges } = scanner.read(given, last);
          return mask(bytes, ranges);
        }, piece);
      return new Transform({
        transform: (chunk: Buffer, _encoding, done: TransformCallback) => done(null, pass(chunk, false)),
        flush: (done: TransformCallback) => done(null, pass(Buffer.alloc(0), true)),
      });
    },
    get context() {
      return LONGEST_RUN + 3 * Math.max(...patterns().map(({ longest }) => longest));
    },
  };
}

/**
 * Patterns are kept for so many characters of secrets, those used last, in about 8 MB. Those of a private key and some
 * tokens take 20 ms to make, those of a git token one.
 */
const KEPT_CHARACTERS = 16_384;
const recent: { secrets: readonly string[]; patterns: Patterns }[] = [];

function patternsOf(secrets: readonly string[]): Patterns {
  const at = recent.findIndex(
    (known) =>
      known.secrets.length === secrets.length &&
      known.secrets.every((secret, index) => secret === secrets[index]),
  );
  const [found] = at < 0 ? [{ secrets, patterns: compilePatterns(secrets) }] : recent.splice(at, 1);
  recent.unshift(found!);
  let characters = 0;
  const over = recent.findIndex(
    ({ secrets: kept }) => (characters += kept.join('').length) > KEPT_CHARACTERS,
  );
  // What is used now stays, however much it is.
  if (over >= 0) recent.splice(Math.max(over, 1));
  return found!.patterns;
}

function replace(bytes: Buffer, ranges: readonly Range[]): string {
  const parts: string[] = [];
  let from = 0;
  for (const { start, end } of ranges) {
    parts.push(bytes.toString('utf8', from, start), '***');
    from = end;
  }
  parts.push(bytes.toString('utf8', from));
  return parts.join('');
}

const STAR = 42;
const LF = 10;
const CR = 13;

function mask(bytes: Buffer, ranges: readonly Range[]): Buffer {
  if (ranges.length === 0) return bytes;
  const masked = Buffer.from(bytes);
  for (const { start, end } of ranges) {
    for (let index = start; index < end; index++) {
      if (masked[index] !== LF && masked[index] !== CR) masked[index] = STAR;
    }
  }
  return masked;
}
