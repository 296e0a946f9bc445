import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { scripted, Story } from '../support/story.js';

describe('bad input ends in a completed check that says what happened, and the server goes on', () => {
  let story: Story;
  beforeEach(async () => {
    story = await Story.begin();
  });
  afterEach(async () => {
    // Whatever came before, the next pull request is validated.
    const repository = story.github.createRepository('acme/after', {
      files: scripted({ test_commands: 'true' }),
    });
    repository.commit('feature', { 'feature.txt': 'done' });
    const pr = repository.openPullRequest({ head: 'feature' });
    await story.deliver(pr.opened);
    expect((await story.completedCheck(repository, pr.headSha)).conclusion).toBe('success');
    await story.end();
  });

  const open = (settings: Parameters<typeof scripted>[0], branch = 'feature') => {
    const repository = story.github.createRepository('acme/web', { files: scripted(settings) });
    repository.commit(branch, { 'feature.txt': 'done' });
    return { repository, pr: repository.openPullRequest({ head: branch }) };
  };

  it('a script that is not there', async () => {
    const { repository, pr } = open({ setup_commands: './build.sh' });
    await story.deliver(pr.opened);
    const check = await story.completedCheck(repository, pr.headSha);
    expect(check.conclusion).toBe('failure');
    expect(check.title).toMatch(/^Setup failed: .*build\.sh/);
  });

  it('a script that closes the folder that the next one begins in', async () => {
    const { repository, pr } = open({
      setup_commands: 'chmod 000 .',
      setup_cache: 'off',
      test_commands: 'true',
    });
    await story.deliver(pr.opened);
    const check = await story.completedCheck(repository, pr.headSha);
    expect(check.conclusion).toBe('failure');
    expect(check.summary).toContain('Permission denied');
  });

  it('a script that never ends', async () => {
    const { repository, pr } = open({ test_commands: 'sleep 1000', stage_timeout_seconds: 1 });
    await story.deliver(pr.opened);
    const check = await story.completedCheck(repository, pr.headSha);
    expect(check.conclusion).toBe('timed_out');
    expect(check.title).toMatch(/^Test timed out/);
    expect(check.summary).toContain('stage_timeout_seconds');
  });

  it('an app that never comes up, one that dies, one on a port of its own, one that answers 500', async () => {
    const repository = story.github.createRepository('acme/apps', { files: { 'README.md': 'apps' } });
    const cases: [name: string, deploy: string, says: RegExp][] = [
      ['silent', 'sleep 1000', /not up .* within 2 s .*nothing listens/],
      ['dead', 'echo "no database"; exit 7', /exit code 7/],
      ['taken', 'echo "Error: listen EADDRINUSE: address already in use :::3000"; exit 1', /port is taken/],
      [
        'broken',
        `exec node -e "require('http').createServer((q,s)=>{s.statusCode=500;s.end()}).listen(process.env.PORT)"`,
        /answers 500/,
      ],
      ['elsewhere', 'echo DEPLOY_URL=http://169.254.169.254/; sleep 1000', /not looked at/],
      ['nowhere', 'echo DEPLOY_URL=http://[; sleep 1000', /not looked at: `http:\/\/\[` is not a URL/],
    ];
    for (const [name, deploy, says] of cases) {
      repository.commit(
        repository.defaultBranch,
        scripted({ deploy_commands: deploy, deploy_timeout_seconds: 2 }),
      );
      repository.commit(name, { [`${name}.txt`]: name });
      const pr = repository.openPullRequest({ head: name });
      await story.deliver(pr.opened);
      const check = await story.completedCheck(repository, pr.headSha);
      expect(check.conclusion).toBe('failure');
      expect(check.title).toMatch(/^Deploy failed/);
      expect(check.summary).toMatch(says);
    }
  });

  it('100 MB of output', async () => {
    const { repository, pr } = open({
      test_commands: 'yes "all work and no play" | head -c 100000000; echo the end; exit 1',
    });
    await story.deliver(pr.opened);
    const check = await story.completedCheck(repository, pr.headSha);
    expect(check.conclusion).toBe('failure');
    expect(check.summary).toContain('the end');
  });

  it('a branch name that is a command and an option', async () => {
    const { repository, pr } = open(
      { test_commands: 'test "$HEAD_REF" != ""; test ! -e x' },
      '$(touch${IFS}x);--upload-pack=y',
    );
    await story.deliver(pr.opened);
    expect((await story.completedCheck(repository, pr.headSha)).conclusion).toBe('success');
  });

  it('a head that was force-pushed away', async () => {
    const { repository, pr } = open({ test_commands: 'true' });
    const gone = pr.headSha;
    pr.forcePush({ 'feature.txt': 'rewritten' });
    // GitHub keeps such a commit for a while, and then no more.
    rmSync(join(repository.git.directory, 'objects', gone.slice(0, 2), gone.slice(2)));
    await story.deliver(pr.opened);
    const check = await story.completedCheck(repository, gone);
    expect(check.conclusion).toBe('cancelled');
    // Gone, or superseded already where reconciling found the newer head first.
    expect(check.title).toMatch(/^Cancelled: (superseded by|.*can.t be had)/);
  });

  it('a repository that can not be reached is our fault and not the pull request’s', async () => {
    const { repository, pr } = open({ test_commands: 'true' });
    story.github.fault({ path: /acme\/web.git/, times: 100, status: 404 });
    await story.deliver(pr.opened);
    const check = await story.completedCheck(repository, pr.headSha);
    expect(check.conclusion).toBe('cancelled');
    expect(check.title).toMatch(/^Could not be validated/);
    expect(check.summary).toContain('not of the pull request');
  });
});
