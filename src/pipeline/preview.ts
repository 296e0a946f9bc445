/** The deployed app while it is being looked at. */
export interface Preview {
  /** Where it answers, without a slash at the end. */
  readonly url: string;
  /** Its port on this machine's loopback address. */
  readonly port: number;
  /** Ends it, with everything that the deploy script started; safe to call twice. */
  stop(): Promise<void>;
  /** Why it was ended, in a sentence, where it passed a limit; null while it did not. */
  breach(): string | null;
}

const NAMED = /^\s*DEPLOY_URL=["']?(https?:\/\/[^\s"'<>]+?)["']?\s*$/;
const NAMED_OR_ALONE = /^\s*(?:DEPLOY_URL=)?["']?(https?:\/\/[^\s"'<>]+?)["']?\s*$/;

/**
 * The URL that counts, in this order: the one in CODEGENAPP_OUTPUT, the last that the script printed alone on a line
 * or as DEPLOY_URL=…, the default.
 */
export function deployUrl(outputFile: string | null, log: string, fallback: string): string {
  const last = (text: string, pattern: RegExp) =>
    text
      .split('\n')
      .flatMap((line) => pattern.exec(line)?.[1] ?? [])
      .at(-1);
  const url = last(outputFile ?? '', NAMED) ?? last(log, NAMED_OR_ALONE) ?? fallback;
  return url.replace(/\/+$/, '');
}
