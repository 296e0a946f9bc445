import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ProjectStore } from '../../src/database/project-store.js';
import { FakeGitHub } from '../support/fake-github/index.js';
import { scripted, Story } from '../support/story.js';

describe('a plain webhook and a token, where the App is not installed', () => {
  let story: Story;
  beforeEach(async () => {
    const github = await FakeGitHub.start();
    story = await Story.begin({ github, withoutApp: true, env: { GITHUB_TOKEN: github.personalToken } });
  });
  afterEach(() => story.end());

  const open = async (test: string) => {
    const { github } = story;
    const repository = github.createRepository('acme/plain', {
      private: true,
      installed: false,
      files: scripted({ test_commands: test }),
    });
    repository.permit(github.personalUser.login, 'write');
    repository.commit('feature', { 'feature.txt': 'done' });
    const project = await new ProjectStore(story.app.database, github.url).follow({
      id: repository.id,
      name: repository.name,
      full_name: repository.fullName,
    });
    return {
      repository,
      pr: repository.openPullRequest({ head: 'feature' }),
      url: `${story.url}/webhooks/${project.id}`,
    };
  };

  it('reports by commit status, and by one comment where something failed', async () => {
    const { repository, pr, url } = await open('echo "it broke"; exit 1');
    expect((await story.github.deliver(pr.opened, { url })).statusCode).toBe(202);
    const status = await story.github.waitFor(
      () => repository.statuses(pr.headSha).find(({ state }) => state === 'failure'),
      {
        what: 'the status',
      },
    );
    expect(status?.context).toBe('Codegen validation');
    expect(status?.description).toMatch(/^Test failed: .*exit code 1/);
    expect(repository.checkRuns()).toEqual([]);
    await story.github.waitFor(() => pr.comments().length === 1, { what: 'the comment' });
    await story.github.deliver(pr.push({ 'more.txt': 'more' }), { url });
    await story.github.waitFor(() =>
      repository.statuses(pr.headSha).some(({ state }) => state === 'failure'),
    );
    await story.settled();
    expect(pr.comments()).toHaveLength(1);
  });

  it('refuses unknown webhooks, bad signatures and other repositories', async () => {
    const { pr, url } = await open('true');
    const elsewhere = story.github.createRepository('acme/other', { installed: false });
    elsewhere.commit('feature', { 'feature.txt': 'done' });
    const other = elsewhere.openPullRequest({ head: 'feature' });
    const answer = async (...delivery: Parameters<FakeGitHub['deliver']>) =>
      (await story.github.deliver(...delivery)).statusCode;
    expect(await answer(pr.opened, { url: `${story.url}/webhooks/nobody` })).toBe(404);
    expect(await answer(pr.opened, { url, secret: 'a secret that is not the right one' })).toBe(401);
    expect(await answer(pr.opened, { url, secret: null })).toBe(401);
    expect(await answer(other.opened, { url })).toBe(403);
    expect(await answer(pr.opened, { url, raw: 'no json' })).toBe(400);
    for (const raw of ['[]', 'null', '"text"', '7']) expect(await answer(pr.opened, { url, raw })).toBe(400);
  });
});
