import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Response } from 'express';
import { Html, html, type Fragment } from './html.js';
import { assetUrl } from './assets.js';
import type { Tone } from './icons.js';
import { STYLE } from './style.js';

/** Nothing from elsewhere and nothing inline: whatever slipped through the escaping could do nothing. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
  "form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

export interface PageOptions {
  title: string;
  /** Where the page is, from the top: names with their addresses. */
  path?: readonly { name: string; url: string }[];
  /** Shown in the browser's tab. */
  tone?: Tone;
  /** Modules of client/, without their ending: the first is run, the others are what it imports. */
  scripts?: readonly string[];
  /** Without scripts, the page asks for itself again after so many seconds. */
  refresh?: number | null;
}

/** What an action of the reader led to. */
export interface Notice {
  kind: 'ok' | 'bad';
  text: string;
}

const compress = promisify(gzip);

/** Answers with a page, compressed where the browser takes it. @param status of the answer */
export async function sendPage(
  response: Response,
  options: PageOptions,
  body: Fragment,
  status = 200,
): Promise<void> {
  const text = page(options, linked(options), body).text;
  response.status(status).type('html').set({
    'Content-Security-Policy': POLICY,
    'Cache-Control': 'no-store',
    // Forms have to say where they come from; with `no-referrer` browsers send `Origin: null`.
    'Referrer-Policy': 'same-origin',
    Vary: 'Accept-Encoding',
  });
  if (response.req.acceptsEncodings(['gzip', 'identity']) !== 'gzip') return void response.end(text);
  const compressed = await compress(text);
  response.set('Content-Encoding', 'gzip').end(compressed);
}

export const noticeBox = (notice: Notice | null): Fragment =>
  notice &&
  html`<div class="note ${notice.kind}" role="${notice.kind === 'bad' ? 'alert' : 'status'}">
    <p>${notice.text}</p>
  </div>`;

/** A page that needs no server: to be written into a file. */
export const standalonePage = (title: string, body: Fragment): string =>
  page(
    { title },
    html`<style>
      ${new Html(STYLE)}
    </style>`,
    body,
  ).text;

const linked = ({ tone = 'muted', scripts = [], refresh }: PageOptions): Html =>
  html`<link rel="icon" href="${assetUrl(`icon-${tone}.svg`)}" type="image/svg+xml" /><link
      rel="stylesheet"
      href="${assetUrl('style.css')}"
    />${scripts.map((name, n) => (n === 0 ? html`<script type="module" src="${assetUrl(`${name}.js`)}"></script>` : html`<link rel="modulepreload" href="${assetUrl(`${name}.js`)}" />`))}${typeof refresh === 'number' && html`<noscript><meta http-equiv="refresh" content="${refresh}" /></noscript>`}`;

const LOGO = new Html(
  '<svg viewBox="0 0 20 20" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"><circle cx="5" cy="4" r="2"/><circle cx="5" cy="16" r="2"/><path d="M5 6v8M5 10c6 0 7-1 9.500-4.500M12 12.500l2.500 2.500 4-5"/></svg>',
);

const page = ({ title, path = [] }: PageOptions, head: Html, body: Fragment): Html =>
  html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="description" content="CodegenApp validates pull requests for real." />
        <meta name="color-scheme" content="light dark" />
        <title>${title} · CodegenApp</title>
        ${head}
      </head>
      <body>
        <a class="skip" href="#main">Skip to the content</a>
        <header class="top">
          <nav aria-label="Where you are">
            <a class="brand" href="/">${LOGO} CodegenApp</a
            >${path.map(({ name, url }) => html`<a class="step" href="${url}">${name}</a>`)}
          </nav>
        </header>
        <main id="main" tabindex="-1">${body}</main>
      </body>
    </html>`;
