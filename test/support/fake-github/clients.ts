import { Probot, ProbotOctokit } from 'probot';
import { pino } from 'pino';
import type { FakeGitHub } from './fake-github.js';

/** Probot's own Octokit, without the waiting between writes and before retries. */
export const ImpatientOctokit = ProbotOctokit.defaults((options: object) => ({
  ...options,
  retry: { enabled: false },
  throttle: { enabled: false },
}));

/** The App, as Probot runs it, on this GitHub. */
export function probotOn(github: FakeGitHub): Probot {
  return new Probot({
    appId: github.appId,
    privateKey: github.privateKey,
    secret: github.webhookSecret,
    baseUrl: github.apiUrl,
    Octokit: ImpatientOctokit,
    log: pino({ level: 'silent' }),
  });
}
