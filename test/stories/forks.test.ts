import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { chmodSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Project } from '../../src/database/entities/index.js';
import { SettingsStore } from '../../src/database/settings-store.js';
import { SecretBox } from '../../src/domain/secret-box.js';
import { plainSandbox } from '../../src/sandbox/plain.js';
import type { FakeRepository } from '../support/fake-github/index.js';
import { MergeGroup } from '../support/fake-github/merge-queue.js';
import { scripted, Story } from '../support/story.js';

/** Passes only without the project's secret. */
const WITHOUT_SECRETS = 'test -z "$DEPLOY_KEY"; test "$SHARED" = public; test -f feature.txt';

describe('pull requests from forks', () => {
  let story: Story;
  let repository: FakeRepository;

  const begin = async (options: Parameters<typeof Story.begin>[0] = {}) => {
    story = await Story.begin(options);
    repository = story.github.createRepository('acme/web', {
      files: {
        'README.md': '# Web',
        '.github/codegenapp.yml': `test_commands: ${JSON.stringify(WITHOUT_SECRETS)}\nenvironment: { SHARED: public }\n`,
      },
    });
    repository.permit('reader', 'read');
    repository.permit('writer', 'write');
  };
  beforeEach(() => begin());
  afterEach(() => story.end());

  function fromFork(owner: string, author = owner, files: Record<string, string> = {}) {
    const fork = repository.fork(`${owner}/web`);
    fork.commit('feature', { 'feature.txt': 'done', ...files }, 'Add the feature', owner);
    return repository.openPullRequest({ head: 'feature', from: fork, author });
  }

  /** The project's secret; the project must have had a pull request. */
  async function setSecret(): Promise<void> {
    const project = await story.app.database.read.findOneByOrFail(Project, { fullName: 'acme/web' });
    const key = Buffer.from(readFileSync(join(story.dataDir, 'secrets.key'), 'utf8'), 'base64');
    await new SettingsStore(story.app.database, new SecretBox(key)).set(project.id, 'secrets', {
      DEPLOY_KEY: 'a secret of the project',
    });
  }

  it('of strangers wait with nothing cloned; who may write lets this one commit run, without secrets', async () => {
    const pr = fromFork('stranger');
    await story.deliver(pr.opened);
    const waiting = await story.completedCheck(repository, pr.headSha);
    expect(waiting.conclusion).toBe('action_required');
    expect(waiting.actions.map(({ identifier }) => identifier)).toContain('approve');
    await story.settled();
    expect(repository.fetches).toEqual([]);
    await setSecret();

    // Those who may not write change nothing.
    for (const nobody of ['stranger', 'reader']) {
      await story.deliver(repository.pressButton(waiting, 'approve', nobody));
      await story.settled();
    }
    expect(repository.checkRuns(pr.headSha).map(({ conclusion }) => conclusion)).toEqual(['action_required']);
    expect(repository.fetches).toEqual([]);

    await story.deliver(repository.pressButton(waiting, 'approve', 'writer'));
    await story.github.waitFor(
      () => repository.checkRuns(pr.headSha).some(({ conclusion }) => conclusion === 'success'),
      { what: 'the approved run' },
    );
    expect(repository.checkRuns(pr.headSha)).toHaveLength(1);

    // What was approved is a commit, not a person.
    const fetches = repository.fetches.length;
    expect(fetches).toBeGreaterThan(0);
    await story.deliver(pr.push({ 'evil.txt': 'evil' }));
    expect((await story.completedCheck(repository, pr.headSha)).conclusion).toBe('action_required');
    await story.settled();
    expect(repository.fetches).toHaveLength(fetches);
  });

  it('an approval of an older commit runs neither it nor the newer one', async () => {
    const pr = fromFork('stranger');
    await story.deliver(pr.opened);
    const older = await story.completedCheck(repository, pr.headSha);
    const press = repository.pressButton(older, 'approve', 'writer');
    await story.deliver(pr.push({ 'evil.txt': 'evil' }));
    expect((await story.completedCheck(repository, pr.headSha)).conclusion).toBe('action_required');
    await story.deliver(press);
    await story.settled();
    expect(repository.fetches).toEqual([]);
  });

  it('of authors who may write run at once, still without secrets', async () => {
    // Makes the project known, so that it has a secret to keep.
    const first = fromFork('stranger');
    await story.deliver(first.opened);
    await story.completedCheck(repository, first.headSha);
    await setSecret();

    const own = fromFork('writer');
    await story.deliver(own.opened);
    expect((await story.completedCheck(repository, own.headSha)).conclusion).toBe('success');
  });

  it('that a writer opens from a stranger’s fork wait: the stranger pushes there', async () => {
    const pr = fromFork('stranger', 'writer');
    await story.deliver(pr.opened);
    expect((await story.completedCheck(repository, pr.headSha)).conclusion).toBe('action_required');
    await story.settled();
    expect(repository.fetches).toEqual([]);
  });

  it('change nothing by a settings file of their own, nor does a branch of the repository', async () => {
    const mine = { '.github/codegenapp.yml': 'test_commands: exit 42\nenvironment: { SHARED: evil }\n' };
    const fork = fromFork('writer', 'writer', mine);
    repository.commit('branch', { 'feature.txt': 'done', ...mine });
    const branch = repository.openPullRequest({ head: 'branch' });
    for (const pr of [fork, branch]) {
      await story.deliver(pr.opened);
      expect((await story.completedCheck(repository, pr.headSha)).conclusion).toBe('success');
    }
  });

  it('FORK_POLICY=run runs them at once, without secrets', async () => {
    await story.end();
    await begin({ env: { FORK_POLICY: 'run' } });
    const pr = fromFork('stranger');
    await story.deliver(pr.opened);
    expect((await story.completedCheck(repository, pr.headSha)).conclusion).toBe('success');
  });

  it('FORK_POLICY=ignore says nothing at all', async () => {
    await story.end();
    await begin({ env: { FORK_POLICY: 'ignore' } });
    const pr = fromFork('stranger');
    await story.deliver(pr.opened);
    await story.settled();
    expect(repository.checkRuns(pr.headSha)).toEqual([]);
    expect(pr.comments()).toEqual([]);
    expect(repository.fetches).toEqual([]);
  });

  it('get no secrets through a merge queue either, nor does what is queued behind one', async () => {
    repository.commit('own', { 'feature.txt': 'ours' });
    const own = repository.openPullRequest({ head: 'own', author: 'writer' });
    await story.deliver(own.opened);
    await story.completedCheck(repository, own.headSha);
    await setSecret();
    repository.commit('next', { 'next.txt': 'ours', 'feature.txt': 'ours' });
    const next = repository.openPullRequest({ head: 'next', author: 'writer' });

    const ownGroup = new MergeGroup(own);
    const nextGroup = new MergeGroup(next, ownGroup);
    const forked = new MergeGroup(fromFork('stranger', 'stranger', { 'other.txt': 'x' }));
    repository.commit('last', { 'last.txt': 'ours', 'feature.txt': 'done' });
    const behind = new MergeGroup(repository.openPullRequest({ head: 'last', author: 'writer' }), forked);
    const unnamed = new MergeGroup(own);
    const { merge_group: facts } = unnamed.event.payload as { merge_group: Record<string, string> };
    facts['head_ref'] = 'refs/heads/gh-readonly-queue/main/of-another-form';
    facts['head_sha'] = repository.commit('gh-readonly-queue/main/of-another-form', {
      'feature.txt': 'x',
    }).sha;
    await story.deliver(ownGroup, nextGroup, forked, behind, unnamed);
    const conclusions = [];
    for (const sha of [
      ownGroup.headSha,
      nextGroup.headSha,
      forked.headSha,
      behind.headSha,
      facts['head_sha'],
    ])
      conclusions.push((await story.completedCheck(repository, sha)).conclusion);
    // The tests pass only where the secret is not there.
    expect(conclusions).toEqual(['failure', 'failure', 'success', 'success', 'success']);
  });

  it('never run without a sandbox, whoever approves, and whatever was queued when there was one', async () => {
    const pr = fromFork('stranger');
    await story.deliver(pr.opened);
    const waiting = await story.completedCheck(repository, pr.headSha);
    await story.app.stop(0);
    // The same data, on a server that can't lock code up.
    const toolchains = { directories: [], path: process.env['PATH']!, environment: {} };
    await story.startApp({ sandbox: plainSandbox({ toolchains }) });
    await story.deliver(repository.pressButton(waiting, 'approve', 'writer'));
    const check = await story.github.waitFor(
      () => repository.checkRuns(pr.headSha).find(({ conclusion }) => conclusion === 'cancelled'),
      { what: 'the refusal' },
    );
    expect((check as { summary: string }).summary).toContain('no sandbox');
    expect(repository.fetches).toEqual([]);
  });
});

describe('SANDBOX=none', () => {
  it('runs pull requests of the repository and lets forks wait for ever', async () => {
    const story = await Story.begin({ env: { SANDBOX: 'none' } });
    // As root, scripts run as somebody who has to get to the workspace.
    chmodSync(story.dataDir, 0o755);
    try {
      const repository = story.github.createRepository('acme/web', {
        files: scripted({ test_commands: 'true' }),
      });
      repository.permit('writer', 'write');
      repository.commit('feature', { 'feature.txt': 'done' });
      const own = repository.openPullRequest({ head: 'feature' });
      await story.deliver(own.opened);
      expect((await story.completedCheck(repository, own.headSha)).conclusion).toBe('success');

      const fork = repository.fork('writer/web');
      fork.commit('feature', { 'feature.txt': 'mine' }, 'Mine', 'writer');
      const pr = repository.openPullRequest({ head: 'feature', from: fork });
      await story.deliver(pr.opened);
      const waiting = await story.completedCheck(repository, pr.headSha);
      expect(waiting.conclusion).toBe('action_required');
      expect(waiting.summary).toContain('no sandbox');
      const fetches = repository.fetches.length;
      expect(fetches).toBeGreaterThan(0);
      if (waiting.actions.some(({ identifier }) => identifier === 'approve'))
        await story.deliver(repository.pressButton(waiting, 'approve', 'writer'));
      await story.settled();
      expect(repository.fetches).toHaveLength(fetches);
      expect(repository.checkRuns(pr.headSha).map(({ conclusion }) => conclusion)).toEqual([
        'action_required',
      ]);
    } finally {
      await story.end();
    }
  });
});
