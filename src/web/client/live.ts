/** Follows a pipeline that runs. A lost connection is made again, and goes on where it was. */
import type { LogPanel } from './log-panel.js';

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 15_000;
/** Shorter interruptions are not worth a word. */
const QUIET_MS = 700;

interface Parts {
  attempt: number;
  title: string;
  icon: string;
  /** HTML that our server made, by the name of the part that it is for. */
  parts: Record<string, string>;
  panels: { stage: string; html: string }[];
}

interface Lines {
  attempt: number;
  stage: string;
  total: number;
  from: number;
  lines: string[];
  size: string;
}

export interface LivePage {
  address: string;
  logs: HTMLElement;
  panels: Map<string, LogPanel>;
  adopt(element: HTMLDetailsElement): void;
}

export function follow(page: LivePage): void {
  let lastId = '';
  let pause = FIRST_PAUSE_MS;
  let isOver = false;
  let lostTimer = 0;
  let source: EventSource;

  const connect = () => {
    source = new EventSource(`${page.address}/live${lastId === '' ? '' : `?after=${lastId}`}`);
    source.onopen = () => {
      pause = FIRST_PAUSE_MS;
      clearTimeout(lostTimer);
      lostTimer = 0;
      say('');
    };
    source.onerror = () => {
      if (isOver) return;
      lostTimer ||= window.setTimeout(() => say('Connection lost, trying again …'), QUIET_MS);
      // A server that restarts answers with an error, after which a browser gives up. We don't.
      source.close();
      window.setTimeout(connect, pause);
      pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
    };
    const on = <Data>(name: string, take: (data: Data) => void) =>
      source.addEventListener(name, (event: MessageEvent<string>) => {
        lastId = event.lastEventId;
        take(JSON.parse(event.data) as Data);
      });
    on<Parts>('parts', (data) => takeParts(page, data));
    on<Lines>('lines', (data) => {
      const panel = page.panels.get(data.stage);
      panel?.viewer.receive(data);
      const size = panel?.element.querySelector('[data-size]');
      if (size) size.textContent = data.size;
    });
    on('end', () => {
      isOver = true;
      source.close();
    });
  };
  connect();
  window.setInterval(tick, 1_000);
  addEventListener('pagehide', () => source.close());
  addEventListener('pageshow', (event) => {
    if (event.persisted && !isOver) connect();
  });
}

function say(text: string): void {
  const place = document.querySelector('.lost');
  if (!place) return;
  place.replaceChildren();
  if (text === '') return;
  const words = document.createElement('p');
  words.textContent = text;
  place.append(words);
}

function takeParts(page: LivePage, { attempt, title, icon, parts, panels }: Parts): void {
  document.title = title;
  const link = document.querySelector<HTMLLinkElement>('link[rel=icon]');
  if (link && link.getAttribute('href') !== icon) link.href = icon;
  if (page.logs.dataset['attempt'] !== String(attempt)) {
    // The attempt before was broken off: its logs are begun anew.
    page.logs.dataset['attempt'] = String(attempt);
    page.logs.replaceChildren();
    page.panels.clear();
  }
  for (const { stage, html } of panels) {
    if (page.panels.has(stage)) continue;
    const followed = isAtEnd();
    const element = fragmentOf(html).querySelector('details')!;
    page.logs.append(element);
    page.adopt(element);
    if (followed && page.logs.children.length > 1) element.scrollIntoView({ block: 'nearest' });
  }
  for (const [name, html] of Object.entries(parts)) {
    const place = document.querySelector(`[data-part="${name}"]`);
    if (place) replace(place, html);
  }
}

/** Whether the reader is where the newest log ends. */
const isAtEnd = (): boolean =>
  scrollY > 0 && scrollY + innerHeight >= document.documentElement.scrollHeight - 80;

/** What the reader is at keeps the focus, and forms what was typed into them. */
function replace(place: Element, html: string): void {
  const active = document.activeElement;
  const focused = active && place.contains(active) ? active : null;
  if (focused && focused.matches('input, textarea')) return;
  const all = [...place.querySelectorAll('button, a, summary')];
  const position = focused ? all.indexOf(focused) : -1;
  place.replaceChildren(fragmentOf(html));
  if (position >= 0)
    (place.querySelectorAll<HTMLElement>('button, a, summary')[position] ?? (place as HTMLElement)).focus();
}

/** HTML of our own server, whose texts it has escaped; log lines never come this way. */
function fragmentOf(html: string): DocumentFragment {
  const template = document.createElement('template');
  template.innerHTML = html;
  return template.content;
}

/** Counts what runs on: durations, and the bars of the stages. */
function tick(): void {
  const now = Date.now();
  for (const element of document.querySelectorAll<HTMLElement>('[data-since]')) {
    const text = duration(now - Number(element.dataset['since']));
    if (element.textContent !== text) element.textContent = text;
  }
  const rects = [...document.querySelectorAll<SVGRectElement>('.stages .bar rect')];
  if (!rects.some((rect) => rect.dataset['from'] !== undefined && rect.dataset['to'] === undefined)) return;
  for (const rect of rects) {
    const began = Number(rect.ownerSVGElement!.dataset['began']);
    const from = Number(rect.dataset['from']);
    if (!Number.isFinite(from) || now <= began) continue;
    const to = rect.dataset['to'] === undefined ? now : Number(rect.dataset['to']);
    const share = (time: number) => ((time - began) / (now - began)) * 100;
    rect.setAttribute('x', `${share(from).toFixed(2)}%`);
    rect.setAttribute('width', `${Math.max(1, share(to) - share(from)).toFixed(2)}%`);
  }
}

/** As the server writes durations, in whole seconds. */
function duration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60
    ? `${minutes} min ${seconds % 60} s`
    : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
