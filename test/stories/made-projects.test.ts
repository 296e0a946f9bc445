/* eslint-disable @typescript-eslint/no-unsafe-assignment, @typescript-eslint/no-unsafe-member-access --
   answers are checked against the OpenAPI document as they come */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Lease, Project } from '../../src/database/entities/index.js';
import { ApiClient } from '../support/api.js';
import { scripted, Story } from '../support/story.js';

describe('projects made by hand, and by the App', () => {
  let story: Story;
  let api: ApiClient;
  beforeEach(async () => {
    story = await Story.begin();
    // The round of the start must find nothing of what the tests set up.
    await story.until(
      async () => (await story.app.database.read.findOneBy(Lease, { name: 'reconcile' }))?.owner === null,
      'the end of the first round',
    );
    api = await ApiClient.of(story);
  });
  afterEach(() => story.end());

  const open = (name: string) => {
    const repository = story.github.createRepository(name, { files: scripted({ test_commands: 'true' }) });
    repository.commit('feature', { 'feature.txt': 'done' });
    return { repository, pr: repository.openPullRequest({ head: 'feature' }) };
  };
  const start = (id: string, pullRequestNumber: number) =>
    api.post(`/api/projects/${id}/pipelines`, { pullRequestNumber });

  it('have checks at once where the App is installed, and say so where it is not', async () => {
    const { repository, pr } = open('acme/web');
    const made = await api.post('/api/projects', { fullName: 'Acme/Web', defaultBranch: 'trunk' });
    expect([made.status, made.body.fullName, made.body.defaultBranch]).toEqual([201, 'acme/web', 'trunk']);
    expect((await start(made.body.id as string, pr.number)).status).toBe(202);
    expect((await story.completedCheck(repository, pr.headSha)).conclusion).toBe('success');

    const elsewhere = await api.post('/api/projects', { fullName: 'nobody/nothing' });
    expect(elsewhere.status).toBe(201);
    const refused = await start(elsewhere.body.id as string, 1);
    expect([refused.status, refused.body.detail]).toEqual([
      503,
      'CodegenApp has no access to nobody/nothing. Install the GitHub App on the repository, or set GITHUB_TOKEN.',
    ]);

    // A project that becomes another repository's is looked up anew.
    const { repository: other, pr: otherPr } = open('acme/other');
    const moved = await api.put(`/api/projects/${elsewhere.body.id}`, { fullName: 'acme/other' });
    expect((await start(moved.body.id as string, otherPr.number)).status).toBe(202);
    expect((await story.completedCheck(other, otherPr.headSha)).conclusion).toBe('success');
  });

  it('are made while GitHub is down, and linked by the next round of reconciling', async () => {
    const { repository, pr } = open('acme/web');
    story.github.fault({ path: '/repos/acme/web/installation', times: 1, status: 500 });
    const made = await api.post('/api/projects', { fullName: 'acme/web' });
    expect(made.status).toBe(201);
    expect((await start(made.body.id as string, pr.number)).status).toBe(503);
    await story.app.stop(0);
    await story.startApp();
    // Also validates what is open there.
    expect((await story.completedCheck(repository, pr.headSha)).conclusion).toBe('success');
    expect(await story.app.database.read.find(Project)).toMatchObject([{ id: made.body.id }]);
  });

  it('list the event that made them, alone or together', async () => {
    const { github } = story;
    const web = open('acme/web');
    const names = ['acme/api', 'acme/docs'];
    const repositories = names.map((name) => github.createRepository(name));
    await story.deliver(
      web.pr.opened,
      github.installationOf(web.repository)!.addRepositories(...repositories),
    );
    await story.settled();
    const listed = async (fullName: string, query = '') => {
      const id = (await api.get(`/api/projects?fullName=${fullName}`)).body.items[0].id as string;
      const { body } = await api.get(`/webhooks/events/${id}${query}`);
      return (body.items as { event: string }[]).map(({ event }) => event);
    };
    expect(await listed('acme/web')).toEqual(['pull_request']);
    for (const name of names) {
      expect(await listed(name)).toEqual(['installation_repositories']);
      expect(await listed(name, '?status=failed')).toEqual([]);
      expect(await listed(name, '?event=installation_repositories&status=processed&limit=1')).toHaveLength(1);
    }
    await story.deliver(repositories[0]!.rename('core'));
    await story.settled();
    expect(await listed('acme/core')).toEqual(['repository', 'installation_repositories']);
    expect(await listed('acme/core', '?limit=1')).toEqual(['repository']);
    const { body } = await api.get('/api/projects?fullName=acme/core');
    const at = `/webhooks/events/${body.items[0].id}?limit=1`;
    const first = (await api.get(at)).body;
    const second = (await api.get(`${at}&cursor=${first.nextCursor}`)).body;
    expect([second.items[0].event, second.nextCursor]).toEqual(['installation_repositories', null]);
  });
});
