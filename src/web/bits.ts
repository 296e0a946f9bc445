/** Small pieces that several pages share. */
import { formatDuration } from '../domain/duration.js';
import { isRepositoryPath } from '../github/annotations.js';
import { html, type Fragment } from './html.js';

/** Only what is a web address becomes a link: `javascript:` and the like stay text. */
export const isWebAddress = (url: string): boolean =>
  URL.canParse(url) && ['http:', 'https:'].includes(new URL(url).protocol);

export const externalLink = (url: string | null, text: Fragment): Fragment =>
  url !== null && isWebAddress(url) ? html`<a href="${url}" rel="noreferrer">${text}</a>` : text;

/** `2026-01-31 12:00 UTC` */
export const utc = (time: Date): string => `${time.toISOString().slice(0, 16).replace('T', ' ')} UTC`;

/** How long ago, with the very time for who asks. */
export function ago(time: Date, now = Date.now()): Fragment {
  const ms = now - time.getTime();
  const text =
    ms < 60_000
      ? 'just now'
      : ms < 3_600_000
        ? `${Math.floor(ms / 60_000)} min ago`
        : ms < 48 * 3_600_000
          ? `${Math.floor(ms / 3_600_000)} h ago`
          : `${Math.floor(ms / 86_400_000)} days ago`;
  return html`<time datetime="${time.toISOString()}" title="${utc(time)}">${text}</time>`;
}

/** A duration; one that has not ended is counted on by the page's script. */
export const duration = (from: Date | null, to: Date | null, isRunning = false): Fragment =>
  from &&
  (to
    ? formatDuration(to.getTime() - from.getTime())
    : isRunning &&
      html`<span data-since="${from.getTime()}">${formatDuration(Date.now() - from.getTime())}</span>`);

export const percent = (share: number | null): string =>
  share === null ? '–' : `${Math.round(share * 1000) / 10} %`;

export const number = (value: number): string => value.toLocaleString('en-US');

/** A place in the repository, as a link to that file at that commit where there is one. */
export function place(
  path: string | undefined,
  line: number | undefined,
  repositoryUrl: string | null,
  sha: string,
): Fragment {
  if (!path) return null;
  const text = html`<code>${path}${line !== undefined && `:${line}`}</code>`;
  if (repositoryUrl === null || !isRepositoryPath(path)) return text;
  const file = path.split('/').map(encodeURIComponent).join('/');
  return externalLink(`${repositoryUrl}/blob/${sha}/${file}${line === undefined ? '' : `#L${line}`}`, text);
}

/** A form with one button. */
export const buttonForm = (
  action: string,
  label: string,
  { kind = '', fields = null }: { kind?: 'primary' | 'danger' | 'plain' | ''; fields?: Fragment } = {},
): Fragment =>
  html`<form method="post" action="${action}">${fields}<button class="${kind}">${label}</button></form>`;

export const pager = (more: string | null, first: string | null): Fragment =>
  (more !== null || first !== null) &&
  html`<nav class="pager" aria-label="Pages">
    ${first !== null && html`<a href="${first}">Newest</a>`}${more !== null && html`<a href="${more}" rel="next">Older</a>`}
  </nav>`;

export const chevron = html`<svg class="chevron" viewBox="0 0 10 10" aria-hidden="true">
  <path d="m3 1 4 4-4 4" />
</svg>`;
