import type { Response } from 'express';
import { html } from './html.js';
import { sendPage } from './layout.js';

/** @param next where the reader wanted to go, a path of ours */
export function sendLoginPage(
  response: Response,
  { next, isWrong }: { next: string; isWrong: boolean },
): Promise<void> {
  return sendPage(
    response,
    { title: 'Log in' },
    html`<div class="first-steps">
      <h1>Log in</h1>
      ${isWrong && html`<div class="note bad" role="alert"><p>That is not this server’s API token.</p></div>`}
      <p>
        Open the login link that the server printed when it started, or give its API token: the value of
        <code>API_TOKEN</code>, or what is in <code>api.token</code> in its data directory.
      </p>
      <form action="/login" method="post">
        <input type="hidden" name="next" value="${next}" />
        <p>
          <label for="token">API token</label><br /><input
            id="token"
            type="password"
            name="token"
            size="40"
            required
            autocomplete="current-password"
            ${isWrong && html` aria-invalid="true"`}
          />
        </p>
        <button class="primary">Log in</button>
      </form>
    </div>`,
    401,
  );
}
