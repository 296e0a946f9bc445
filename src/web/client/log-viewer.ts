/**
 * A log of any length in a box of fixed height: only the lines in sight are elements, only those around them are
 * kept, the rest is asked for by number.
 */
import { parseAnsi } from './ansi.js';

const ROW = 20;
/** Lines outside of the box on either side. */
const MARGIN = 30;
/** Lines are asked for in blocks. */
const BLOCK = 200;
const BLOCKS_KEPT = 40;
/** Browsers draw no element that is much higher: the scroll bar of a longer log stands for several lines a pixel. */
const MAX_HEIGHT = 8_000_000;
const ASK_AGAIN_MS = 2_000;

interface Lines {
  attempt: number;
  total: number;
  from: number;
  lines: string[];
}

/** Lines `from` to `to`, from 1. */
export interface Range {
  from: number;
  to: number;
}

export class LogViewer {
  private total = 0;
  private attempt = 0;
  /** By number of block; the last used comes last. */
  private blocks = new Map<number, string[]>();
  private asked = new Set<number>();
  private readonly space = document.createElement('div');
  private readonly window = document.createElement('div');
  private drawn = '';
  private query = '';
  private range: Range | null = null;
  /** Whether new lines are followed: until the reader scrolls up. */
  private following = false;
  private frame = 0;

  /** @param address of the pipeline's lines, e.g. /pipelines/ID/lines */
  constructor(
    private readonly box: HTMLElement,
    private readonly stage: string,
    private readonly address: string,
  ) {
    this.space.className = 'space';
    this.window.className = 'window';
    this.window.setAttribute('role', 'list');
    this.space.append(this.window);
    box.addEventListener('scroll', () => {
      this.following = box.scrollTop + box.clientHeight >= box.scrollHeight - ROW;
      this.draw();
    });
    new ResizeObserver(() => this.draw()).observe(box);
  }

  /** Shows the end, or some lines, in the place of what the server had put there. */
  async start(range: Range | null): Promise<void> {
    const at = range ? Math.max(0, range.from - 1 - BLOCK / 2) : -BLOCK;
    const answer = await this.fetch(at, BLOCK);
    if (!answer) return;
    this.attempt = answer.attempt;
    this.take(answer);
    // Whatever is not asked for by whole blocks would be missing at their edges.
    this.box.replaceChildren(this.space);
    this.resize();
    if (range) this.show(range);
    else this.toEnd();
  }

  /** Takes lines in that were written since. Those of another attempt begin the log anew. */
  receive(lines: Lines): void {
    if (lines.attempt !== this.attempt) {
      this.attempt = lines.attempt;
      this.blocks.clear();
      this.range = null;
    }
    if (lines.total < this.total) this.blocks.clear();
    const follows = this.following || this.total === 0;
    this.take(lines);
    if (this.space.parentElement !== this.box) this.box.replaceChildren(this.space);
    this.resize();
    if (follows) this.toEnd();
    else this.draw(true);
  }

  get length(): number {
    return this.total;
  }

  toEnd(): void {
    this.following = true;
    this.box.scrollTop = this.box.scrollHeight;
    this.draw(true);
  }

  /** Scrolls to some lines and marks them. */
  show(range: Range): void {
    this.range = range;
    this.following = false;
    this.box.scrollIntoView({ block: 'nearest' });
    const rows = Math.floor(this.box.clientHeight / ROW);
    this.scrollToLine(Math.max(0, range.from - 1 - Math.floor(rows / 3)));
    this.draw(true);
  }

  /** Marks what was searched for, wherever it is in sight. */
  highlight(query: string): void {
    this.query = query.toLowerCase();
    this.draw(true);
  }

  private take({ total, from, lines }: Lines): void {
    this.total = total;
    for (let n = 0; n < lines.length; n++) {
      const line = from + n;
      const block = this.blocks.get(Math.floor(line / BLOCK)) ?? [];
      block[line % BLOCK] = lines[n]!;
      this.keep(Math.floor(line / BLOCK), block);
    }
  }

  private keep(number: number, block: string[]): void {
    this.blocks.delete(number);
    this.blocks.set(number, block);
    if (this.blocks.size > BLOCKS_KEPT) this.blocks.delete(this.blocks.keys().next().value!);
  }

  private lineAt(line: number): string | undefined {
    return this.blocks.get(Math.floor(line / BLOCK))?.[line % BLOCK];
  }

  private get height(): number {
    return Math.min(this.total * ROW, MAX_HEIGHT);
  }

  private resize(): void {
    this.space.style.height = `${this.height}px`;
    this.box.dataset['total'] = String(this.total);
    this.box.classList.toggle('is-long', this.total > 24 && !this.box.classList.contains('is-live'));
  }

  /** The line at the upper edge. Where the scroll bar stands for all lines exactly, it is that of the pixel. */
  private firstLine(): number {
    const range = this.height - this.box.clientHeight;
    if (range <= 0) return 0;
    const last = this.total - this.box.clientHeight / ROW;
    return Math.max(0, Math.min(last, (this.box.scrollTop / range) * last));
  }

  private scrollToLine(line: number): void {
    const last = Math.max(1, this.total - this.box.clientHeight / ROW);
    this.box.scrollTop = Math.min(1, line / last) * Math.max(0, this.height - this.box.clientHeight);
  }

  /** Within the next frame, however often it is asked for until then. */
  private draw(again = false): void {
    if (again) this.drawn = '';
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      this.drawNow();
    });
  }

  private drawNow(): void {
    if (this.space.parentElement !== this.box || this.box.clientHeight === 0) return;
    const top = this.firstLine();
    const from = Math.max(0, Math.floor(top) - MARGIN);
    const to = Math.min(this.total, Math.ceil(top + this.box.clientHeight / ROW) + MARGIN);
    // What is in sight stays in sight where one pixel stands for several lines.
    this.window.style.transform = `translateY(${this.box.scrollTop - (top - from) * ROW}px)`;
    const state = `${from} ${to} ${this.total}`;
    if (state === this.drawn) return;
    this.drawn = state;
    const rows: HTMLElement[] = [];
    const wanted = new Set<number>();
    for (let line = from; line < to; line++) {
      const text = this.lineAt(line);
      if (text === undefined) wanted.add(Math.floor(line / BLOCK));
      rows.push(this.row(line, text));
    }
    this.window.replaceChildren(...rows);
    for (const block of wanted) void this.load(block);
  }

  private row(line: number, text: string | undefined): HTMLElement {
    const number = line + 1;
    const row = document.createElement('div');
    const isMarked = this.range !== null && number >= this.range.from && number <= this.range.to;
    row.className = `line${isMarked ? ' at' : ''}${text === undefined ? ' unread' : ''}`;
    row.id = `${this.stage}-L${number}`;
    row.setAttribute('role', 'listitem');
    row.setAttribute('aria-setsize', String(this.total));
    row.setAttribute('aria-posinset', String(number));
    const link = document.createElement('a');
    link.href = `#${row.id}`;
    link.tabIndex = -1;
    link.textContent = String(number);
    const content = document.createElement('span');
    if (text === undefined) content.textContent = '…';
    else for (const piece of parseAnsi(text)) content.append(...this.marked(piece.text, piece.classes));
    row.append(link, content);
    return row;
  }

  /** Only ever text: nothing of a log becomes markup. */
  private marked(text: string, classes: string): Node[] {
    const nodes: Node[] = [];
    const add = (part: string, tag: 'span' | 'mark') => {
      if (part === '') return;
      if (tag === 'span' && classes === '') return void nodes.push(document.createTextNode(part));
      const element = document.createElement(tag);
      if (classes !== '') element.className = classes;
      element.textContent = part;
      nodes.push(element);
    };
    const lower = text.toLowerCase();
    let from = 0;
    // Where the lower case has another length, positions in it mean nothing.
    if (this.query !== '' && lower.length === text.length)
      for (let at = lower.indexOf(this.query); at >= 0; at = lower.indexOf(this.query, from)) {
        add(text.slice(from, at), 'span');
        from = at + this.query.length;
        add(text.slice(at, from), 'mark');
      }
    add(text.slice(from), 'span');
    return nodes;
  }

  private async load(block: number): Promise<void> {
    if (this.asked.has(block)) return;
    this.asked.add(block);
    try {
      // An answer may have fewer lines than asked for, where they are long.
      let have = this.blocks.get(block)?.findIndex((line) => line === undefined) ?? 0;
      if (have < 0) have = this.blocks.get(block)!.length;
      const answer = await this.fetch(block * BLOCK + have, BLOCK - have);
      if (!answer) await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS));
      else if (answer.attempt === this.attempt) this.take(answer);
    } finally {
      this.asked.delete(block);
      this.draw(true);
    }
  }

  /** Null where it could not be had: it is asked for again when it is still in sight. */
  private async fetch(from: number, count: number): Promise<Lines | null> {
    try {
      const query = new URLSearchParams({ stage: this.stage, from: String(from), count: String(count) });
      const response = await fetch(`${this.address}?${query.toString()}`);
      return response.ok ? ((await response.json()) as Lines) : null;
    } catch {
      return null;
    }
  }
}
