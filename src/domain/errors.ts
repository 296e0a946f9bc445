/**
 * Faults that are ours or the surroundings', never the pull request's: a repository that can't be reached,
 * a sandbox that can't be set up, an API that is down. The message is a sentence for the author of the pull
 * request; `advice` says what whoever operates CodegenApp can do.
 */
export class OperationalError extends Error {
  override name = 'OperationalError';
  readonly advice: string;
  /** Whether the same may work when simply tried again later. */
  readonly retryable: boolean;

  constructor(message: string, options: { advice?: string; retryable?: boolean; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.advice = options.advice ?? '';
    this.retryable = options.retryable ?? false;
  }
}

/** What somebody asked for makes no sense now; the message is a sentence for whoever asked. */
export class ActionRefused extends Error {
  override name = 'ActionRefused';
}

/** The text of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
