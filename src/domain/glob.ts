/**
 * Glob patterns over paths, anchored at both ends as in `paths-ignore` of GitHub Actions: `*.md` means files
 * at the top only, `**` + `/*.md` files anywhere, `docs/**` everything below docs. Unlike there, `?` is one
 * character and `{a,b}` means alternatives, as in shells. Names that begin with a dot are names like others.
 *
 * | pattern | stands for |
 * |---|---|
 * | `*`, `?` | any characters, one character; never `/` |
 * | `**` | any characters, `/` too; `**` + `/` at the start of a segment also stands for nothing |
 * | `[abc]`, `[a-z]`, `[!a]` | one character in, or not in, the set; never `/` |
 * | `{a,b}` | either |
 * | `dir/` | everything below dir |
 * | `\x` | the character x itself |
 *
 * Matching takes time proportional to pattern times path, whatever they hold: no regular expression is made.
 */

type Token =
  | { type: 'character'; value: string }
  | { type: 'set'; ranges: [string, string][]; negated: boolean }
  | { type: 'any' | 'star' | 'globstar' | 'folders' };

/** Alternatives multiply (`{a,b}{a,b}…`); beyond this a pattern is refused. */
const MAX_ALTERNATIVES = 128;

/** Why `pattern` can't be used, as the rest of a sentence, or null when it can. */
export function globProblem(pattern: string): string | null {
  try {
    compile(pattern);
    return null;
  } catch (error) {
    if (error instanceof GlobError) return error.message;
    throw error;
  }
}

/**
 * Whether a path (`/`-separated, relative) is meant by the patterns. One that begins with `!` takes out again
 * what those before it let in, so the last one that matches decides.
 * Throws GlobError on a pattern that globProblem would name.
 */
export function globMatcher(patterns: readonly string[]): (path: string) => boolean {
  const compiled = patterns.map((pattern) => {
    const negated = pattern.startsWith('!');
    return { negated, alternatives: compile(pattern) };
  });
  return (path) => {
    const characters = [...path];
    const last = compiled.findLast(({ alternatives }) =>
      alternatives.some((tokens) => matches(tokens, characters)),
    );
    return last !== undefined && !last.negated;
  };
}

export class GlobError extends Error {
  override name = 'GlobError';
}

function compile(pattern: string): Token[][] {
  const body = pattern.startsWith('!') ? pattern.slice(1) : pattern;
  if (body === '') throw new GlobError('it is empty');
  return expandBraces([...body]).map(tokenise);
}

/** `a{b,c}` → `ab`, `ac`; nested ones too. Escapes and sets are left as they are. */
function expandBraces(pattern: string[]): string[][] {
  const open = findUnescaped(pattern, 0, '{');
  if (open === -1) return [pattern];

  const parts: string[][] = [];
  let depth = 0;
  let start = open + 1;
  let close = -1;
  for (let i = open; i < pattern.length && close === -1; i++) {
    if (pattern[i] === '\\') i++;
    else if (pattern[i] === '[') i = endOfSet(pattern, i);
    else if (pattern[i] === '{') depth++;
    else if (pattern[i] === ',' && depth === 1) {
      parts.push(pattern.slice(start, i));
      start = i + 1;
    } else if (pattern[i] === '}' && --depth === 0) close = i;
  }
  if (close === -1) throw new GlobError('a `{` in it is never closed by `}`');
  parts.push(pattern.slice(start, close));

  const before = pattern.slice(0, open);
  const rests = expandBraces(pattern.slice(close + 1));
  const middles = parts.flatMap(expandBraces);
  if (rests.length * middles.length > MAX_ALTERNATIVES) {
    throw new GlobError(`its \`{…}\` stand for more than ${MAX_ALTERNATIVES} alternatives`);
  }
  return middles.flatMap((middle) => rests.map((rest) => [...before, ...middle, ...rest]));
}

/** The position of `wanted` outside of sets and escapes, or -1. */
function findUnescaped(pattern: string[], from: number, wanted: string): number {
  for (let i = from; i < pattern.length; i++) {
    if (pattern[i] === '\\') i++;
    else if (pattern[i] === wanted) return i;
    else if (pattern[i] === '[') i = endOfSet(pattern, i);
  }
  return -1;
}

/** The position of the `]` that ends the set opened at `open`; a `]` right at its start is a member of it. */
function endOfSet(pattern: string[], open: number): number {
  let i = open + 1;
  if (pattern[i] === '!' || pattern[i] === '^') i++;
  if (pattern[i] === ']') i++;
  for (; i < pattern.length; i++) {
    if (pattern[i] === '\\') i++;
    else if (pattern[i] === ']') return i;
  }
  throw new GlobError('a `[` in it is never closed by `]`');
}

function tokenise(pattern: string[]): Token[] {
  const tokens: Token[] = [];
  for (let i = 0; i < pattern.length; i++) {
    const character = pattern[i]!;
    if (character === '\\') {
      const escaped = pattern[++i];
      if (escaped === undefined) throw new GlobError('it ends with a `\\` that escapes nothing');
      tokens.push({ type: 'character', value: escaped });
    } else if (character === '?') {
      tokens.push({ type: 'any' });
    } else if (character === '[') {
      const end = endOfSet(pattern, i);
      tokens.push(readSet(pattern.slice(i + 1, end)));
      i = end;
    } else if (character === '*' && pattern[i + 1] === '*') {
      const atStart = i === 0 || pattern[i - 1] === '/';
      while (pattern[i + 1] === '*') i++;
      if (atStart && pattern[i + 1] === '/') {
        tokens.push({ type: 'folders' });
        i++;
      } else {
        tokens.push({ type: 'globstar' });
      }
    } else if (character === '*') {
      tokens.push({ type: 'star' });
    } else {
      tokens.push({ type: 'character', value: character });
    }
  }
  if (pattern.at(-1) === '/') tokens.push({ type: 'globstar' });
  return tokens;
}

function readSet(inside: string[]): Token {
  const negated = inside[0] === '!' || inside[0] === '^';
  const ranges: [string, string][] = [];
  for (let i = negated ? 1 : 0; i < inside.length; i++) {
    if (inside[i] === '\\' && i + 1 < inside.length) i++;
    const from = inside[i]!;
    if (inside[i + 1] === '-' && i + 2 < inside.length) {
      i += 2;
      if (inside[i] === '\\' && i + 1 < inside.length) i++;
      ranges.push([from, inside[i]!]);
    } else {
      ranges.push([from, from]);
    }
  }
  return { type: 'set', ranges, negated };
}

/** Whether the characters that a pattern ends with are those of the path: most paths are told apart by that. */
function endsAlike(tokens: readonly Token[], path: readonly string[]): boolean {
  for (let n = 1; n <= tokens.length; n++) {
    const token = tokens[tokens.length - n]!;
    if (token.type !== 'character') return true;
    if (token.value !== path[path.length - n]) return false;
  }
  return true;
}

/** Row by row from the last token: `row[p]` tells whether the tokens from here on match the path from p on. */
function matches(tokens: readonly Token[], path: readonly string[]): boolean {
  if (!endsAlike(tokens, path)) return false;
  const end = path.length;
  let next = new Uint8Array(end + 2);
  next[end] = 1;
  for (const token of tokens.toReversed()) {
    const row = new Uint8Array(end + 2);
    let afterFolder = 0;
    for (let p = end; p >= 0; p--) {
      const character = path[p];
      switch (token.type) {
        case 'globstar':
          row[p] = next[p]! | row[p + 1]!;
          break;
        case 'star':
          row[p] = next[p]! | (character === '/' ? 0 : row[p + 1]!);
          break;
        case 'folders':
          if (character === '/') afterFolder |= next[p + 1]!;
          row[p] = next[p]! | afterFolder;
          break;
        default:
          row[p] = character !== undefined && standsFor(token, character) ? next[p + 1]! : 0;
      }
    }
    next = row;
  }
  return next[0] === 1;
}

function standsFor(token: Token, character: string): boolean {
  if (token.type === 'character') return token.value === character;
  if (character === '/') return false;
  if (token.type !== 'set') return true;
  const inSet = token.ranges.some(([from, to]) => from <= character && character <= to);
  return inSet !== token.negated;
}
