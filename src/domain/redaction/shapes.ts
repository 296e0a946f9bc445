/**
 * Secrets that nobody told us about but that are known by their looks: a literal that gives them away (the
 * trigger), followed by a run of characters. Only the run is hidden, so a reader still sees what kind of secret
 * it was. A run is described by bytes rather than by a regular expression: one pass, no backtracking, and it
 * works over chunk borders.
 */
export interface Shape {
  triggers: string[];
  /** What the run consists of. */
  run: ByteClass;
  /** Bytes that the run has to have before it counts as a secret. */
  min: number;
  /** A longer run is something else. Without it the run is hidden to its end. */
  max?: number;
  /** The run has to hold one of these, so that ordinary words are left alone … */
  needs?: ByteClass;
  /** … at this index or later (0 without it). */
  needsFrom?: number;
  /** The run is hidden only up to this byte, and only if it comes. */
  until?: number;
  /** The byte before the trigger must not be a letter, digit or underscore. */
  wordStart?: boolean;
  /** Hide the trigger as well. */
  hideTrigger?: boolean;
}

export type ByteClass = Uint8Array;

/** The bytes that match a character class, e.g. `[a-z0-9]`; bytes over 0x7f count as U+0080-U+00FF. */
export function byteClass(pattern: RegExp): ByteClass {
  return Uint8Array.from({ length: 256 }, (_, byte) => Number(pattern.test(String.fromCharCode(byte))));
}

export const WORD = byteClass(/\w/);

const TOKEN = byteClass(/[\w-]/);
const DOTTED = byteClass(/[\w.-]/);
const DIGIT = byteClass(/\d/);
const CREDENTIAL = byteClass(/[\w.~+/=-]/);
const NOT_PROSE = byteClass(/[A-Z0-9+/=_]/);

/** No run is followed further than this; also bounds what a stream holds back. */
export const LONGEST_RUN = 16 * 1024;

const inThreeCases = (word: string): string[] => [word, word.toLowerCase(), word.toUpperCase()];

export const SHAPES: readonly Shape[] = [
  // GitHub; installation tokens are growing into ghs_<app>_<JWT>, so dots and dashes belong to the run.
  { triggers: ['ghp_', 'gho_', 'ghu_', 'ghs_', 'ghr_'], run: DOTTED, min: 20, wordStart: true },
  { triggers: ['github_pat_'], run: WORD, min: 20, wordStart: true },
  { triggers: ['glpat-'], run: TOKEN, min: 20, wordStart: true },
  { triggers: ['npm_'], run: WORD, min: 36, wordStart: true },
  // AWS access key ids.
  { triggers: ['AKIA', 'ASIA'], run: byteClass(/[A-Z0-9]/), min: 16, max: 16, wordStart: true },
  { triggers: ['AIza'], run: TOKEN, min: 35, wordStart: true },
  {
    triggers: ['xoxa-', 'xoxb-', 'xoxe-', 'xoxp-', 'xoxr-', 'xoxs-', 'xapp-'],
    run: TOKEN,
    min: 10,
    needs: DIGIT,
    wordStart: true,
  },
  { triggers: ['sk-'], run: TOKEN, min: 20, needs: DIGIT, wordStart: true },
  {
    triggers: ['sk_live_', 'sk_test_', 'rk_live_', 'rk_test_', 'whsec_'],
    run: WORD,
    min: 16,
    wordStart: true,
  },
  // JSON Web Tokens: base64 of {"… and at least one dot.
  { triggers: ['eyJ'], run: DOTTED, min: 30, needs: byteClass(/\./), wordStart: true },
  // "Basic authentication" is prose: a credential has a capital, digit or sign after its first character.
  { triggers: inThreeCases('Bearer '), run: CREDENTIAL, min: 8, needs: NOT_PROSE, needsFrom: 1 },
  { triggers: inThreeCases('Basic '), run: CREDENTIAL, min: 8, needs: NOT_PROSE, needsFrom: 1 },
  // scheme://user:password@host
  {
    triggers: ['://'],
    run: byteClass(/[^\s/?#"'<>\\`\0-\x1f]/),
    min: 1,
    max: 1024,
    needs: byteClass(/:/),
    until: '@'.charCodeAt(0),
  },
  // Private keys: the body up to "-----END", also with its newlines written as \n; old encrypted ones have a
  // header with dashes before the body.
  {
    triggers: [' PRIVATE KEY-----', '-----BEGIN PRIVATE KEY-----', 'PGP PRIVATE KEY BLOCK-----', '-CBC,'],
    run: byteClass(/[\w+/=\s\\:,]/),
    min: 40,
  },
];
