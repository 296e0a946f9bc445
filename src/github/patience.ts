/**
 * What Probot's Octokit lacks at GitHub's secondary rate limits: it spaces writes out, but gives up where GitHub says
 * to wait. Nothing was done then, so the request is sent again after that time, and what else would be written to the
 * same account meanwhile waits as well: whoever goes on is shut out for longer.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ProbotOctokit } from 'probot';

const MAX_WAITS = 5;
/** A job that would wait for longer had better be begun anew. */
const LONGEST_WAIT_S = 15 * 60;

interface Sent {
  method: string;
  url: string;
  owner?: unknown;
}

export function patient(Base: typeof ProbotOctokit): typeof ProbotOctokit {
  /** By owner, in ms since the epoch. */
  const pausedUntil = new Map<string, number>();
  const ownerOf = ({ owner }: Sent) => (typeof owner === 'string' ? owner.toLowerCase() : '');

  const waiting = Base.plugin((octokit) => {
    // Outside of the throttling, so that what waits here takes no place there.
    octokit.hook.wrap('request', async (request, options) => {
      const owner = ownerOf(options);
      if (options.method !== 'GET')
        for (let left = 1; (left = (pausedUntil.get(owner) ?? 0) - Date.now()) > 0;) await sleep(left);
      return request(options);
    });
    return {};
  });
  const onSecondaryRateLimit = (
    seconds: number,
    sent: Sent,
    { log }: { log: { warn: (message: string) => void } },
    waits: number,
  ): boolean => {
    const waitsOn = waits < MAX_WAITS && seconds <= LONGEST_WAIT_S;
    log.warn(
      `GitHub's secondary rate limit at ${sent.method} ${sent.url}: ${waitsOn ? `it is waited for ${seconds} s` : 'given up for now'}`,
    );
    const until = Date.now() + Math.min(seconds, LONGEST_WAIT_S) * 1000;
    pausedUntil.set(ownerOf(sent), Math.max(until, pausedUntil.get(ownerOf(sent)) ?? 0));
    return waitsOn;
  };
  return waiting.defaults((options: { throttle?: object }) => ({
    ...options,
    throttle: { ...options.throttle, onSecondaryRateLimit },
  }));
}
