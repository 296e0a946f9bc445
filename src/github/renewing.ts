import type { ProbotOctokit } from 'probot';
import { statusOf } from './repository.js';

/** Less is within what GitHub allows. */
const MIN_SKEW_SECONDS = 30;

interface AuthOptions {
  installationId?: number;
  cache?: { delete(key: string): void };
  /** Of auth-app: seconds that its JSON web tokens are to be ahead of this machine's clock. */
  timeDifference?: number;
}
interface Options {
  auth?: AuthOptions;
  /** Of a request that is made for the second time. */
  isSecondTry?: boolean;
}
type Request = (endpoint: object) => Promise<unknown>;
interface Hooked {
  hook: { wrap(name: 'request', wrapper: (request: Request, endpoint: Endpoint) => Promise<unknown>): void };
  request: Request;
}
interface Endpoint {
  request?: { hook?: unknown };
}

/** How far GitHub's clock is ahead of this machine's, in seconds, as its answers tell. */
export class GitHubClock {
  private aheadSeconds = 0;

  answered(headers: Headers): void {
    const ahead = Math.round((Date.parse(headers.get('date') ?? '') - Date.now()) / 1000);
    if (!Number.isNaN(ahead)) this.aheadSeconds = Math.abs(ahead) < MIN_SKEW_SECONDS ? 0 : ahead;
  }

  get difference(): Pick<AuthOptions, 'timeDifference'> {
    return this.aheadSeconds === 0 ? {} : { timeDifference: this.aheadSeconds };
  }
}

/**
 * An Octokit that makes a request of an installation once more, with a new token, where GitHub answers 401: Octokit
 * keeps a token for an hour, also one that was revoked, and signs by this machine's clock, also where that is off.
 * A 401 has had no effect, so nothing is done twice.
 */
export function renewing(Base: typeof ProbotOctokit, clock: GitHubClock): typeof ProbotOctokit {
  const Renewing = Base.plugin((octokit, options) => {
    const given: Options = options;
    const { auth, isSecondTry } = given;
    if (auth?.installationId === undefined || isSecondTry) return;
    const { hook } = octokit as unknown as Hooked;
    hook.wrap('request', async (request, endpoint) => {
      try {
        return await request(endpoint);
      } catch (error) {
        if (statusOf(error) !== 401) throw error;
        auth.cache?.delete(String(auth.installationId));
        const again: unknown = new Renewing({ ...options, isSecondTry: true });
        // The hook is that of the first Octokit.
        return (again as Hooked).request({ ...endpoint, request: { ...endpoint.request, hook: undefined } });
      }
    });
  }).defaults((options: { auth?: AuthOptions }) => ({
    ...options,
    ...(options.auth ? { auth: { ...options.auth, ...clock.difference } } : {}),
  }));
  return Renewing;
}
