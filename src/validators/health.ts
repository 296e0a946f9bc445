import { messageOf } from '../domain/errors.js';
import type { Finding } from '../domain/pipeline.js';
import type { Validation, Validator } from './contract.js';
import { askPreview, type PreviewAnswer } from './preview-request.js';

const TIMEOUT_MS = 15_000;

/** Asks the preview for its health check path: any answer below 400 is healthy. */
export const health: Validator = {
  name: 'health',
  needs: 'preview',
  async validate({ preview, settings, signal }): Promise<Validation> {
    const path = settings.health_check_path;
    const url = new URL(path, preview.url).href;
    let answer: PreviewAnswer;
    try {
      answer = await askPreview(url, { port: preview.port, timeoutMs: TIMEOUT_MS, signal });
    } catch (error) {
      signal.throwIfAborted();
      const why =
        (error as Error).name === 'TimeoutError'
          ? `no answer within ${TIMEOUT_MS / 1000} s`
          : messageOf(error);
      return unhealthy(`GET ${path}: ${why}`, `The app stopped answering after it had come up: ${why}.`, {});
    }
    const facts = {
      status: answer.status,
      durationMs: answer.durationMs,
      finalUrl: answer.finalUrl,
      redirects: answer.redirects,
    };
    if (answer.leadsTo)
      return {
        result: {
          conclusion: 'success',
          summary: `GET ${path} answered ${answer.status} and leads away from the app, to ${answer.leadsTo}; not followed`,
          facts,
        },
        findings: [],
      };
    const summary = `GET ${path} answered ${answer.status} in ${answer.durationMs} ms`;
    if (answer.status < 400) return { result: { conclusion: 'success', summary, facts }, findings: [] };
    return unhealthy(
      summary,
      answer.status === 404
        ? `Nothing is at ${path}. If the app is healthy without it, set health_check_path to a path that it answers.`
        : `The app answered ${answer.status} at ${answer.finalUrl}.`,
      facts,
    );
  },
};

function unhealthy(summary: string, message: string, facts: Record<string, string | number>): Validation {
  const finding: Finding = {
    source: 'health',
    severity: 'failure',
    title: 'The app is not healthy',
    message,
  };
  return { result: { conclusion: 'failure', summary, facts }, findings: [finding] };
}
