import Bottleneck from 'bottleneck';
import { Probot, ProbotOctokit } from 'probot';
import { pino } from 'pino';
import type { FakeGitHub } from './fake-github.js';

/** Probot's own Octokit, without the waiting between writes and before retries. */
export const ImpatientOctokit = ProbotOctokit.defaults((options: object) => ({
  ...options,
  retry: { enabled: false },
  throttle: { enabled: false },
}));

/** Probot's own Octokit, its throttling too, in which a second of spacing between writes takes 1/`factor` s. */
export const hastyOctokit = (factor: number): typeof ProbotOctokit => {
  const every = (seconds: number) =>
    new Bottleneck.Group({ maxConcurrent: 1, minTime: (seconds * 1000) / factor });
  const [write, notifications] = [every(1), every(3)];
  return ProbotOctokit.defaults((options: { throttle?: object }) => ({
    ...options,
    retry: { enabled: false },
    throttle: { ...options.throttle, write, notifications },
  }));
};

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
