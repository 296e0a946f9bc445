/** A pipeline as it is seen in a terminal: live stage lines with time, then the verdict. */
import { styleText } from 'node:util';
import { formatDuration } from '../domain/duration.js';
import type { StageConclusion, StageRecord } from '../domain/pipeline.js';
import type { FinishedRun, PipelineObserver } from '../pipeline/run.js';
import { plainText } from '../sandbox/output.js';

type Style = Parameters<typeof styleText>[0];

const SIGNS: Record<StageConclusion, [sign: string, style: Style]> = {
  success: ['✓', 'green'],
  failure: ['✗', 'red'],
  timed_out: ['✗', 'red'],
  cancelled: ['■', 'yellow'],
  skipped: ['–', 'gray'],
  neutral: ['–', 'yellow'],
};

const TICK_MS = 100;
const LOG_LINES = 40;

const colour = (style: Style, text: string) => (process.stdout.isTTY ? styleText(style, text) : text);

export class TerminalObserver implements PipelineObserver {
  private ticking: NodeJS.Timeout | null = null;

  stageChanged(record: Readonly<StageRecord>): void {
    this.stop();
    if (record.status === 'in_progress') {
      if (!process.stdout.isTTY) return;
      const draw = () =>
        process.stdout.write(
          `\r\x1b[K  ${colour('cyan', '●')} ${record.name.padEnd(9)} ${elapsed(record.startedAt!, new Date())}`,
        );
      draw();
      this.ticking = setInterval(draw, TICK_MS);
      return;
    }
    console.log(stageLine(record));
  }

  private stop(): void {
    if (!this.ticking) return;
    clearInterval(this.ticking);
    this.ticking = null;
    process.stdout.write('\r\x1b[K');
  }
}

const elapsed = (from: Date, to: Date) => formatDuration(to.getTime() - from.getTime());

function stageLine({ name, conclusion, startedAt, completedAt, summary }: Readonly<StageRecord>): string {
  const [sign, style] = SIGNS[conclusion ?? 'neutral'];
  const time = startedAt && completedAt ? elapsed(startedAt, completedAt) : '';
  return `  ${colour(style, sign)} ${name.padEnd(9)} ${time.padStart(8)}  ${colour(conclusion === 'skipped' ? 'gray' : 'reset', oneLine(summary))}`;
}

const oneLine = (text: string) => plainText(text).replace(/\s+/g, ' ').trim();

/** What the author needs after the stage lines. */
export function printVerdict({ conclusion, reason, run }: FinishedRun): void {
  const { results } = run;
  for (const { title, message, path, startLine } of results.findings) {
    const place = path ? colour('bold', `${path}${startLine ? `:${startLine}` : ''}`) + ' ' : '';
    console.log(`\n  ${place}${oneLine(title)}\n${indent(plainText(message))}`);
  }
  for (const { suite, name, file, line } of results.tests?.cases.filter(({ flaky }) => flaky) ?? []) {
    const place = file ? `${colour('bold', `${file}${line ? `:${line}` : ''}`)} ` : '';
    const title = oneLine([suite, name].filter((part) => part !== '').join(' › '));
    console.log(`\n  ${place}${title}\n    Flaky: it failed at first and passed when it was run again.`);
  }
  const { logTail } = results;
  if (logTail && results.findings.length === 0) {
    console.log(
      `\n  The end of ${logTail.stage}'s output:\n${indent(lastLines(plainText(logTail.text), LOG_LINES))}`,
    );
  }
  for (const { validator, conclusion: end, summary } of results.validations)
    if (end === 'skipped') console.log(colour('gray', `\n  ${validator} was skipped. ${oneLine(summary)}`));
  for (const note of results.notes) console.log(colour('gray', `\n  ${oneLine(note)}`));
  const style: Style =
    conclusion === 'success'
      ? 'green'
      : conclusion === 'neutral' || conclusion === 'skipped'
        ? 'yellow'
        : 'red';
  console.log(
    `\n  ${colour([style, 'bold'] as Style, conclusion.toUpperCase())}${reason ? `  ${oneLine(reason)}` : ''}\n`,
  );
}

const indent = (text: string) =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => `    ${line}`)
    .join('\n');
const lastLines = (text: string, count: number) => text.trimEnd().split('\n').slice(-count).join('\n');
