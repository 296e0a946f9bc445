import type { ProbotOctokit } from 'probot';
import type { FileChange } from '../domain/changes.js';
import type { Annotation } from './annotations.js';
import type { CheckRun } from './check.js';
import type { DeploymentBody, DeploymentStatusBody } from './deployment.js';
import type { CommitStatus } from './status.js';

export type Octokit = InstanceType<typeof ProbotOctokit>;

/** What repeating could do twice must not be repeated blindly: whoever calls looks first, then tries again. */
const ONCE = { request: { retries: 0 } };

export type CheckRunBody = Omit<CheckRun['body'], 'output'> & {
  output: CheckRun['body']['output'] & { annotations?: Annotation[] };
};

export type MergeMethod = 'merge' | 'squash' | 'rebase';
const MAX_CHANGES = 300;

export type Permission = 'admin' | 'write' | 'read' | 'none';

/** One repository on GitHub, with the few requests that we make. Each throws Octokit's RequestError. */
export class GitHubRepository {
  private readonly where: { owner: string; repo: string };

  /** @param canWriteChecks whether the credentials are an App's: others may write commit statuses only */
  constructor(
    readonly octokit: Octokit,
    readonly fullName: string,
    readonly canWriteChecks: boolean,
  ) {
    const [owner, repo] = fullName.split('/') as [string, string];
    this.where = { owner, repo };
  }

  /** The text of a file, or null where there is none. */
  async file(path: string, ref?: string, fullName = this.fullName): Promise<string | null> {
    const [owner, repo] = fullName.split('/') as [string, string];
    const answer = await ignoreMissing(
      this.octokit.rest.repos.getContent({ owner, repo, path, ...(ref ? { ref } : {}) }),
    );
    if (!answer || Array.isArray(answer.data) || answer.data.type !== 'file') return null;
    return Buffer.from(answer.data.content, 'base64').toString('utf8');
  }

  async pullRequest(number: number) {
    const { data } = await this.octokit.rest.pulls.get({ ...this.where, pull_number: number });
    return data;
  }

  /** Paths changed by a pull request; at most 3,000, GitHub's own limit. */
  async changedPaths(number: number): Promise<string[]> {
    const files = await this.octokit.paginate(this.octokit.rest.pulls.listFiles, {
      ...this.where,
      pull_number: number,
      per_page: 100,
    });
    return files.map((file) => file.filename);
  }

  /** What a pull request changes; at most the first 300 files. GitHub leaves out patches that are too long. */
  async changes(number: number): Promise<FileChange[]> {
    const changes: FileChange[] = [];
    const pages = this.octokit.paginate.iterator(this.octokit.rest.pulls.listFiles, {
      ...this.where,
      pull_number: number,
      per_page: 100,
    });
    for await (const { data } of pages) {
      for (const { filename, status, additions, deletions, patch } of data)
        changes.push({
          path: filename,
          status: status === 'added' || status === 'removed' || status === 'renamed' ? status : 'modified',
          additions,
          deletions,
          patch: patch ?? null,
        });
      if (changes.length >= MAX_CHANGES) break;
    }
    return changes;
  }

  /** What GitHub says at this moment; a payload's author_association is not a permission. */
  async permissionOf(username: string): Promise<Permission> {
    const answer = await ignoreMissing(
      this.octokit.rest.repos.getCollaboratorPermissionLevel({ ...this.where, username }),
    );
    const permission = answer?.data.permission;
    return permission === 'admin' || permission === 'write' || permission === 'read' ? permission : 'none';
  }

  async createCheckRun(body: CheckRunBody): Promise<number> {
    const { data } = await this.octokit.rest.checks.create({ ...this.where, ...body, ...ONCE });
    return data.id;
  }

  async updateCheckRun(id: number, { head_sha: _, ...body }: CheckRunBody): Promise<void> {
    await this.octokit.rest.checks.update({ ...this.where, ...body, check_run_id: id });
  }

  /** The id of our check run with this `external_id` on a sha. */
  async findCheckRun(headSha: string, name: string, externalId: string): Promise<number | null> {
    const runs = await this.octokit.paginate(this.octokit.rest.checks.listForRef, {
      ...this.where,
      ref: headSha,
      check_name: name,
      filter: 'all',
      per_page: 100,
    });
    return runs.find((run) => run.external_id === externalId)?.id ?? null;
  }

  async createStatus(sha: string, body: CommitStatus): Promise<void> {
    await this.octokit.rest.repos.createCommitStatus({ ...this.where, ...body, sha });
  }

  /** The id of the first comment with this marker that was written with our credentials. */
  async findComment(number: number, marker: string): Promise<number | null> {
    const pages = this.octokit.paginate.iterator(this.octokit.rest.issues.listComments, {
      ...this.where,
      issue_number: number,
      per_page: 100,
    });
    for await (const { data } of pages) {
      // Anyone can write the marker into a comment: ours are a bot's, or with a token the user's own.
      const ours = data.find(
        (comment) =>
          comment.body?.startsWith(marker) && (!this.canWriteChecks || comment.user?.type === 'Bot'),
      );
      if (ours) return ours.id;
    }
    return null;
  }

  async createComment(number: number, body: string): Promise<number> {
    const { data } = await this.octokit.rest.issues.createComment({
      ...this.where,
      issue_number: number,
      body,
      ...ONCE,
    });
    return data.id;
  }

  /** The account of a commit's author; null where GitHub knows none. */
  async commitAuthor(sha: string): Promise<{ login: string; type?: string } | null> {
    const { data } = await this.octokit.rest.repos.getCommit({ ...this.where, ref: sha, per_page: 1 });
    const author = data.author as { login?: string; type?: string } | null;
    return author?.login ? { login: author.login, ...(author.type ? { type: author.type } : {}) } : null;
  }

  /** The files that differ between two commits; at most 300, GitHub's own limit. */
  async changedFiles(base: string, head: string) {
    const { data } = await this.octokit.rest.repos.compareCommitsWithBasehead({
      ...this.where,
      basehead: `${base}...${head}`,
    });
    return data.files ?? [];
  }

  /** The id of the deployment of this commit, environment and pipeline. */
  async findDeployment({ ref, environment, task, payload }: DeploymentBody): Promise<number | null> {
    const pages = this.octokit.paginate.iterator(this.octokit.rest.repos.listDeployments, {
      ...this.where,
      sha: ref,
      environment,
      task,
      per_page: 100,
    });
    for await (const { data } of pages) {
      const ours = data.find((each) => pipelineOf(each.payload) === payload.pipeline_id);
      if (ours) return ours.id;
    }
    return null;
  }

  async createDeployment(body: DeploymentBody): Promise<number> {
    const { data } = await this.octokit.rest.repos.createDeployment({ ...this.where, ...body, ...ONCE });
    if ('id' in data) return data.id;
    throw new Error(`GitHub made no deployment: ${data.message}`);
  }

  /** What a deployment's newest status says; null where it has none. */
  async deploymentStatus(id: number): Promise<{ state: string; url: string } | null> {
    const { data } = await this.octokit.rest.repos.listDeploymentStatuses({
      ...this.where,
      deployment_id: id,
      per_page: 1,
    });
    const [newest] = data;
    return newest ? { state: newest.state, url: newest.environment_url ?? '' } : null;
  }

  async createDeploymentStatus(id: number, body: DeploymentStatusBody): Promise<void> {
    await this.octokit.rest.repos.createDeploymentStatus({ ...this.where, ...body, deployment_id: id });
  }

  /** Whether a commit is in the history of a branch. */
  async contains(branch: string, sha: string): Promise<boolean> {
    const { data } = await this.octokit.rest.repos.compareCommitsWithBasehead({
      ...this.where,
      basehead: `${sha}...${branch}`,
      per_page: 1,
    });
    return data.status === 'ahead' || data.status === 'identical';
  }

  /** Puts a reaction on a comment; the same twice is one. */
  async react(commentId: number, content: 'eyes' | 'rocket' | 'confused'): Promise<void> {
    await this.octokit.rest.reactions.createForIssueComment({
      ...this.where,
      comment_id: commentId,
      content,
    });
  }

  /** Merges exactly this head. 409: the head has moved; 405: GitHub refuses, and says why. */
  async merge(number: number, sha: string, method: MergeMethod): Promise<void> {
    await this.octokit.rest.pulls.merge({
      ...this.where,
      pull_number: number,
      sha,
      merge_method: method,
      ...ONCE,
    });
  }

  /** Has GitHub merge this head once branch protection allows. @throws GraphqlResponseError where it refuses */
  async enableAutoMerge(pullRequestNodeId: string, sha: string, method: MergeMethod): Promise<void> {
    await this.octokit.graphql(
      `mutation ($input: EnablePullRequestAutoMergeInput!) {
        enablePullRequestAutoMerge(input: $input) { clientMutationId }
      }`,
      {
        input: {
          pullRequestId: pullRequestNodeId,
          expectedHeadOid: sha,
          mergeMethod: method.toUpperCase(),
        },
      },
    );
  }

  async disableAutoMerge(pullRequestNodeId: string): Promise<void> {
    await this.octokit.graphql(
      `mutation ($input: DisablePullRequestAutoMergeInput!) {
        disablePullRequestAutoMerge(input: $input) { clientMutationId }
      }`,
      { input: { pullRequestId: pullRequestNodeId } },
    );
  }

  /** False where the comment is gone. */
  async updateComment(id: number, body: string): Promise<boolean> {
    return (
      (await ignoreMissing(
        this.octokit.rest.issues.updateComment({ ...this.where, comment_id: id, body }),
      )) !== null
    );
  }
}

/** GitHub gives a payload back as it was sent, or as text. */
function pipelineOf(payload: unknown): unknown {
  if (typeof payload !== 'string') return (payload as { pipeline_id?: unknown } | null)?.pipeline_id;
  try {
    return (JSON.parse(payload) as { pipeline_id?: unknown } | null)?.pipeline_id;
  } catch {
    return undefined;
  }
}

export async function ignoreMissing<T>(request: Promise<T>): Promise<T | null> {
  try {
    return await request;
  } catch (error) {
    if (statusOf(error) === 404) return null;
    throw error;
  }
}

/** Whether GitHub would answer the same another time; its limits end. */
export function isRefusal(error: unknown): boolean {
  const status = statusOf(error);
  if (status === 403) return !/rate limit|abuse/i.test((error as Error).message);
  return status !== null && status >= 400 && status < 500 && status !== 408 && status !== 429;
}

/** The HTTP status of Octokit's RequestError, or null. */
export function statusOf(error: unknown): number | null {
  return typeof error === 'object' && error !== null && 'status' in error && typeof error.status === 'number'
    ? error.status
    : null;
}
