/** Makes pipelines: every way to start one (event, command, button, API) goes through here. */
import type { Config } from '../config.js';
import type { Database } from '../database/database.js';
import type { Project, ValidationPipeline } from '../database/entities/index.js';
import type { Trigger } from '../database/entities/validation-pipeline.js';
import type { NewPipeline, PipelineStore } from '../database/pipeline-store.js';
import type { SettingsStore } from '../database/settings-store.js';
import { admit, type Admission } from '../domain/admission.js';
import { emptyResults, type Finding } from '../domain/pipeline.js';
import { loadSettingsFile, type LoadedSettingsFile } from '../domain/settings-extends.js';
import { resolveSettings, type Settings } from '../domain/settings.js';
import type { GitHubAccess } from '../github/access.js';
import { ignoreMissing, type GitHubRepository } from '../github/repository.js';
import type { Merger } from './merge.js';

/** A pull request as an event or the API describes it. */
export interface PullRequest {
  id: number;
  number: number;
  html_url: string;
  title: string;
  state: string;
  draft?: boolean | undefined;
  user?: { login: string; type?: string | undefined } | null | undefined;
  head: { sha: string; ref: string; repo?: { full_name: string } | null | undefined };
  base: { sha: string; ref: string };
}

export interface StartOptions {
  trigger: Trigger;
  retryCount?: number;
  agentRunId?: string | null;
  /** Who allowed this sha of a fork to run, having been asked for permission. */
  approvedBy?: string | null;
  /** The command or button that asked for it. */
  cause?: string | null;
  /** Sets up from scratch, whatever the setup cache has. */
  noCache?: boolean;
  /** The pull request's latest pipeline when it was decided to start another one; missing: whatever that is. */
  after?: string | null;
}

/** A group of a merge queue; refs with or without `refs/heads/`. */
export interface MergeGroup {
  head_sha: string;
  head_ref: string;
  base_ref: string;
  base_sha: string;
}

export class PipelineStarter {
  constructor(
    private readonly deps: {
      database: Database;
      pipelines: PipelineStore;
      settings: SettingsStore;
      github: GitHubAccess;
      merger: Merger;
      config: Pick<Config, 'forkPolicy'>;
      /** Whether the sandbox is too weak for strangers' code. */
      trustedOnly: boolean;
    },
  ) {}

  /** Whether the sandbox is too weak for strangers' code, so that no approval lets it run. */
  get trustedOnly(): boolean {
    return this.deps.trustedOnly;
  }

  /**
   * Starts the validation of a pull request's head, ends the pipelines of its older heads, and takes back what GitHub
   * was asked to merge.
   * @returns null where nothing is to be said about it at all
   * @throws Overtaken where `after` is not the latest any more
   */
  async startPullRequest(
    project: Project,
    pullRequest: PullRequest,
    options: StartOptions,
  ): Promise<ValidationPipeline | null> {
    const { database, pipelines, github, merger } = this.deps;
    const repository = await github.repository(project);
    const before = await pipelines.latestOf(project.id, pullRequest.number);
    if (before) await merger.withdraw(before, repository);
    const { settings, problems, file } = await this.settingsFor(project, repository, pullRequest.base.ref);
    const isFork = comesFromFork(pullRequest, project);
    const admission = await this.admission(repository, pullRequest, isFork, settings, options);

    const pipeline: NewPipeline = {
      projectId: project.id,
      pullRequestId: pullRequest.id,
      pullRequestNumber: pullRequest.number,
      pullRequestUrl: pullRequest.html_url,
      title: pullRequest.title,
      author: pullRequest.user?.login ?? '',
      headSha: pullRequest.head.sha,
      headRef: pullRequest.head.ref,
      baseRef: pullRequest.base.ref,
      baseSha: pullRequest.base.sha,
      fetchRef: `refs/pull/${pullRequest.number}/head`,
      isFork,
      trigger: options.trigger,
      retryCount: options.retryCount ?? 0,
      agentRunId: options.agentRunId ?? null,
      approvedBy: options.approvedBy ?? null,
      cause: options.cause ?? null,
      settings: withoutSecrets(settings),
      rebuildSetup: options.noCache ?? false,
      ...(problems.length > 0 ? misconfigured(problems, file) : stateFor(admission)),
    };
    const which = { projectId: project.id, pullRequestNumber: pullRequest.number };
    return database.write(async (tx) => {
      if (options.after !== undefined) await pipelines.requireLatest(tx, which, options.after);
      // Of none that is there, none is to be ended.
      if (options.after !== null)
        await pipelines.cancel(
          tx,
          which,
          `Superseded by ${options.trigger === 'event' ? pullRequest.head.sha.slice(0, 7) : 'a newer validation'}.`,
        );
      return admission.decision === 'ignore' ? null : pipelines.create(tx, pipeline);
    });
  }

  /**
   * Starts the validation of what a merge queue wants to merge, on its own sha; the same group once. It runs because
   * somebody who may write has queued it, also where forks are not validated otherwise, but then without secrets.
   */
  async startMergeGroup(project: Project, group: MergeGroup): Promise<void> {
    const { database, pipelines, github } = this.deps;
    const known = await pipelines.latestOfHead(project.id, group.head_sha);
    if (known?.trigger === 'merge_group') return;
    const repository = await github.repository(project);
    const baseRef = branchOf(group.base_ref);
    const { settings, problems, file } = await this.settingsFor(project, repository, baseRef);
    const isFork = await this.holdsForkCode(project, repository, group);
    await database.write((tx) =>
      pipelines.create(tx, {
        projectId: project.id,
        headSha: group.head_sha,
        headRef: branchOf(group.head_ref),
        baseRef,
        baseSha: group.base_sha,
        fetchRef: `refs/heads/${branchOf(group.head_ref)}`,
        isFork,
        trigger: 'merge_group',
        settings: withoutSecrets(settings),
        ...(problems.length > 0 ? misconfigured(problems, file) : {}),
      }),
    );
  }

  /**
   * Whether a group holds a fork's commits, or it can't be told. Its name has the pull request that was queued last;
   * those queued before it are below it, in the group that it builds on.
   */
  private async holdsForkCode(
    project: Project,
    repository: GitHubRepository,
    { head_ref, base_ref, base_sha }: MergeGroup,
  ): Promise<boolean> {
    const number = Number(/\/pr-(\d{1,9})-[0-9a-f]{7,64}$/.exec(head_ref)?.[1]);
    const pull = number ? await ignoreMissing(repository.pullRequest(number)) : null;
    if (!pull || comesFromFork(pull, project)) return true;
    if (await ignoreMissing(repository.contains(branchOf(base_ref), base_sha))) return false;
    const below = await this.deps.pipelines.latestOfHead(project.id, base_sha);
    return below?.trigger !== 'merge_group' || below.isFork;
  }

  /** The settings that count for a base branch, and what is wrong with the repository's file. */
  async settingsFor(project: Project, repository: GitHubRepository, baseRef: string) {
    const [owner, repo] = project.fullName.split('/') as [string, string];
    const [file, own] = await Promise.all([
      loadSettingsFile(
        (fileOwner, fileRepo, path, ref) => repository.file(path, ref, `${fileOwner}/${fileRepo}`),
        { owner, repo, ref: baseRef },
      ),
      this.deps.settings.of(project.id),
    ]);
    const { settings, origin } = resolveSettings({ file: file.settings, project: own });
    return { settings, origin, problems: file.problems, file: file.files[0] ?? '' };
  }

  private async admission(
    repository: GitHubRepository,
    pullRequest: PullRequest,
    isFork: boolean,
    settings: Settings,
    { approvedBy, trigger }: StartOptions,
  ): Promise<Admission> {
    const { config, trustedOnly } = this.deps;
    const author = pullRequest.user?.login;
    // A writer's pull request from somebody else's fork holds what that other one pushes.
    const ownFork = pullRequest.head.repo?.full_name.split('/')[0]?.toLowerCase() === author?.toLowerCase();
    const asksPermission =
      isFork && ownFork && config.forkPolicy === 'approve' && !approvedBy && author !== undefined;
    const permission = asksPermission ? await repository.permissionOf(author) : 'none';
    return admit({
      state: pullRequest.state === 'open' ? 'open' : 'closed',
      draft: pullRequest.draft ?? false,
      skipDrafts: settings.skip_drafts,
      title: pullRequest.title,
      // The clone stage reads it, without another request.
      headCommitMessage: null,
      pathsIgnore: settings.paths_ignore,
      changedPaths:
        settings.paths_ignore.length > 0 ? await repository.changedPaths(pullRequest.number) : null,
      requested: trigger !== 'event',
      fork: isFork,
      forkPolicy: config.forkPolicy,
      authorCanWrite: permission === 'admin' || permission === 'write',
      headApproved: Boolean(approvedBy),
      trustedOnly,
    });
  }
}

/** Whether the head is in another repository, or in one that was deleted. */
const comesFromFork = (
  { head }: { head: { repo?: { full_name: string } | null | undefined } },
  { fullName }: Project,
): boolean => head.repo?.full_name.toLowerCase() !== fullName.toLowerCase();

/** The name of a branch as pipelines have it. */
export const branchOf = (ref: string): string => ref.replace(/^refs\/heads\//, '');

const withoutSecrets = ({ secrets: _, ...settings }: Settings): Omit<Settings, 'secrets'> => settings;

function stateFor({ decision, reason }: Admission): Pick<NewPipeline, 'status' | 'conclusion' | 'reason'> {
  if (decision === 'run') return { status: 'queued', conclusion: null, reason: null };
  return { status: 'completed', conclusion: decision === 'wait' ? 'action_required' : 'skipped', reason };
}

/** A pipeline does not run on guesses: what is wrong with the file is shown where it is. */
function misconfigured(problems: LoadedSettingsFile['problems'], path: string): Partial<ValidationPipeline> {
  const findings = problems.map(({ file, line, message }): Finding => ({
    source: 'settings',
    severity: 'failure',
    title: 'Mistake in the settings file',
    message,
    path: file,
    startLine: line,
    endLine: line,
  }));
  return {
    status: 'completed',
    conclusion: 'failure',
    reason: `The settings in ${path} on the base branch have ${problems.length === 1 ? 'a mistake' : `${problems.length} mistakes`}: line ${problems[0]!.line}: ${problems[0]!.message}`,
    validationResults: { ...emptyResults(), findings },
  };
}
