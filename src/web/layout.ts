import type { Response } from 'express';
import { Html, html, type Fragment } from './html.js';

/** Nothing from elsewhere, no script, no form: whatever slipped through the escaping could do nothing. */
const POLICY =
  "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

export interface PageOptions {
  title: string;
  /** Seconds after which the page asks for itself again. */
  refresh?: number | null;
}

export function sendPage(response: Response, options: PageOptions, body: Fragment): void {
  response
    .set({ 'Content-Security-Policy': POLICY, 'Cache-Control': 'no-store' })
    .type('html')
    .send(page(options, html`<link rel="stylesheet" href="/style.css" />`, body).text);
}

/** A page that needs no server: to be written into a file. */
export const standalonePage = (title: string, body: Fragment): string =>
  page(
    { title },
    html`<style>
      ${new Html(STYLE)}
    </style>`,
    body,
  ).text;

const page = ({ title, refresh }: PageOptions, style: Html, body: Fragment): Html =>
  html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        ${refresh && html`<meta http-equiv="refresh" content="${refresh}" />`}
        <title>${title} · CodegenApp</title>
        ${style}
      </head>
      <body>
        <header><a href="/">CodegenApp</a></header>
        <main>
          <h1>${title}</h1>
          ${body}
        </main>
      </body>
    </html>`;

/** Both themes have at least 4.5:1 between text and ground. */
export const STYLE = `
:root { color-scheme: light dark; --text: #1f2328; --muted: #59636e; --line: #d1d9e0; --ground: #fff; --link: #0550ae; }
@media (prefers-color-scheme: dark) {
  :root { --text: #f0f6fc; --muted: #9198a1; --line: #3d444d; --ground: #0d1117; --link: #58a6ff; }
}
body { margin: 0; font: 16px/1.5 system-ui, sans-serif; color: var(--text); background: var(--ground); }
header, main { max-width: 60rem; margin: 0 auto; padding: 0.75rem 1rem; }
header { border-bottom: 1px solid var(--line); font-weight: 600; }
a { color: var(--link); }
h1 { font-size: 1.5rem; overflow-wrap: anywhere; }
h2 { font-size: 1.125rem; margin-top: 2rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: 0.375rem 0.75rem 0.375rem 0; border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
td.number { text-align: right; white-space: nowrap; }
pre { overflow: auto; max-height: 30rem; padding: 0.75rem; border: 1px solid var(--line); border-radius: 6px; font-size: 0.8125rem; }
.muted { color: var(--muted); }
`;
