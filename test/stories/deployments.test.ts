import nock from 'nock';
import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ValidationPipeline } from '../../src/database/entities/index.js';
import { ProjectStore } from '../../src/database/project-store.js';
import { FakeGitHub, type FakeRepository } from '../support/fake-github/index.js';
import type { RepositoryOptions } from '../support/fake-github/repository.js';
import { scripted, Story } from '../support/story.js';

const URL_OF_PREVIEW = 'https://pr-1.previews.example.com';

describe('a preview with a public address', () => {
  let story: Story;
  let repository: FakeRepository;
  /** Lets the validators see the preview; until then it answers only the look whether it is up. */
  let letOn: () => void;

  const open = (options: RepositoryOptions = {}) => {
    repository = story.github.createRepository('acme/web', {
      ...options,
      files: scripted({
        deploy_commands: `echo "DEPLOY_URL=${URL_OF_PREVIEW}" >> "$CODEGENAPP_OUTPUT"; sleep 1000`,
      }),
    });
    repository.commit('feature', { 'feature.txt': 'done' });
    return repository.openPullRequest({ head: 'feature' });
  };
  const begin = async () => {
    story = await Story.begin();
    return open();
  };
  beforeEach(() => {
    let looks = 0;
    const seen = new Promise<void>((resolve) => (letOn = resolve));
    nock(URL_OF_PREVIEW)
      .persist()
      .get('/')
      .reply(200, async () => {
        // Deploy's look passes, the health check's waits: so every preview is up for a while.
        if (++looks % 2 === 0) await seen;
        return 'up';
      });
  });
  afterEach(async () => {
    letOn();
    await story.end();
    nock.cleanAll();
    nock.restore();
    nock.activate();
  });
  // It patches Node's own http module, which the next test file in this process shares.
  afterAll(() => nock.restore());

  const states = () =>
    repository.deployments.map(({ statuses }) => statuses.map(({ state }) => state).join(' '));
  const says = (...wanted: string[]) =>
    story.github.waitFor(() => states().join() === wanted.join(), {
      what: `the deployments ${wanted.join()}`,
      timeoutMs: 25_000,
    });

  it('is a deployment of its head as long as it is up', async () => {
    const pr = await begin();
    await story.deliver(pr.opened);
    await says('success');
    const [deployment] = repository.deployments;
    const [row] = await story.app.database.read.find(ValidationPipeline);
    expect(deployment).toMatchObject({
      sha: pr.headSha,
      ref: pr.headSha,
      environment: 'preview/pr-1',
      transient: true,
      production: false,
      payload: { pipeline_id: row!.id },
    });
    expect(deployment!.statuses[0]).toMatchObject({
      environmentUrl: URL_OF_PREVIEW,
      logUrl: `http://localhost:${story.port}/pipelines/${row!.id}`,
    });
    letOn();
    expect((await story.completedCheck(repository, pr.headSha)).conclusion).toBe('success');
    await says('success inactive');
  });

  it('ends with what supersedes it, and makes room for the next in the same environment', async () => {
    const pr = await begin();
    await story.deliver(pr.opened);
    await says('success');
    await story.deliver(pr.push({ 'feature.txt': 'more' }));
    await says('success inactive', 'success');
    letOn();
    await says('success inactive', 'success inactive');
    expect(repository.deployments.map(({ sha, environment }) => [sha === pr.headSha, environment])).toEqual([
      [false, 'preview/pr-1'],
      [true, 'preview/pr-1'],
    ]);
  });

  it('is recorded once where GitHub’s answers get lost or the server stops meanwhile', async () => {
    const pr = await begin();
    story.github.fault({ method: 'POST', path: /deployments$/, onlyAfterEffect: true, status: 502 });
    story.github.fault({
      method: 'POST',
      path: /deployments\/\d+\/statuses$/,
      onlyAfterEffect: true,
      cut: true,
    });
    await story.deliver(pr.opened);
    await story.until(
      () => story.app.database.read.existsBy(ValidationPipeline, { deploymentState: 'active' }),
      'the record of the deployment',
    );
    expect(states()).toEqual(['success']);
    await story.app.stop(0);
    letOn();
    await story.startApp();
    await story.completedCheck(repository, pr.headSha);
    await story.settled();
    expect(repository.deployments).toHaveLength(1);
    expect(repository.deployments[0]!.statuses.at(-1)!.state).toBe('inactive');
  });

  it('is ended by the next round where its end was lost', async () => {
    const pr = await begin();
    await story.deliver(pr.opened);
    await says('success');
    const fault = story.github.fault({ method: 'POST', path: /statuses$/, status: 500, times: 1_000 });
    letOn();
    await story.completedCheck(repository, pr.headSha);
    await story.github.waitFor(() => fault.hits > 0, { what: 'the request that fails' });
    // As after the last of its tries.
    await story.app.database.write((tx) => tx.query("DELETE FROM jobs WHERE subject LIKE 'deployment:%'"));
    await story.app.stop(0);
    fault.times = fault.hits;
    await story.startApp();
    await says('success inactive');
  });

  it('is no deployment without the permission, which no pull request has to answer for', async () => {
    const pr = await begin();
    delete story.github.installationOf(repository)!.permissions['deployments'];
    await story.deliver(pr.opened);
    await story.github.waitFor(
      () => story.github.requests.some(({ path }) => path.endsWith('/deployments')),
      {
        what: 'the request for a deployment',
      },
    );
    letOn();
    expect((await story.completedCheck(repository, pr.headSha)).conclusion).toBe('success');
    await story.settled();
    expect(repository.deployments).toEqual([]);
    const refusals = story.github.requests.filter(({ path }) => path.endsWith('/deployments'));
    expect(refusals.map(({ status }) => status)).toEqual([403]);
    const metrics = await (await story.ask('/metrics')).text();
    expect(metrics).toContain('codegenapp_deployments_total{outcome="refused"} 1');
  });

  it('is recorded with GITHUB_TOKEN too, where that may', async () => {
    const github = await FakeGitHub.start();
    story = await Story.begin({ github, withoutApp: true, env: { GITHUB_TOKEN: github.personalToken } });
    const pr = open({ installed: false });
    repository.permit('token-owner', 'write');
    const project = await new ProjectStore(story.app.database, github.url).follow({
      id: repository.id,
      name: repository.name,
      full_name: repository.fullName,
    });
    await github.deliver(pr.opened, { url: `${story.url}/webhooks/${project.id}` });
    await says('success');
    letOn();
    await says('success inactive');
    expect(repository.deployments[0]!.creator.login).toBe('token-owner');
  });
});
