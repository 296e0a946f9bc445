import { Automaton, type Literal } from './automaton.js';
import { LONGEST_RUN, SHAPES, WORD, type Shape } from './shapes.js';
import { hiding, secretForms } from './forms.js';

/** What a literal stands for: a known secret itself, or the trigger of a shape. */
type Meaning = Shape | 'secret';

export type Patterns = Automaton<Meaning>;

/** Half-open range of bytes to hide, relative to the scanner's window. */
export interface Range {
  start: number;
  end: number;
}

/** A run behind a trigger that has not ended yet. */
interface OpenRun {
  shape: Shape;
  /** Where hiding would start, and where the run starts; they differ only where the trigger is hidden too. */
  start: number;
  runStart: number;
  satisfied: boolean;
  /** Long enough to be a secret for sure: hidden as far as it was read. */
  hidden: boolean;
}

const LF = 10;
const CR = 13;

/**
 * So many bytes of a secret may be seen at the end of a line. A private key's many forms begin with nearly all
 * letters. Were a line held back for an end that could also be the first bytes of a secret broken just there, every
 * third line of a log would be seen only with the next one.
 */
const TELLS_NOTHING = 2;

/** All literals to look for: every form of every secret, and the triggers of the well-known shapes. */
export function compilePatterns(secrets: Iterable<string>): Patterns {
  const literals: Literal<Meaning>[] = [];
  const add = (text: string, value: Meaning) =>
    literals.push({ bytes: Buffer.from(text), value, wrappable: value === 'secret' });
  const forms = new Set<string>();
  for (const secret of secrets) {
    const how = hiding(secret);
    if (how === 'everywhere') for (const form of secretForms(secret)) forms.add(form);
    if (how === 'word') add(secret.trim(), { ...WHOLE_WORD, triggers: [secret.trim()] });
  }
  for (const form of forms) add(form, 'secret');
  for (const shape of SHAPES) for (const trigger of shape.triggers) add(trigger, shape);
  return new Automaton(literals);
}

/** A short secret counts only where no word character precedes or follows. */
const WHOLE_WORD: Omit<Shape, 'triggers'> = { run: WORD, min: 0, max: 0, wordStart: true, hideTrigger: true };

/**
 * Finds what to hide in a text that comes in pieces. The window holds what is undecided plus the newest piece;
 * everything before `decided` is final.
 */
export class Scanner {
  readonly #patterns: Patterns;
  #window: Buffer = Buffer.alloc(0);
  #ranges: Range[] = [];
  #state = 0;
  /** The last byte before the window. */
  #before: number | undefined;
  #open: OpenRun[] = [];

  constructor(patterns: Patterns) {
    this.#patterns = patterns;
  }

  /** Bytes and ranges that are final once `piece` is read; with `last`, all that is left. */
  read(piece: Buffer, last = false): { bytes: Buffer; ranges: Range[] } {
    const from = this.#window.length;
    this.#window = from === 0 ? piece : Buffer.concat([this.#window, piece]);
    this.#scan(from);
    if (last) for (const run of this.#open.splice(0)) this.#close(run, this.#window.length);
    return this.#take(last ? this.#window.length : this.#decided());
  }

  #scan(from: number): void {
    const window = this.#window;
    const { table, denseStates } = this.#patterns;
    let state = this.#state;
    let index = from;
    while (index < window.length) {
      if (state < denseStates && this.#open.length === 0) {
        // The inner loop: nearly all text passes here.
        while (index < window.length) {
          state = table[state * 256 + window[index++]!]!;
          if (state >= denseStates) break;
        }
      } else {
        const byte = window[index]!;
        if (this.#open.length > 0) this.#follow(byte, index);
        state = this.#patterns.step(state, byte);
        index++;
      }
      if (state >= denseStates) this.#hit(state, index);
    }
    this.#state = state;
  }

  #hit(state: number, end: number): void {
    for (const literal of this.#patterns.found(state)) {
      if (literal.value === 'secret') this.#hide(this.#startOf(literal.bytes, end), end);
      else this.#openRun(literal.value, end - literal.bytes.length, end, literal.bytes);
    }
  }

  /** Where a literal that ends at `end` begins, line breaks inside it included. */
  #startOf(bytes: Buffer, end: number): number {
    let start = end;
    for (let left = bytes.length; left > 0 && start > 0; start--) {
      const byte = this.#window[start - 1]!;
      if (byte === bytes[left - 1]) left--;
      else if (byte !== LF && byte !== CR) break;
    }
    return start;
  }

  #openRun(shape: Shape, start: number, end: number, trigger: Buffer): void {
    // A trigger may share its first bytes with a wrappable secret and so be found across a line break.
    if (start < 0 || !this.#window.subarray(start, end).equals(trigger)) return;
    const before = start > 0 ? this.#window[start - 1] : this.#before;
    if (shape.wordStart && before !== undefined && WORD[before]) return;
    if (this.#open.some((run) => run.shape === shape)) return;
    this.#open.push({
      shape,
      start: shape.hideTrigger ? start : end,
      runStart: end,
      satisfied: shape.needs === undefined,
      hidden: false,
    });
  }

  #follow(byte: number, index: number): void {
    const ended: OpenRun[] = [];
    for (const run of this.#open) {
      const { shape } = run;
      const length = index - run.runStart;
      if (!shape.run[byte] || length >= Math.min(LONGEST_RUN, (shape.max ?? LONGEST_RUN) + 1)) {
        this.#close(run, index);
        ended.push(run);
        continue;
      }
      if (byte === shape.until && run.satisfied) this.#hide(run.start, index);
      if (shape.needs?.[byte] && length >= (shape.needsFrom ?? 0)) run.satisfied = true;
      run.hidden = isEndless(shape) && run.satisfied && length + 1 >= shape.min;
      if (run.hidden) this.#hide(run.start, index + 1);
    }
    if (ended.length > 0) this.#open = this.#open.filter((run) => !ended.includes(run));
  }

  #close(run: OpenRun, end: number): void {
    const { shape, satisfied } = run;
    const length = end - run.runStart;
    if (shape.until !== undefined || shape.max === undefined) return;
    if (satisfied && length >= shape.min && length <= shape.max) this.#hide(run.start, end);
  }

  #hide(start: number, end: number): void {
    const from = Math.max(0, start);
    let last = this.#ranges.at(-1);
    while (last && last.end >= from) {
      if (last.start <= from) {
        last.end = Math.max(last.end, end);
        return;
      }
      this.#ranges.pop();
      last = this.#ranges.at(-1);
    }
    this.#ranges.push({ start: from, end });
  }

  /** Nothing before this can still become part of a match. */
  #decided(): number {
    const seen = this.#patterns.depth[this.#state]!;
    const tellsNothing = seen <= TELLS_NOTHING && this.#window.at(-1) === LF;
    // Each byte of a literal may have a line break of two bytes before it.
    const literal = this.#window.length - (tellsNothing ? 0 : 3 * seen);
    const undecided = this.#open.filter((run) => !run.hidden).map((run) => run.start);
    return Math.max(0, Math.min(literal, ...undecided));
  }

  #take(count: number): { bytes: Buffer; ranges: Range[] } {
    const bytes = this.#window.subarray(0, count);
    this.#before = bytes.at(-1) ?? this.#before;
    const ranges = this.#ranges.filter(({ start }) => start < count);
    // A copy: whoever gave us the piece may reuse its memory.
    this.#window = Buffer.from(this.#window.subarray(count));
    this.#ranges = this.#ranges
      .filter(({ end }) => end > count)
      .map(({ start, end }) => ({ start: Math.max(0, start - count), end: end - count }));
    for (const run of this.#open) {
      run.start -= count;
      run.runStart -= count;
    }
    return { bytes, ranges: ranges.map(({ start, end }) => ({ start, end: Math.min(end, count) })) };
  }
}

const isEndless = (shape: Shape): boolean => shape.max === undefined && shape.until === undefined;
