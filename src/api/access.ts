/**
 * Who may use the API and the pages: whoever has the token, as a bearer or by the cookie of the login link. The
 * webhook and health routes come before this; everything after it is guarded.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import express, {
  Router,
  type NextFunction,
  type Request,
  type RequestHandler,
  type Response,
} from 'express';
import { rateLimit } from 'express-rate-limit';
import { sendLoginPage } from '../web/login-page.js';
import { Problem } from './problem.js';

export const COOKIE = 'codegenapp_session';
const COOKIE_DAYS = 30;
const FAILED_LOGINS = 20;
const FAILED_LOGINS_WINDOW_MS = 10 * 60_000;

/** What is answered without a token: the login itself, and a document that says nothing of this server. */
const OPEN = ['/login', '/api/openapi.json'];
/** Signed for one run, and checked where it is answered. */
const SIGNED = /^\/api\/agent-runs\/[\w-]{1,36}\/callback$/;

export interface AccessOptions {
  token: string;
  /** HOST: a name that this server may be called by. */
  host: string;
  /** Without a slash at the end. */
  publicUrl(): string;
}

export const loginLink = (publicUrl: string, token: string): string =>
  `${publicUrl}/login?token=${encodeURIComponent(token)}`;

export function accessRouter(options: AccessOptions): Router {
  const router = Router();
  const session = createHmac('sha256', options.token).update('codegenapp session').digest('base64url');
  const limit = rateLimit({
    windowMs: FAILED_LOGINS_WINDOW_MS,
    limit: FAILED_LOGINS,
    skipSuccessfulRequests: true,
    standardHeaders: 'draft-8',
    legacyHeaders: false,
    // Without a proxy that is trusted, the header is anybody's word.
    validate: { xForwardedForHeader: false },
    // Handed on, not thrown: the limiter is asynchronous, and nobody would catch it.
    handler: (_request, _response, next) =>
      next(new Problem(429, 'Too many failed logins', 'Wait some minutes, then try again.')),
  });

  router.use((request, response, next) => {
    refuseForeignHost(request, options);
    refuseCrossOrigin(request, options);
    if (OPEN.includes(request.path) || SIGNED.test(request.path)) return next();
    const authorization = request.get('authorization');
    if (authorization !== undefined) {
      const bearer = /^bearer +(.*)$/i.exec(authorization)?.[1];
      // Header values come as latin1, whatever their bytes were.
      if (bearer !== undefined && isSame(Buffer.from(bearer, 'latin1'), options.token)) return next();
      return void limit(request, response, (error?: unknown) =>
        error ? next(error) : refuse(request, response, next),
      );
    }
    const cookie = cookieOf(request);
    if (cookie !== null && isSame(cookie, session)) return next();
    if (askAgainFromHere(request, response)) return;
    refuse(request, response, next);
  });

  const logIn: RequestHandler = (request, response, next) => {
    const given = (request.method === 'POST' ? request.body : request.query) as Record<string, unknown>;
    const { token, next: page } = given;
    if (typeof token !== 'string' || !isSame(token, options.token)) {
      if (request.method !== 'POST') return refuse(request, response, next);
      return void sendLoginPage(response, { next: ownPath(page), isWrong: true }).catch(next);
    }
    response
      .cookie(COOKIE, session, {
        httpOnly: true,
        sameSite: 'strict',
        secure: options.publicUrl().startsWith('https:'),
        maxAge: COOKIE_DAYS * 86_400_000,
        path: '/',
      })
      .set('Cache-Control', 'no-store')
      .redirect(303, ownPath(page));
  };
  router.get('/login', limit, logIn);
  // From the form: so that the token stands in no address that a browser remembers.
  router.post('/login', limit, express.urlencoded({ extended: false, limit: 8 * 1024 }), logIn);
  return router;
}

/** A path of this server; everything else, such as `//elsewhere`, becomes `/`. */
function ownPath(path: unknown): string {
  if (typeof path !== 'string' || !/^\/(?![/\\])[^\s\\]*$/.test(path) || path.startsWith('/login'))
    return '/';
  return path;
}

/** Compares digests, so that neither content nor length shows in the time it takes. */
function isSame(given: string | Buffer, expected: string): boolean {
  const digest = (value: string | Buffer) => createHash('sha256').update(value).digest();
  return timingSafeEqual(digest(given), digest(expected));
}

function cookieOf(request: Request): string | null {
  const pairs = (request.get('cookie') ?? '').split(';').map((pair) => pair.trim());
  return pairs.find((pair) => pair.startsWith(`${COOKIE}=`))?.slice(COOKIE.length + 1) ?? null;
}

/** Another site's name that leads here (DNS rebinding) must not make its scripts our own. */
function refuseForeignHost(request: Request, options: AccessOptions): void {
  const names = [
    'localhost',
    '127.0.0.1',
    '[::1]',
    hostName(options.host),
    hostName(new URL(options.publicUrl()).host),
  ];
  const given = hostName(request.get('host') ?? '');
  if (given === null || !names.includes(given))
    throw new Problem(
      403,
      'Foreign host',
      'This server is not known by that name; set PUBLIC_URL to the address that people use.',
    );
}

/** Without port; null for what is no host. */
function hostName(host: string): string | null {
  const bracketed = /^[0-9a-f:]*:[0-9a-f:]*:[0-9a-f:]*$/i.test(host) ? `[${host}]` : host;
  if (!/^[\w.:[\]-]+$/.test(bracketed) || !URL.canParse(`http://${bracketed}`)) return null;
  return new URL(`http://${bracketed}`).hostname;
}

const SAFE = ['GET', 'HEAD', 'OPTIONS'];

function refuseCrossOrigin(request: Request, options: AccessOptions): void {
  if (SAFE.includes(request.method)) return;
  const site = request.get('sec-fetch-site');
  const origin = request.get('origin');
  const isOurs =
    origin === undefined ||
    origin === new URL(options.publicUrl()).origin ||
    (URL.canParse(origin) && new URL(origin).host === request.get('host')?.toLowerCase());
  if (isOurs && (site === undefined || site === 'same-origin' || site === 'none')) return;
  throw new Problem(403, 'Cross-origin', 'Changes are taken from this server’s own pages only.');
}

/** Whether a browser shows the answer to a person. */
export const wantsPage = (request: Request): boolean =>
  request.method === 'GET' && request.accepts(['json', 'html']) === 'html';

/**
 * A click on another site (a check's link on GitHub) comes without our strict cookie. The same page asked for by
 * us has it; that request is same-origin, so this happens once.
 */
function askAgainFromHere(request: Request, response: Response): boolean {
  if (!wantsPage(request) || request.get('sec-fetch-site') !== 'cross-site') return false;
  const page = '<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0"><title>…</title>';
  response.status(200).set('Cache-Control', 'no-store').type('html').send(page);
  return true;
}

function refuse(request: Request, response: Response, next: NextFunction): void {
  response.set('WWW-Authenticate', 'Bearer realm="CodegenApp"');
  if (!wantsPage(request))
    return next(new Problem(401, 'Not logged in', 'Send the API token as `Authorization: Bearer`.'));
  sendLoginPage(response, { next: ownPath(request.originalUrl), isWrong: request.path === '/login' }).catch(
    next,
  );
}
