import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { boundToLogContext, inOwnLogContext, type Logger } from './logging.js';

/** So many patterns are told apart; whatever comes beyond is `other`. */
const MAX_ROUTES = 200;

/** A request at its end. */
export interface Answered {
  method: string;
  /** The pattern of the route, as Express marks it on the request. */
  route: string;
  status: number;
  seconds: number;
}

/**
 * Gives every request an id (a proxy's X-Request-Id where it has one, answered in the same header), which all its
 * log lines carry; logs its end, without the query, which may hold a login token.
 */
export function accessLog(
  log: Logger,
  observe: (request: Answered) => void,
): (request: IncomingMessage, response: ServerResponse, next: () => void) => void {
  const routes = new Set<string>();
  return (request, response, next) => {
    const given = request.headers['x-request-id'];
    const requestId = typeof given === 'string' && /^[\w-]{8,64}$/.test(given) ? given : randomUUID();
    response.setHeader('x-request-id', requestId);
    const { method = '', url = '' } = request;
    const path = url.split('?', 1)[0];
    const began = performance.now();
    inOwnLogContext({ requestId }, () => {
      // Made here, so that it keeps this request's ids, which the events of a socket do not.
      const ended = boundToLogContext(() => {
        const seconds = (performance.now() - began) / 1000;
        const { statusCode: status } = response;
        const changes = method !== 'GET' && method !== 'HEAD';
        log[status >= 500 ? 'warn' : changes ? 'info' : 'debug'](
          { method, path, status, ms: Math.round(seconds * 1000), aborted: !response.writableFinished },
          'request answered',
        );
        // A live stream lasts as long as someone looks: that is no response time.
        if (String(response.getHeader('content-type')).startsWith('text/event-stream')) return;
        let route = routeOf(request);
        if (!routes.has(route)) {
          if (routes.size < MAX_ROUTES) routes.add(route);
          else route = 'other';
        }
        observe({ method: known(method), route, status, seconds });
      });
      response.once('close', ended);
      next();
    });
  };
}

/** The pattern that answered, never the path itself: there are as many paths as anyone likes. */
function routeOf(request: IncomingMessage): string {
  const path = (request as { route?: { path?: unknown } }).route?.path;
  return typeof path === 'string' ? path : 'none';
}

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
const known = (method: string): string => (METHODS.has(method) ? method : 'other');
