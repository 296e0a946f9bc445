import { OperationalError } from '../domain/errors.js';

export type CodegenErrorKind =
  | 'unauthorized'
  | 'out_of_runs'
  | 'forbidden'
  | 'not_found'
  | 'refused'
  | 'rate_limited'
  | 'unavailable'
  | 'bad_answer';

interface CodegenErrorOptions {
  advice?: string;
  retryable?: boolean;
  /** The HTTP status, null where there was no answer. */
  status?: number | null;
  /** How long the server asks to wait, in milliseconds. */
  retryAfterMs?: number | null;
  /** True where the request may have taken effect although it failed: look before it is sent again. */
  effectUnknown?: boolean;
}

/** The Codegen API did not do what was asked. The message is a sentence for the pull request's author. */
export class CodegenError extends OperationalError {
  override name = 'CodegenError';
  readonly kind: CodegenErrorKind;
  readonly status: number | null;
  readonly retryAfterMs: number | null;
  readonly effectUnknown: boolean;

  constructor(kind: CodegenErrorKind, message: string, options: CodegenErrorOptions = {}) {
    super(message, { advice: options.advice, retryable: options.retryable });
    this.kind = kind;
    this.status = options.status ?? null;
    this.retryAfterMs = options.retryAfterMs ?? null;
    this.effectUnknown = options.effectUnknown ?? false;
  }
}

/**
 * The error that a status of the Codegen API stands for. `detail` is the server's own message on one line, or
 * empty; `changes` says whether the request would have changed something there.
 */
export function errorOfStatus(
  status: number,
  detail: string,
  options: { organization: string; retryAfterMs: number | null; changes: boolean },
): CodegenError {
  const said = detail === '' ? '' : ` It says: ${detail}`;
  switch (status) {
    case 401:
      return new CodegenError('unauthorized', 'Codegen does not accept the API key of this server.', {
        status,
        advice: `Set CODEGEN_API_KEY to a valid key of the Codegen organization.${said}`,
      });
    case 402:
      return new CodegenError('out_of_runs', 'The Codegen organization has used up its agent runs.', {
        status,
        advice: `Upgrade the Codegen plan, or wait until its runs are renewed.${said}`,
      });
    case 403:
      return new CodegenError(
        'forbidden',
        `Codegen does not let this server work in the organization ${options.organization}.`,
        {
          status,
          advice: `Check that CODEGEN_ORG_ID is an organization that the owner of CODEGEN_API_KEY belongs to.${said}`,
        },
      );
    case 404:
      return new CodegenError('not_found', `Codegen does not find what was asked for.${said}`, {
        status,
        advice: 'Check CODEGEN_ORG_ID, CODEGEN_API_BASE_URL, and that the repository is known to Codegen.',
      });
    case 429:
      return new CodegenError('rate_limited', 'Codegen takes no more requests at the moment (rate limit).', {
        status,
        retryable: true,
        retryAfterMs: options.retryAfterMs,
        advice: `Nothing needs to be done, unless it happens often.${said}`,
      });
  }
  if (status >= 500 || status === 408) {
    return new CodegenError('unavailable', `Codegen is not working at the moment (HTTP ${status}).`, {
      status,
      retryable: true,
      retryAfterMs: options.retryAfterMs,
      effectUnknown: options.changes,
      advice: `Look at the state of the Codegen service.${said}`,
    });
  }
  return new CodegenError('refused', `Codegen did not accept the request (HTTP ${status}).${said}`, {
    status,
    advice: 'Check CODEGEN_API_BASE_URL; if it is right, the API may have changed.',
  });
}
