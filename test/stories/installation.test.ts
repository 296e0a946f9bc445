import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Project, WebhookEvent } from '../../src/database/entities/index.js';
import { Story } from '../support/story.js';

describe('projects follow the App’s installations and what becomes of repositories', () => {
  let story: Story;
  beforeEach(async () => {
    story = await Story.begin();
  });
  afterEach(() => story.end());

  const projects = async () => {
    await story.settled();
    const rows = await story.app.database.read.find(Project, { order: { fullName: 'ASC' } });
    return rows.map(({ fullName, removedAt }) => `${fullName}${removedAt ? ' (removed)' : ''}`);
  };

  it('are made, renamed, transferred, removed and made again under one identity', async () => {
    const { github } = story;
    const web = github.createRepository('acme/web');
    const api = github.createRepository('acme/api');
    const installation = github.installationOf(web)!;
    await story.deliver(installation.created, installation.addRepositories(api));
    expect(await projects()).toEqual(['acme/api', 'acme/web']);
    const id = (await story.app.database.read.findOneByOrFail(Project, { fullName: 'acme/web' })).id;

    await story.deliver(web.rename('site'));
    expect(await projects()).toEqual(['acme/api', 'acme/site']);
    await story.deliver(api.delete());
    expect(await projects()).toEqual(['acme/api (removed)', 'acme/site']);

    await story.deliver(installation.removeRepositories(web));
    expect(await projects()).toEqual(['acme/api (removed)', 'acme/site (removed)']);
    await story.deliver(installation.addRepositories(web));
    expect(await projects()).toEqual(['acme/api (removed)', 'acme/site']);
    expect((await story.app.database.read.findOneByOrFail(Project, { fullName: 'acme/site' })).id).toBe(id);

    await story.deliver(installation.uninstall());
    expect(await projects()).toEqual(['acme/api (removed)', 'acme/site (removed)']);
  });

  it('events that are signed but not what GitHub documents end as failed, never as an answer of 500', async () => {
    const { github } = story;
    const repository = github.createRepository('acme/web');
    repository.commit('feature', { 'feature.txt': 'done' });
    const pr = repository.openPullRequest({ head: 'feature' });
    for (const raw of [
      '{}',
      '{"action":"opened"}',
      '{"action":"opened","pull_request":{"number":1e400},"repository":{"id":"x"}}',
      '{"action":"opened","repository":{"id":1,"full_name":"../../etc"},"pull_request":{"number":1}}',
      '{"__proto__":{"action":"opened"}}',
    ]) {
      const { statusCode } = await github.deliver(pr.opened, { raw });
      expect([raw, statusCode]).toEqual([raw, 202]);
    }
    github.acknowledge(/there is no webhook __proto__/);
    const unknown = await github.deliver({ name: '__proto__', payload: {} }, { raw: '{}' });
    expect(JSON.parse(unknown.responseBody)).toMatchObject({ status: 'ignored' });
    await story.settled();
    const failed = await story.app.database.read.findBy(WebhookEvent, { status: 'failed' });
    expect(failed.length).toBeGreaterThan(0);
    for (const { error } of failed) expect(error).toMatch(/credentials|pull_request/);
    expect((await fetch(`${story.url}/health`)).status).toBe(200);
  });
});
