import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { scripted, Story } from '../support/story.js';

const SERVER = `exec node -e "require('http').createServer((q,s)=>s.end('hello')).listen(process.env.PORT)"`;

describe('a pull request is validated end to end', () => {
  let story: Story;
  beforeEach(async () => {
    story = await Story.begin();
  });
  afterEach(() => story.end());

  /** A repository with these settings and a pull request that adds feature.txt. */
  const open = (settings: Parameters<typeof scripted>[0], files: Record<string, string> = {}) => {
    const repository = story.github.createRepository('acme/web', {
      private: true,
      files: scripted(settings),
    });
    repository.commit('feature', { 'feature.txt': 'done', ...files }, 'Add the feature');
    return { repository, pr: repository.openPullRequest({ head: 'feature' }) };
  };

  it('runs the commands of the base branch on the head and leaves one green check and no comment', async () => {
    const { repository, pr } = open({
      setup_commands: 'echo built > built.txt',
      deploy_commands: `test -f built.txt; ${SERVER}`,
      test_commands:
        'test "$(cat feature.txt)" = done; test "$PR_NUMBER" = 1; node -e "fetch(process.env.DEPLOY_URL).then((r) => r.text()).then((t) => process.exit(t === \'hello\' ? 0 : 1))"',
    });
    const [delivery] = await story.deliver(pr.opened);
    expect(delivery!.statusCode).toBe(202);

    const check = await story.completedCheck(repository, pr.headSha);
    expect(check.conclusion).toBe('success');
    expect(check.title).toMatch(/^Passed in /);
    for (const stage of ['clone', 'setup', 'deploy', 'validate', 'test', 'report'])
      expect(check.summary).toContain(`| ${stage} |`);
    expect(repository.checkRuns(pr.headSha)).toHaveLength(1);
    expect(pr.comments()).toEqual([]);
  });

  it('lets the author act on a failed test without opening another page', async () => {
    const { repository, pr } = open({
      test_commands: 'echo "feature.txt: expected ready, got $(cat feature.txt)"; exit 3',
    });
    await story.deliver(pr.opened);
    const check = await story.completedCheck(repository, pr.headSha);
    expect(check.conclusion).toBe('failure');
    expect(check.title).toContain('exit code 3');
    expect(check.summary).toContain('feature.txt: expected ready, got done');
    // Without access to Codegen there is nobody to ask for a fix.
    expect(check.actions.map(({ identifier }) => identifier)).toEqual(['fix', 'retry']);

    await story.github.waitFor(() => pr.comments().length > 0, { what: 'the comment' });
    expect(pr.comments()).toHaveLength(1);
    expect(pr.comments()[0]!.body).toContain('expected ready, got done');
  });

  it('takes its word back in the same comment when the author has made it pass', async () => {
    const { repository, pr } = open({ test_commands: 'test "$(cat feature.txt)" = ready' });
    await story.deliver(pr.opened);
    const said = (what: string) => pr.comments().some(({ body }) => body.includes(what));
    await story.github.waitFor(() => said('❌'), { what: 'the comment' });

    await story.deliver(pr.push({ 'feature.txt': 'ready' }).event);
    expect((await story.completedCheck(repository, pr.headSha)).conclusion).toBe('success');
    await story.github.waitFor(() => said('✅'), { what: 'the good news' });
    expect(pr.comments()).toHaveLength(1);
    expect(said('❌')).toBe(false);
  });

  it('annotates a failed test of a report at its file and line', async () => {
    const { repository, pr } = open(
      { test_commands: 'node --test --test-reporter=junit --test-reporter-destination=junit.xml' },
      {
        'sum.test.js': [
          "const { test } = require('node:test');",
          "const assert = require('node:assert');",
          "test('adds', () => {",
          '  assert.equal(1 + 1, 3);',
          '});',
        ].join('\n'),
      },
    );
    await story.deliver(pr.opened);
    const check = await story.completedCheck(repository, pr.headSha);
    expect(check.title).toBe('Test failed: 1 of 1 test');
    expect(check.annotations).toMatchObject([
      { path: 'sum.test.js', start_line: 4, annotation_level: 'failure' },
    ]);
  });

  it('validates the same comment, check and head once when a delivery comes twice', async () => {
    const { repository, pr } = open({ test_commands: 'true' });
    const first = await story.github.deliver(pr.opened);
    const again = await story.github.deliver(pr.opened, { deliveryId: first.guid });
    expect(again.statusCode).toBe(200);
    expect(JSON.parse(again.responseBody)).toMatchObject({ status: 'duplicate', deliveryId: first.guid });
    // The same news under another delivery id, as from a second webhook.
    await story.github.deliver(pr.opened);
    await story.completedCheck(repository, pr.headSha);
    await story.settled();
    expect(repository.checkRuns(pr.headSha)).toHaveLength(1);
  });

  it('does not run on guesses when the settings file has a mistake', async () => {
    const repository = story.github.createRepository('acme/web', {
      files: { '.github/codegenapp.yml': 'setup_commands: true\ntest_comands: npm test\n' },
    });
    repository.commit('feature', { 'feature.txt': 'done' });
    const pr = repository.openPullRequest({ head: 'feature' });
    await story.deliver(pr.opened);
    const check = await story.completedCheck(repository, pr.headSha);
    expect(check.conclusion).toBe('failure');
    expect(check.summary).toContain('test_commands');
    expect(check.annotations).toContainEqual(
      expect.objectContaining({ path: '.github/codegenapp.yml', start_line: 2 }),
    );
  });

  it('is neutral, with what to do, where nothing is configured and nothing is detected', async () => {
    const repository = story.github.createRepository('acme/notes');
    repository.commit('feature', { 'notes.txt': 'note' });
    const pr = repository.openPullRequest({ head: 'feature' });
    await story.deliver(pr.opened);
    const check = await story.completedCheck(repository, pr.headSha);
    expect(check.conclusion).toBe('neutral');
    expect(check.summary).toContain('.github/codegenapp.yml');
  });

  it('detects the commands of a repository that configures none, and says so', async () => {
    const repository = story.github.createRepository('acme/web', {
      files: {
        'package.json': JSON.stringify({ name: 'web', scripts: { test: 'node -e "process.exit(0)"' } }),
      },
    });
    repository.commit('feature', { 'feature.txt': 'done' });
    const pr = repository.openPullRequest({ head: 'feature' });
    await story.deliver(pr.opened);
    const check = await story.completedCheck(repository, pr.headSha);
    expect(check.conclusion).toBe('success');
    expect(check.summary).toContain('Detected from');
  });

  it('skips drafts until they are ready, and commits that ask for it', async () => {
    const { repository } = open({ test_commands: 'true' });
    repository.commit('draft', { 'draft.txt': 'draft' });
    const draft = repository.openPullRequest({ head: 'draft', draft: true });
    await story.deliver(draft.opened);
    expect((await story.completedCheck(repository, draft.headSha)).conclusion).toBe('skipped');
    await story.deliver(draft.markReady());
    await story.github.waitFor(() =>
      repository.checkRuns(draft.headSha).some(({ conclusion }) => conclusion === 'success'),
    );

    repository.commit('quiet', { 'quiet.txt': 'quiet' }, 'Fix a typo [skip ci]');
    const quiet = repository.openPullRequest({ head: 'quiet', title: 'Fix a typo' });
    await story.deliver(quiet.opened);
    const check = await story.completedCheck(repository, quiet.headSha);
    expect(check.conclusion).toBe('skipped');
    expect(check.title).toContain('[skip ci]');
  });
});
