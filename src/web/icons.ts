/** Pictures of states. They only repeat what a word beside them says, so they are hidden from screen readers. */
import type { Conclusion, PipelineStatus } from '../domain/pipeline.js';
import { html, Html } from './html.js';

/** What a state looks like; one word each. */
export type Tone = 'passed' | 'failed' | 'running' | 'waiting' | 'muted';

const SHAPES: Record<Tone, string> = {
  passed: '<path d="M4.5 8.5 7 11l4.5-5.5"/>',
  failed: '<path d="m5.5 5.5 5 5m0-5-5 5"/>',
  running: '<path d="M8 4v4l2.5 2"/>',
  waiting: '<path d="M8 4.5v4.5m0 2v.1"/>',
  muted: '<path d="M5 8h6"/>',
};

export const icon = (tone: Tone): Html =>
  html`<svg class="icon ${tone}" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
    <circle cx="8" cy="8" r="7.25" />
    ${new Html(SHAPES[tone])}
  </svg>`;

export function toneOf(status: PipelineStatus, conclusion: Conclusion | null): Tone {
  if (status === 'in_progress') return 'running';
  if (status === 'queued') return 'muted';
  if (conclusion === 'success') return 'passed';
  if (conclusion === 'failure' || conclusion === 'timed_out') return 'failed';
  return conclusion === 'action_required' ? 'waiting' : 'muted';
}

export const STATE_WORDS: Record<Conclusion, string> = {
  success: 'passed',
  failure: 'failed',
  cancelled: 'cancelled',
  timed_out: 'timed out',
  action_required: 'waits for approval',
  skipped: 'skipped',
  neutral: 'nothing validated',
};

/** The word for a state. */
export function stateWord(status: PipelineStatus, conclusion: Conclusion | null): string {
  if (status === 'queued') return 'queued';
  return status === 'in_progress' ? 'running' : STATE_WORDS[conclusion ?? 'neutral'];
}

/** Icon and word. */
export const state = (status: PipelineStatus, conclusion: Conclusion | null): Html => {
  const tone = toneOf(status, conclusion);
  return html`<span class="state ${tone}">${icon(tone)} ${stateWord(status, conclusion)}</span>`;
};

const FAVICON_COLORS: Record<Tone, string> = {
  passed: '#1a7f37',
  failed: '#cf222e',
  running: '#9a6700',
  waiting: '#0550ae',
  muted: '#59636e',
};

export const FAVICONS: Record<string, string> = Object.fromEntries(
  (Object.keys(SHAPES) as Tone[]).map((tone) => [
    `icon-${tone}`,
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16" fill="none" stroke="#fff" stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round"><circle cx="8" cy="8" r="8" fill="${FAVICON_COLORS[tone]}" stroke="none"/>${SHAPES[tone]}</svg>`,
  ]),
);
