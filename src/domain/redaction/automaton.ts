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

/** States near the root, where ordinary text stays, have a full row in a table; the few others use a map. */
const DENSE_DEPTH = 2;
export const SHORTEST_LITERAL = DENSE_DEPTH + 1;

interface Node<T> {
  next: Map<number, Node<T>>;
  id: number;
  depth: number;
  /** The last byte on the way here; -1 at the root. */
  byte: number;
  fail: number;
  wrappable: boolean;
  literals: Literal<T>[];
}

export class Automaton<T> {
  /** Per state: how many bytes of a literal were seen. */
  readonly depth: Uint32Array;
  /** Bytes of the longest literal. */
  readonly longest: number;
  /** States below this number are near the root and end no literal. */
  readonly denseStates: number;
  readonly #table: Uint32Array;
  readonly #edges = new Map<number, number>();
  readonly #fail: Uint32Array;
  readonly #lastByte: Int16Array;
  readonly #wrappable: Uint8Array;
  readonly #found: (readonly Literal<T>[])[];

  /** Literals shorter than SHORTEST_LITERAL bytes are refused with a RangeError. */
  constructor(literals: Iterable<Literal<T>>) {
    const nodes = inBreadth(trie(literals));
    this.denseStates = nodes.findIndex((node) => node.depth > DENSE_DEPTH);
    if (this.denseStates < 0) this.denseStates = nodes.length;
    this.longest = nodes.at(-1)!.depth;
    this.depth = Uint32Array.from(nodes, (node) => node.depth);
    this.#lastByte = Int16Array.from(nodes, (node) => node.byte);
    this.#wrappable = Uint8Array.from(nodes, (node) => Number(node.wrappable));
    this.#fail = new Uint32Array(nodes.length);
    this.#found = nodes.map((node) => node.literals);
    this.#table = new Uint32Array(this.denseStates * 256);
    for (const node of nodes) this.#link(node);
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
      const next = this.#edges.get(state * 256 + byte);
      if (next !== undefined) return next;
      state = this.#fail[state]!;
    }
    return this.#table[state * 256 + byte]!;
  }

  /** A line break that continues no literal leaves a wrappable one where it was. */
  #orSkip(state: number, byte: number, next: number): number {
    const lineBreak = byte === LF || byte === CR;
    return lineBreak && this.#wrappable[state] === 1 && this.#lastByte[next] !== byte ? state : next;
  }

  /** Nodes come in breadth-first order, so whatever a node's failure link needs is already complete. */
  #link(node: Node<T>): void {
    const { id } = node;
    this.#fail[id] = node.fail;
    if (id > 0) this.#found[id] = [...node.literals, ...this.#found[node.fail]!];
    if (id < this.denseStates) {
      const row = id * 256;
      if (id > 0) this.#table.copyWithin(row, node.fail * 256, node.fail * 256 + 256);
      for (const [byte, child] of node.next) this.#table[row + byte] = child.id;
      for (const byte of [LF, CR]) {
        this.#table[row + byte] = this.#orSkip(id, byte, this.#table[row + byte]!);
      }
    } else {
      for (const [byte, child] of node.next) this.#edges.set(id * 256 + byte, child.id);
    }
    for (const [byte, child] of node.next) child.fail = id === 0 ? 0 : this.#follow(node.fail, byte);
  }
}

function trie<T>(literals: Iterable<Literal<T>>): Node<T> {
  const newNode = (depth: number, byte: number): Node<T> => ({
    next: new Map(),
    id: 0,
    depth,
    byte,
    fail: 0,
    wrappable: false,
    literals: [],
  });
  const root = newNode(0, -1);
  for (const literal of literals) {
    if (literal.bytes.length < SHORTEST_LITERAL) throw new RangeError('literal too short');
    let node = root;
    for (const byte of literal.bytes) {
      let child = node.next.get(byte);
      if (!child) node.next.set(byte, (child = newNode(node.depth + 1, byte)));
      child.wrappable ||= literal.wrappable;
      node = child;
    }
    node.literals.push(literal);
  }
  return root;
}

function inBreadth<T>(root: Node<T>): Node<T>[] {
  const nodes = [root];
  for (let index = 0; index < nodes.length; index++) {
    nodes[index]!.id = index;
    nodes.push(...nodes[index]!.next.values());
  }
  return nodes;
}
