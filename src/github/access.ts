import { Probot, ProbotOctokit } from 'probot';
import type { Config } from '../config.js';
import type { Project } from '../database/entities/index.js';
import { OperationalError } from '../domain/errors.js';
import type { Logger } from '../logging.js';
import { GitTokens, type GitToken } from './git-tokens.js';
import { patient } from './patience.js';
import { GitHubClock, renewing } from './renewing.js';
import { GitHubRepository } from './repository.js';

const REQUEST_TIMEOUT_MS = 30_000;

/** A GitHub that accepts a connection and never answers must not hold anything up for ever. */
const fetchWithTimeout =
  (onAnswer: (headers: Headers) => void): typeof fetch =>
  async (url, options) => {
    const timeout = AbortSignal.timeout(REQUEST_TIMEOUT_MS);
    const signal = options?.signal ? AbortSignal.any([options.signal, timeout]) : timeout;
    const response = await fetch(url, { ...options, signal });
    onAnswer(response.headers);
    return response;
  };

/**
 * Who we are towards GitHub: the App where it is installed, otherwise the plain token. Each is a Probot, so that
 * handlers are the same for both.
 */
export class GitHubAccess {
  private readonly gitTokens = new GitTokens((installationId, repository) =>
    this.mintGitToken(installationId, repository),
  );

  private constructor(
    private readonly config: Config['github'],
    readonly app: Probot | null,
    readonly tokenBot: Probot | null,
  ) {}

  static async create(
    config: Config['github'],
    log: Logger,
    OctokitBase: typeof ProbotOctokit = ProbotOctokit,
    onAnswer: (headers: Headers) => void = () => undefined,
  ): Promise<GitHubAccess> {
    const clock = new GitHubClock();
    const common = {
      baseUrl: config.apiUrl,
      // Signatures are checked before an event is stored; Probot never sees a request.
      secret: config.webhookSecret ?? 'unused: deliveries are verified before they are stored',
      log,
      Octokit: renewing(patient(OctokitBase), clock),
      request: {
        fetch: fetchWithTimeout((headers) => {
          clock.answered(headers);
          onAnswer(headers);
        }),
      },
    };
    const app = config.app
      ? new Probot({ ...common, appId: config.app.id, privateKey: config.app.privateKey })
      : null;
    const tokenBot = config.token ? new Probot({ ...common, githubToken: config.token }) : null;
    await Promise.all([app?.ready(), tokenBot?.ready()]);
    return new GitHubAccess(config, app, tokenBot);
  }

  /** The bot whose credentials can act on events of this installation. */
  botFor(installationId: number | null): Probot | null {
    return installationId === null ? this.tokenBot : (this.app ?? this.tokenBot);
  }

  /** @throws OperationalError where neither the App nor a token reaches the repository. */
  async repository(project: Pick<Project, 'fullName' | 'installationId'>): Promise<GitHubRepository> {
    if (this.app && project.installationId !== null) {
      const octokit = await this.app.auth(project.installationId);
      return new GitHubRepository(octokit, project.fullName, true);
    }
    if (this.tokenBot) return new GitHubRepository(await this.tokenBot.auth(), project.fullName, false);
    throw new OperationalError(`CodegenApp has no access to ${project.fullName}.`, {
      advice: 'Install the GitHub App on the repository, or set GITHUB_TOKEN.',
    });
  }

  /**
   * A token that git may use to read this one repository, good for the next half hour. Null where nothing can be
   * minted, which is enough for a public repository.
   */
  async gitToken(project: Pick<Project, 'fullName' | 'installationId'>): Promise<GitToken | null> {
    if (this.app && project.installationId !== null)
      return this.gitTokens.of(project.installationId, project.fullName);
    return this.config.token === null ? null : { token: this.config.token, refused: () => false };
  }

  private async mintGitToken(installationId: number, repository: string): Promise<string> {
    const octokit = await this.app!.auth();
    const { data } = await octokit.request('POST /app/installations/{installation_id}/access_tokens', {
      installation_id: installationId,
      repositories: [repository],
      permissions: { contents: 'read' },
    });
    return data.token;
  }
}
