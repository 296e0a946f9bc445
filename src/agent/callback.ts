/**
 * An address for each run at which Codegen, or the agent itself, may say that something has happened. It is given in
 * the run's metadata, as the API knows no callbacks of its own. Whoever calls brings about one early look at the run,
 * and nothing else: what is sent is not read.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';

/** A run is looked at no more often than this for being told to. */
export const HINT_GAP_MS = 5_000;

export class RunCallbacks {
  private readonly key: Buffer;

  /**
   * @param secret the server's own key, the same in all its processes
   * @param publicUrl where Codegen reaches this server, without a slash at the end; null where it can't
   */
  constructor(
    secret: Buffer,
    private readonly publicUrl: string | null,
  ) {
    this.key = createHmac('sha256', secret).update('callbacks of agent runs').digest();
  }

  /** Null where this server can't be reached. */
  urlOf(runId: string): string | null {
    if (this.publicUrl === null) return null;
    return `${this.publicUrl}/api/agent-runs/${runId}/callback?signature=${this.sign(runId)}`;
  }

  isSigned(runId: string, signature: string): boolean {
    const [given, right] = [Buffer.from(signature), Buffer.from(this.sign(runId))];
    return given.length === right.length && timingSafeEqual(given, right);
  }

  /** 43 characters. */
  private sign(runId: string): string {
    return createHmac('sha256', this.key).update(runId).digest('base64url');
  }
}
