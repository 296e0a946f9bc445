/**
 * Finds any number of literals in one pass over bytes (Aho and Corasick, 1975): the time depends on the length
 * of the text, not on how many literals there are.
 *
 * Inside a wrappable literal a line break is skipped, as `base64` and terminals break long values.
 */
export interface Literal<T> {
  bytes: Buffer;
  value: T;
  wrappable: boolean;
}

const LF = 10;
const CR = 13;

/** States near the root, where ordinary text stays, have a full row in a table; the few others list their children. */
const DENSE_DEPTH = 2;
export const SHORTEST_LITERAL = DENSE_DEPTH + 1;

/**
 * A private key has some 50,000 states in all its disguises, and automata are made for every text that leaves: so
 * states are numbers, and what is known of them lies in arrays.
 */
export class Automaton<T> {
  /** Per state: how many bytes of a literal were seen. */
  readonly depth: Uint32Array;
  /** Bytes of the longest literal. */
  readonly longest: number;
  /** States below this number are near the root and end no literal. */
  readonly denseStates: number;
  readonly #table: Uint32Array;
  /** States are numbered breadth first: the children of one are those from here to the next one's. */
  readonly #firstChild: Uint32Array;
  readonly #fail: Uint32Array;
  /** The last byte on the way here; -1 at the root. */
  readonly #lastByte: Int16Array;
  readonly #wrappable: Uint8Array;
  readonly #found: (readonly Literal<T>[])[];

  /** Literals shorter than SHORTEST_LITERAL bytes are refused with a RangeError. */
  constructor(literals: readonly Literal<T>[]) {
    const trie = new Trie(literals);
    const { size } = trie;
    const order = new Uint32Array(size);
    this.#firstChild = new Uint32Array(size + 1);
    this.depth = new Uint32Array(size);
    this.#lastByte = new Int16Array(size);
    this.#lastByte[0] = -1;
    this.#wrappable = new Uint8Array(size);
    let known = 1;
    for (let id = 0; id < size; id++) {
      this.#firstChild[id] = known;
      for (let node = trie.child[order[id]!]!; node !== 0; node = trie.sibling[node]!) {
        this.depth[known] = this.depth[id]! + 1;
        this.#lastByte[known] = trie.byte[node]!;
        this.#wrappable[known] = trie.wrappable[node]!;
        order[known++] = node;
      }
    }
    this.#firstChild[size] = size;
    const sparse = this.depth.findIndex((depth) => depth > DENSE_DEPTH);
    this.denseStates = sparse < 0 ? size : sparse;
    this.longest = this.depth[size - 1]!;
    this.#fail = new Uint32Array(size);
    this.#table = new Uint32Array(this.denseStates * 256);
    this.#found = new Array<readonly Literal<T>[]>(size).fill([]);
    for (let id = 0; id < size; id++) this.#link(id, trie.literals.get(order[id]!));
  }

  /** The row-major table of the dense states, for the caller's inner loop: `table[state * 256 + byte]`. */
  get table(): Uint32Array {
    return this.#table;
  }

  /** The state after one more byte. */
  step(state: number, byte: number): number {
    return this.#orSkip(state, byte, this.#follow(state, byte));
  }

  /** The literals that end at this state, longest first. */
  found(state: number): readonly Literal<T>[] {
    return this.#found[state]!;
  }

  #follow(from: number, byte: number): number {
    let state = from;
    while (state >= this.denseStates) {
      const end = this.#firstChild[state + 1]!;
      for (let child = this.#firstChild[state]!; child < end; child++)
        if (this.#lastByte[child] === byte) return child;
      state = this.#fail[state]!;
    }
    return this.#table[state * 256 + byte]!;
  }

  /** A line break that continues no literal leaves a wrappable one where it was. */
  #orSkip(state: number, byte: number, next: number): number {
    const lineBreak = byte === LF || byte === CR;
    return lineBreak && this.#wrappable[state] === 1 && this.#lastByte[next] !== byte ? state : next;
  }

  /** States come in breadth-first order, so whatever a state's failure link needs is already complete. */
  #link(id: number, literals: readonly Literal<T>[] | undefined): void {
    const fail = this.#fail[id]!;
    const shorter = id > 0 ? this.#found[fail]! : [];
    this.#found[id] = literals ? [...literals, ...shorter] : shorter;
    const [from, to] = [this.#firstChild[id]!, this.#firstChild[id + 1]!];
    if (id < this.denseStates) {
      const row = id * 256;
      if (id > 0) this.#table.copyWithin(row, fail * 256, fail * 256 + 256);
      for (let child = from; child < to; child++) this.#table[row + this.#lastByte[child]!] = child;
      for (const byte of [LF, CR]) {
        this.#table[row + byte] = this.#orSkip(id, byte, this.#table[row + byte]!);
      }
    }
    for (let child = from; child < to; child++)
      this.#fail[child] = id === 0 ? 0 : this.#follow(fail, this.#lastByte[child]!);
  }
}

/** All literals by their first bytes; 0 is the root, and "none" where a child or sibling is asked for. */
class Trie<T> {
  size = 1;
  readonly child: Uint32Array;
  readonly sibling: Uint32Array;
  readonly byte: Uint8Array;
  readonly wrappable: Uint8Array;
  /** By the state that they end at. */
  readonly literals = new Map<number, Literal<T>[]>();

  constructor(literals: readonly Literal<T>[]) {
    const most = literals.reduce((sum, { bytes }) => sum + bytes.length, 1);
    this.child = new Uint32Array(most);
    this.sibling = new Uint32Array(most);
    this.byte = new Uint8Array(most);
    this.wrappable = new Uint8Array(most);
    for (const literal of literals) this.#add(literal);
  }

  #add(literal: Literal<T>): void {
    const { bytes, wrappable } = literal;
    if (bytes.length < SHORTEST_LITERAL) throw new RangeError('literal too short');
    let state = 0;
    for (const byte of bytes) {
      let next = this.child[state]!;
      while (next !== 0 && this.byte[next] !== byte) next = this.sibling[next]!;
      if (next === 0) {
        next = this.size++;
        this.byte[next] = byte;
        this.sibling[next] = this.child[state]!;
        this.child[state] = next;
      }
      if (wrappable) this.wrappable[next] = 1;
      state = next;
    }
    const ending = this.literals.get(state);
    if (ending) ending.push(literal);
    else this.literals.set(state, [literal]);
  }
}
