import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { MergeGroup } from '../support/fake-github/merge-queue.js';
import { scripted, Story } from '../support/story.js';

describe('merging', () => {
  let story: Story;
  beforeEach(async () => {
    story = await Story.begin();
  });
  afterEach(() => story.end());

  const open = (settings: Record<string, string | boolean> = {}, labels: string[] = []) => {
    const repository = story.github.createRepository('acme/web', {
      files: scripted({ test_commands: 'true', ...settings }),
    });
    repository.commit('feature', { 'feature.txt': 'done' });
    return { repository, pr: repository.openPullRequest({ head: 'feature', author: 'ann', labels }) };
  };
  const mergeRequests = () =>
    story.github.requests.filter(({ method, path }) => method === 'PUT' && path.endsWith('/merge'));

  it('merges what passed at exactly that sha, by the method of the settings, without a comment', async () => {
    const { repository, pr } = open({ auto_merge_enabled: true, merge_method: 'rebase' });
    await story.deliver(pr.opened);
    await story.github.waitFor(() => pr.merged, { what: 'the merge', timeoutMs: 20_000 });
    await story.settled();
    expect(mergeRequests().map(({ body }) => body)).toEqual([{ sha: pr.headSha, merge_method: 'rebase' }]);
    expect(repository.checkRuns(pr.headSha)[0]!.summary).toContain('🔀 Merged.');
    expect(pr.comments()).toEqual([]);
  });

  it('does not merge a head that was pushed at the last moment', async () => {
    const { repository, pr } = open({ auto_merge_enabled: true, test_commands: 'sleep 1' });
    const validated = pr.headSha;
    await story.deliver(pr.opened);
    await story.running('test');
    const push = pr.push({ 'feature.txt': 'more' });
    await story.completedCheck(repository, validated);
    await story.settled();
    expect(pr.merged).toBe(false);
    await story.deliver(push);
    await story.github.waitFor(() => pr.merged, { what: 'the merge', timeoutMs: 20_000 });
    expect(mergeRequests().at(-1)!.body).toMatchObject({ sha: pr.headSha });
  });

  it('leaves alone what moved between its look and its merge', async () => {
    const { repository, pr } = open({ auto_merge_enabled: true });
    const validated = pr.headSha;
    const fault = story.github.fault({ method: 'PUT', path: /\/merge$/, delayMs: 300 });
    await story.deliver(pr.opened);
    await story.github.waitFor(() => fault.hits > 0, { what: 'the merge request', timeoutMs: 20_000 });
    const push = pr.push({ 'feature.txt': 'more' });
    await story.settled();
    expect(mergeRequests().map(({ status }) => status)).toEqual([409]);
    expect(repository.checkRuns(validated)[0]!.summary).toContain(
      `Not merged: There is a newer commit, \`${pr.headSha.slice(0, 7)}\``,
    );
    await story.deliver(push);
    await story.github.waitFor(() => pr.merged, { what: 'the merge', timeoutMs: 20_000 });
    expect(mergeRequests().at(-1)!.body).toMatchObject({ sha: pr.headSha });
  });

  it('merges no draft, and merges it once it is ready', async () => {
    const repository = story.github.createRepository('acme/web', {
      files: scripted({ test_commands: 'true', skip_drafts: false, auto_merge_enabled: true }),
    });
    repository.commit('feature', { 'feature.txt': 'done' });
    const pr = repository.openPullRequest({ head: 'feature', draft: true });
    await story.deliver(pr.opened);
    expect((await story.completedCheck(repository, pr.headSha)).conclusion).toBe('success');
    await story.settled();
    expect(repository.checkRuns(pr.headSha)[0]!.summary).toContain('Not merged: The pull request is a draft');
    await story.deliver(pr.comment('octocat', '/codegen merge'));
    await story.settled();
    expect(pr.comments().at(-1)!.body).toContain('is a draft');
    expect(mergeRequests()).toEqual([]);
    await story.deliver(pr.markReady());
    await story.github.waitFor(() => pr.merged, { what: 'the merge', timeoutMs: 20_000 });
    expect(repository.checkRuns(pr.headSha)).toHaveLength(1);
  });

  it('puts it into the merge queue where there is one, and says when GitHub refuses', async () => {
    const { repository, pr } = open({ auto_merge_enabled: true });
    repository.protect('main', { mergeQueue: true });
    await story.deliver(pr.opened);
    await story.github.waitFor(() => pr.autoMerge, { what: 'the queue', timeoutMs: 20_000 });
    await story.settled();
    expect(mergeRequests().map(({ status }) => status)).toEqual([405]);
    expect(repository.checkRuns(pr.headSha)[0]!.summary).toContain('must be made through the merge queue');
    await story.deliver(pr.merge('github-merge-queue[bot]', 'squash'));
    await story.github.waitFor(() => repository.checkRuns(pr.headSha)[0]!.summary?.includes('🔀 Merged.'), {
      what: 'the merge on the check',
    });

    repository.commit('second', { 'second.txt': 'x' });
    repository.mergeMethods = ['merge'];
    repository.protect('main', {});
    const second = repository.openPullRequest({ head: 'second' });
    await story.deliver(second.opened);
    await story.completedCheck(repository, second.headSha);
    await story.settled();
    expect(repository.checkRuns(second.headSha)[0]!.summary).toContain(
      'GitHub does not merge it: Squash merges are not allowed on this repository.',
    );
    expect([second.merged, second.autoMerge]).toEqual([false, undefined]);
  });

  it('says on the check why it did not merge, and merges on command when that is gone', async () => {
    const { repository, pr } = open({ auto_merge_enabled: true }, ['do-not-merge']);
    await story.deliver(pr.opened);
    await story.completedCheck(repository, pr.headSha);
    await story.settled();
    expect(repository.checkRuns(pr.headSha)[0]!.summary).toContain(
      'Not merged: The pull request has the label',
    );
    await story.deliver(pr.comment('octocat', '/codegen merge'));
    await story.settled();
    expect(pr.comments().at(-1)!.body).toContain('`do-not-merge`');
    pr.unlabel('do-not-merge');
    await story.deliver(pr.comment('octocat', '/codegen merge'));
    await story.github.waitFor(() => pr.merged, { what: 'the merge' });
  });

  it('looks before it merges again when the answer got lost', async () => {
    const { repository, pr } = open({ auto_merge_enabled: true });
    story.github.fault({ method: 'PUT', path: /\/merge$/, onlyAfterEffect: true, status: 502 });
    await story.deliver(pr.opened);
    await story.github.waitFor(() => repository.checkRuns(pr.headSha)[0]?.summary?.includes('🔀 Merged.'), {
      what: 'the merge on the check',
      timeoutMs: 20_000,
    });
    expect(mergeRequests()).toHaveLength(1);
  });

  it('leaves a protected branch to GitHub’s own auto-merge', async () => {
    const { repository, pr } = open({ auto_merge_enabled: true });
    repository.protect('main', { requiredApprovals: 1 });
    await story.deliver(pr.opened);
    await story.github.waitFor(() => pr.autoMerge, { what: 'auto-merge', timeoutMs: 20_000 });
    await story.settled();
    expect(pr.autoMerge!.method).toBe('squash');
    expect(repository.checkRuns(pr.headSha)[0]!.summary).toContain('as soon as branch protection allows');
  });

  it('keeps GitHub from merging while what it is to merge is validated anew', async () => {
    const { repository, pr } = open({ auto_merge_enabled: true, test_commands: '! test -e broken.txt' });
    repository.protect('main', { requiredApprovals: 1 });
    await story.deliver(pr.opened);
    const scheduled = () =>
      story.github.waitFor(() => pr.autoMerge, { what: 'auto-merge', timeoutMs: 20_000 });
    await scheduled();
    await story.settled();
    await story.deliver(pr.comment('octocat', '/codegen retry'));
    await story.github.waitFor(() => repository.checkRuns(pr.headSha)[1], { what: 'a second check' });
    await scheduled();
    await story.settled();

    story.github.fault({ path: /graphql/, status: 502 });
    await story.deliver(pr.push({ 'broken.txt': 'x' }));
    expect((await story.completedCheck(repository, pr.headSha)).conclusion).toBe('failure');
    expect(pr.autoMerge).toBeUndefined();
    const mutations = story.github.requests
      .filter(({ path }) => path.endsWith('/graphql'))
      .map(({ body, status }) => [/(enable|disable)PullRequest/.exec(JSON.stringify(body))?.[1], status]);
    expect(mutations).toEqual([
      ['enable', 200],
      ['disable', 200],
      ['enable', 200],
      ['disable', 502],
      ['disable', 200],
    ]);
  });

  it('validates a new head also where GitHub refuses to take its auto-merge back', async () => {
    const { repository, pr } = open({ auto_merge_enabled: true, test_commands: '! test -e broken.txt' });
    repository.protect('main', { requiredApprovals: 1 });
    await story.deliver(pr.opened);
    await story.github.waitFor(() => pr.autoMerge, { what: 'auto-merge', timeoutMs: 20_000 });
    await story.settled();

    const message = 'Resource not accessible by integration';
    const errors = [{ type: 'FORBIDDEN', path: ['disablePullRequestAutoMerge'], message }];
    const body = { data: { disablePullRequestAutoMerge: null }, errors };
    const refusal = story.github.fault({ path: /graphql/, status: 200, body });
    await story.deliver(pr.push({ 'broken.txt': 'x' }));
    expect((await story.completedCheck(repository, pr.headSha)).conclusion).toBe('failure');
    await story.settled();
    expect(refusal.hits).toBe(1);
  });

  it('validates a merge group on its own sha, and cancels it when it is gone', async () => {
    const { repository, pr } = open({
      test_commands: 'if [ -e slow.txt ]; then sleep 1000; fi; test -f feature.txt; test "$BASE_REF" = main',
    });
    const group = new MergeGroup(pr);
    await story.deliver(group, group);
    const check = await story.completedCheck(repository, group.headSha);
    expect(check.conclusion).toBe('success');
    await story.settled();
    expect(repository.checkRuns(group.headSha)).toHaveLength(1);

    repository.commit('slow', { 'slow.txt': 'x' });
    const slow = new MergeGroup(repository.openPullRequest({ head: 'slow' }));
    await story.deliver(slow);
    await story.running('test');
    await story.deliver(slow.destroy('dequeued'));
    expect((await story.completedCheck(repository, slow.headSha, 5_000)).conclusion).toBe('cancelled');
  });
});
