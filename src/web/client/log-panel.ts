/** One log with its tools: search, jumps, links to lines. */
import { LogViewer, type Range } from './log-viewer.js';

interface Found extends Range {
  stage: string;
}

/** What `#test-L120` and `#test-L120-L130` name. */
export function rangeOf(hash: string): Found | null {
  const [, stage, from, to = from] = /^#([a-z]+)-L(\d{1,9})(?:-L(\d{1,9}))?$/.exec(hash) ?? [];
  if (stage === undefined) return null;
  const [low, high] = [Number(from), Number(to)].sort((a, b) => a - b) as [number, number];
  return { stage, from: low, to: high };
}

export class LogPanel {
  readonly stage: string;
  readonly viewer: LogViewer;
  private started: Promise<void> | null = null;
  private hits: number[] = [];
  private hit = -1;
  private searched = '';
  private search: AbortController | null = null;

  constructor(
    readonly element: HTMLDetailsElement,
    private readonly address: string,
  ) {
    this.stage = element.dataset['stage']!;
    this.viewer = new LogViewer(element.querySelector<HTMLElement>('.log')!, this.stage, `${address}/lines`);
    element.addEventListener('toggle', () => this.start());
    element.addEventListener('click', (event) => this.clicked(event));
    element.querySelector('form')?.addEventListener('submit', (event) => {
      event.preventDefault();
      void this.find();
    });
    this.start();
  }

  open(): void {
    this.element.open = true;
    this.start();
    this.element.scrollIntoView({ block: 'start' });
  }

  /** Opens at some lines. */
  show(range: Range): void {
    const isFirst = this.started === null;
    this.element.open = true;
    if (isFirst) this.start(range);
    void this.started!.then(() => this.viewer.show(range));
  }

  /** Asks for lines as soon as they are to be seen. */
  private start(range: Range | null = null): void {
    if (this.element.open) this.started ??= this.viewer.start(range);
  }

  private clicked(event: MouseEvent): void {
    const target = event.target as Element;
    const action = target.closest<HTMLElement>('[data-do]')?.dataset['do'];
    if (action === 'end') this.viewer.toEnd();
    else if (action === 'error') void this.toFirstError();
    else if (action === 'next') this.step(1);
    else if (action === 'previous') this.step(-1);
    const link = target.closest<HTMLAnchorElement>('.line > a');
    if (!link) return;
    event.preventDefault();
    const line = Number(link.textContent);
    const before = rangeOf(location.hash);
    const from = event.shiftKey && before?.stage === this.stage ? before.from : line;
    const [low, high] = [Math.min(from, line), Math.max(from, line)];
    this.mark({ from: low, to: high });
    this.viewer.show({ from: low, to: high });
  }

  /** Puts the lines into the address, to be copied; without a jump, and without an entry for the way back. */
  private mark({ from, to }: Range): void {
    history.replaceState(null, '', `#${this.stage}-L${from}${to === from ? '' : `-L${to}`}`);
  }

  private goTo(line: number): void {
    this.mark({ from: line, to: line });
    this.viewer.show({ from: line, to: line });
  }

  private say(text: string): void {
    const place = this.element.querySelector('.found');
    if (place) place.textContent = text;
  }

  private async toFirstError(): Promise<void> {
    this.say('Looking …');
    try {
      const response = await fetch(`${this.address}/first-error?stage=${this.stage}`);
      const { line } = (await response.json()) as { line: number | null };
      this.say(line === null ? 'No error found' : `Line ${line}`);
      if (line !== null) this.goTo(line);
    } catch {
      this.say('Not answered');
    }
  }

  /** Searches the whole log, on the server; matches are counted while they come. */
  private async find(): Promise<void> {
    const query = this.element.querySelector<HTMLInputElement>('input[type=search]')!.value;
    if (query === this.searched && this.hits.length > 0) return this.step(1);
    this.search?.abort();
    const search = (this.search = new AbortController());
    this.searched = query;
    this.hits = [];
    this.hit = -1;
    this.viewer.highlight(query);
    this.say('Searching …');
    try {
      const parameters = new URLSearchParams({ stage: this.stage, q: query });
      const response = await fetch(`${this.address}/search?${parameters.toString()}`, {
        headers: { accept: 'application/x-ndjson' },
        signal: search.signal,
      });
      let more = false;
      for await (const found of jsonLines(response)) {
        if ('line' in found) {
          this.hits.push(found.line);
          if (this.hits.length === 1) this.step(1);
        } else more = found.more;
      }
      if (this.hits.length === 0) this.say('No match');
      else this.sayWhich(more);
    } catch {
      if (!search.signal.aborted) this.say('Not answered');
    }
  }

  private step(by: number): void {
    if (this.hits.length === 0) return;
    this.hit = (this.hit + by + this.hits.length) % this.hits.length;
    this.goTo(this.hits[this.hit]!);
    this.sayWhich(false);
  }

  private sayWhich(more: boolean): void {
    this.say(`${this.hit + 1} of ${this.hits.length}${more ? ' and more' : ''}`);
  }
}

type SearchAnswer = { line: number } | { done: true; more: boolean };

async function* jsonLines(response: Response): AsyncGenerator<SearchAnswer> {
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { done, value } = await reader.read();
    const lines = (rest + (value ?? '')).split('\n');
    rest = lines.pop()!;
    for (const line of lines) if (line !== '') yield JSON.parse(line) as SearchAnswer;
    if (done) return;
  }
}
