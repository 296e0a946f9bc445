/**
 * A pipeline's page while it runs: its parts as HTML whenever they change, and its logs by line number, so that
 * whoever was away goes on where they were. Of a log that grows faster than it can be read only its length is sent;
 * the page asks for the lines that it shows.
 */
import type { Response } from 'express';
import { EventStream } from '../api/sse.js';
import type { ValidationPipeline } from '../database/entities/index.js';
import type { StageName } from '../domain/pipeline.js';
import { readableSize } from '../sandbox/output.js';
import type { PageDeps } from './deps.js';
import { html } from './html.js';
import { liveParts, logPanels, tabTitle, toneOfPipeline } from './pipeline-page.js';
import { LOGGED, loadPipeline } from './pipeline-model.js';
import { assetUrl } from './assets.js';

const LOOK_MS = 500;
/** Sent at once; of more only the last ones. */
const MAX_LINES = 200;

/** As our event ids have it: the attempt, and how many lines of each log were sent. */
interface Position {
  attempt: number;
  lines: Map<StageName, number>;
}

function positionAfter(lastEventId: string): Position | null {
  const [, attempt, ...lines] = /^(\d{1,9}):(\d{1,12})\.(\d{1,12})\.(\d{1,12})$/.exec(lastEventId) ?? [];
  if (attempt === undefined) return null;
  return {
    attempt: Number(attempt),
    lines: new Map(LOGGED.map((stage, n) => [stage, Number(lines[n])])),
  };
}

const idOf = ({ attempt, lines }: Position): string =>
  `${attempt}:${LOGGED.map((stage) => lines.get(stage) ?? 0).join('.')}`;

/** Resolves when the pipeline is over, or the reader is gone. @param lastEventId what the reader saw last, or '' */
export async function streamLive(
  deps: PageDeps,
  first: ValidationPipeline,
  lastEventId: string,
  response: Response,
): Promise<void> {
  const redactor = await deps.redactorOf({ id: first.projectId });
  const stream = new EventStream(response);
  const before = positionAfter(lastEventId);
  let position: Position = { attempt: first.attempt, lines: new Map() };
  if (before?.attempt === first.attempt) position = before;
  const sent = new Map<string, string>();
  let seen = '';

  const sendParts = async (row: ValidationPipeline) => {
    const shown = await loadPipeline(deps, row, 0);
    const parts: Record<string, string> = {};
    for (const [name, content] of Object.entries(liveParts(shown))) {
      const text = html`${content}`.text;
      if (sent.get(name) === stable(text)) continue;
      sent.set(name, stable(text));
      parts[name] = text;
    }
    const panels = logPanels(shown).map(({ stage, content }) => ({ stage, html: html`${content}`.text }));
    if (Object.keys(parts).length === 0) return;
    const about = {
      title: `${tabTitle(shown)} · CodegenApp`,
      icon: assetUrl(`icon-${toneOfPipeline(shown.view)}.svg`),
    };
    await stream.send('parts', { attempt: row.attempt, ...about, parts, panels }, idOf(position));
  };
  const sendLines = async (row: ValidationPipeline) => {
    for (const stage of LOGGED) {
      const known = position.lines.get(stage);
      const { total, bytes } = await deps.logs.lines(row, stage, redactor, 0, 0);
      if (total === (known ?? 0)) continue;
      const from = Math.max(known ?? 0, total - MAX_LINES);
      const { lines } = await deps.logs.lines(row, stage, redactor, from, total - from);
      position.lines.set(stage, total);
      const size = readableSize(bytes);
      await stream.send('lines', { attempt: row.attempt, stage, total, from, lines, size }, idOf(position));
    }
  };

  try {
    while (!stream.closed.aborted) {
      const row = await deps.pipelines.find(first.id);
      if (!row) return;
      if (row.attempt !== position.attempt) {
        position = { attempt: row.attempt, lines: new Map() };
        sent.clear();
      }
      const isOver = row.status === 'completed';
      // The panel of a log comes before its lines, its last line before the verdict.
      const version = `${row.attempt} ${row.status} ${row.updatedAt.getTime()}`;
      if (!isOver && version !== seen) await sendParts(row);
      seen = version;
      await sendLines(row);
      if (isOver) {
        await sendParts(row);
        return await stream.send('end', { conclusion: row.conclusion }, idOf(position));
      }
      await change(deps, first.id, stream.closed);
    }
  } catch (error) {
    // A reader who left, or a server that ends, closes what was being read from.
    if (!stream.closed.aborted) throw error;
  } finally {
    stream.end();
  }
}

/** Without what the page counts on by itself. */
const stable = (text: string): string =>
  text
    .replace(/(<span data-since="\d+">)[^<]*/g, '$1')
    .replace(/<rect\s+x="[^"]*"\s+width="[^"]*"/g, '<rect')
    .replace(/>(?:just now|\d+ (?:min|h|days) ago)</g, '><');

/** Resolves on the next change that this process knows of, or when it is time to look. */
function change(
  {
    pipelines: {
      jobs: { events },
    },
  }: PageDeps,
  id: string,
  closed: AbortSignal,
): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      events.off('changed', onChange);
      closed.removeEventListener('abort', done);
      resolve();
    };
    const onChange = (changed: string) => {
      if (changed === id) done();
    };
    const timer = setTimeout(done, LOOK_MS);
    events.on('changed', onChange);
    closed.addEventListener('abort', done);
    if (closed.aborted) done();
  });
}
