/** What an action led to, told on the page that the reader comes back to: kept in a cookie until it was shown. */
import type { Request, Response } from 'express';
import type { Notice } from './layout.js';

const COOKIE = 'codegenapp_notice';
const SECONDS = 60;
/** Browsers keep 4 KB. */
const MAX_TEXT = 1_000;

/** Leads back to a page, which says what came of it. */
export function goBack(response: Response, url: string, notice: Notice): void {
  const text = notice.text.length > MAX_TEXT ? `${notice.text.slice(0, MAX_TEXT)}…` : notice.text;
  const value = Buffer.from(JSON.stringify({ ...notice, text })).toString('base64url');
  response
    .cookie(COOKIE, value, { httpOnly: true, sameSite: 'strict', maxAge: SECONDS * 1000, path: '/' })
    .set('Cache-Control', 'no-store')
    .redirect(303, url);
}

/** The notice that waits for this reader, once. */
export function takeNotice(request: Request, response: Response): Notice | null {
  const value = new RegExp(`(?:^|; *)${COOKIE}=([\\w-]+)`).exec(request.get('cookie') ?? '')?.[1];
  if (value === undefined) return null;
  response.clearCookie(COOKIE, { httpOnly: true, sameSite: 'strict', path: '/' });
  try {
    const { kind, text } = JSON.parse(Buffer.from(value, 'base64url').toString()) as Partial<Notice>;
    return typeof text === 'string' ? { kind: kind === 'ok' ? 'ok' : 'bad', text } : null;
  } catch {
    return null;
  }
}
