import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '../domain/errors.js';
import { CodegenError, errorOfStatus } from './errors.js';

export interface HttpOptions {
  /** Without a trailing slash or with one, e.g. `https://api.codegen.com`. */
  baseUrl: string;
  apiKey: string;
  organization: string;
  /** For one request from its start to the end of its answer, in milliseconds. Default 20,000. */
  timeoutMs?: number;
  /** The longest wait before a request is repeated, in milliseconds. Default 60,000. */
  maxWaitMs?: number;
  /** How often a request is sent at most, the first time included. Default 4. */
  maxTries?: number;
  sleep?: (ms: number, signal?: AbortSignal) => Promise<void>;
  now?: () => number;
  /** A signal that aborts after `ms`. */
  timeLimit?: (ms: number) => AbortSignal;
}

export interface HttpRequest {
  method: 'GET' | 'POST';
  /** Below the base URL, with the query. */
  path: string;
  body?: unknown;
  signal?: AbortSignal;
}

export interface Http {
  /** Sends once and returns the JSON of the answer; every failure but an abort by `signal` is a CodegenError. */
  once(request: HttpRequest): Promise<unknown>;
  /**
   * Repeats `send` while it throws retryable CodegenErrors, as `retry-after` says or else doubling from 1 s. Where
   * the effect of a failed try is unknown, `recover` is asked first: it returns what the try achieved, or null
   * where it achieved nothing. A wait over the bound is not waited for: the error carries it as `retryAfterMs`.
   */
  repeat<T>(send: () => Promise<T>, options?: Repetition<T>): Promise<T>;
}

export interface Repetition<T> {
  recover?: (failure: CodegenError) => Promise<T | null>;
  signal?: AbortSignal;
}

const MAX_ANSWER_BYTES = 10 * 1024 * 1024;
/** How long the server gets to make visible what a failed request may have achieved. */
const SETTLE_MS = 5_000;

/** JSON over HTTP with a bearer token that appears in no error, time limits and bounded repetition. */
export function createHttp(options: HttpOptions): Http {
  const { organization } = options;
  // A stray newline from an environment file would make fetch throw an error that quotes the header.
  const apiKey = options.apiKey.trim();
  const baseUrl = options.baseUrl.trim().replace(/\/+$/, '');
  const timeoutMs = options.timeoutMs ?? 20_000;
  const maxWaitMs = options.maxWaitMs ?? 60_000;
  const maxTries = options.maxTries ?? 4;
  const now = options.now ?? Date.now;
  const timeLimit = options.timeLimit ?? ((ms: number) => AbortSignal.timeout(ms));
  const sleep = options.sleep ?? ((ms: number, signal?: AbortSignal) => delay(ms, undefined, { signal }));

  const plain = (text: string): string =>
    (apiKey === '' ? text : text.replaceAll(apiKey, '***')).replace(/\s+/g, ' ').trim().slice(0, 300);

  async function once(request: HttpRequest): Promise<unknown> {
    const changes = request.method !== 'GET';
    const limit = timeLimit(timeoutMs);
    let response: Response;
    let text: string;
    try {
      response = await fetch(`${baseUrl}${request.path}`, {
        method: request.method,
        headers: {
          authorization: `Bearer ${apiKey}`,
          accept: 'application/json',
          ...(request.body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        body: request.body === undefined ? undefined : JSON.stringify(request.body),
        signal: request.signal ? AbortSignal.any([limit, request.signal]) : limit,
        // A followed redirect would turn a POST into a GET.
        redirect: 'manual',
      });
      text = await boundedText(response, changes);
    } catch (error) {
      request.signal?.throwIfAborted();
      if (error instanceof CodegenError) throw error;
      const message = limit.aborted
        ? `Codegen did not answer within ${Math.round(timeoutMs / 1000)} seconds.`
        : `Codegen cannot be reached (${plain(reasonOf(error))}).`;
      throw new CodegenError('unavailable', message, {
        retryable: true,
        effectUnknown: changes,
        advice: 'Check CODEGEN_API_BASE_URL and the network of this server.',
      });
    }
    const json = parseJson(text);
    if (!response.ok) {
      const retryAfterMs = readRetryAfter(response.headers.get('retry-after'), now());
      throw errorOfStatus(response.status, plain(detailOf(json)), { organization, retryAfterMs, changes });
    }
    if (json === undefined) throw badAnswer('no JSON', changes);
    return json;
  }

  async function repeat<T>(send: () => Promise<T>, { recover, signal }: Repetition<T> = {}): Promise<T> {
    for (let tries = 1; ; tries++) {
      try {
        return await send();
      } catch (error) {
        if (!(error instanceof CodegenError) || !error.retryable) throw error;
        let wait = error.retryAfterMs ?? 1000 * 2 ** (tries - 1);
        if (error.effectUnknown) wait = Math.max(wait, SETTLE_MS);
        const last = tries >= maxTries || wait > maxWaitMs;
        if (last && !(error.effectUnknown && recover)) throw error;
        await sleep(Math.min(wait, maxWaitMs), signal);
        if (error.effectUnknown && recover) {
          const achieved = await recover(error);
          if (achieved !== null) return achieved;
        }
        if (last) throw error;
      }
    }
  }

  return { once, repeat };
}

/** An answer that is not what the API's description promises. */
export function badAnswer(what: string, effectUnknown: boolean): CodegenError {
  return new CodegenError('bad_answer', `Codegen answered with something that is not understood (${what}).`, {
    retryable: true,
    effectUnknown,
    advice: 'Check that CODEGEN_API_BASE_URL points to the Codegen API.',
  });
}

/** `Retry-After` (RFC 9110: seconds or a date) as milliseconds from `now`; null where there is none. */
export function readRetryAfter(header: string | null, now: number): number | null {
  if (header === null || header.trim() === '') return null;
  const seconds = Number(header);
  if (Number.isFinite(seconds)) return Math.max(0, seconds * 1000);
  const date = Date.parse(header);
  return Number.isNaN(date) ? null : Math.max(0, date - now);
}

async function boundedText(response: Response, changes: boolean): Promise<string> {
  if (response.body === null) return '';
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
    size += chunk.byteLength;
    if (size > MAX_ANSWER_BYTES) throw badAnswer('over 10 MB', changes);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** The message in an error's body: Codegen's `{message}`, or FastAPI's `{detail: text | [{loc, msg}]}`. */
function detailOf(json: unknown): string {
  if (typeof json !== 'object' || json === null) return '';
  const { message, detail } = json as { message?: unknown; detail?: unknown };
  if (typeof message === 'string') return message;
  if (typeof detail === 'string') return detail;
  if (!Array.isArray(detail)) return '';
  return detail
    .map((entry: { loc?: unknown; msg?: unknown } | null) => {
      const place = Array.isArray(entry?.loc) ? `${entry.loc.join('.')}: ` : '';
      return typeof entry?.msg === 'string' ? place + entry.msg : '';
    })
    .filter((line) => line !== '')
    .join('; ');
}

/** Node's fetch hides the reason (ECONNREFUSED and the like) in `cause`. */
function reasonOf(error: unknown): string {
  const { cause } = error as { cause?: { code?: unknown; message?: unknown } };
  if (typeof cause?.code === 'string') return cause.code;
  return typeof cause?.message === 'string' ? cause.message : messageOf(error);
}
