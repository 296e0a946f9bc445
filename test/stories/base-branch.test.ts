import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ValidationPipeline } from '../../src/database/entities/index.js';
import { FolderStorage } from '../../src/storage/folder.js';
import { scripted, Story } from '../support/story.js';

/** A shell script that reports the tests named in failing.txt as failed. */
const TESTS = `
node -e '
  const failing = require("fs").readFileSync("failing.txt", "utf8").split(/\\s+/);
  const cases = ["one", "two", "three"].map((name) => "<testcase name=\\"" + name + "\\">" +
    (failing.includes(name) ? "<failure message=\\"no\\"/>" : "") + "</testcase>");
  require("fs").writeFileSync("junit.xml", "<testsuite name=\\"s\\">" + cases.join("") + "</testsuite>");
  process.exit(cases.some((each) => each.includes("failure")) ? 1 : 0);
'`;

describe('the failures of a pull request', () => {
  let story: Story;
  beforeEach(async () => {
    story = await Story.begin();
  });
  afterEach(() => story.end());

  const pipelines = () => story.app.database.read.find(ValidationPipeline, { order: { id: 'ASC' } });

  it('are told from those of its base, which is validated once, unseen, when nothing else waits', async () => {
    const repository = story.github.createRepository('acme/web', {
      files: { ...scripted({ test_commands: TESTS }), 'failing.txt': 'one' },
    });
    repository.commit('feature', { 'failing.txt': 'one two' });
    const pr = repository.openPullRequest({ head: 'feature' });
    await story.deliver(pr.opened);
    await story.completedCheck(repository, pr.headSha);

    await story.github.waitFor(
      () => repository.checkRuns(pr.headSha).some(({ summary }) => summary?.includes('### New failures')),
      { what: 'the comparison with the base', timeoutMs: 30_000 },
    );
    const check = repository.checkRuns(pr.headSha)[0]!;
    expect(check.title).toBe('Test failed: 2 of 3 tests, 1 of them new');
    expect(check.summary).toContain('1 failure is new with this pull request, 1 also fails on `main`');
    await story.settled();
    const baseSha = (await pipelines())[0]!.baseSha;
    expect(repository.checkRuns(baseSha)).toEqual([]);
    expect(repository.checkRuns(pr.headSha)).toHaveLength(1);
    expect(pr.comments()).toHaveLength(1);
    expect(pr.comments()[0]!.body).toContain('1 of them new');

    // The next one knows the base at once.
    repository.commit('second', { 'failing.txt': 'one three' });
    const second = repository.openPullRequest({ head: 'second' });
    await story.deliver(second.opened);
    const known = await story.completedCheck(repository, second.headSha);
    expect(known.title).toBe('Test failed: 2 of 3 tests, 1 of them new');
    await story.settled();
    expect((await pipelines()).map(({ trigger }) => trigger)).toEqual(['event', 'base', 'event']);
  });
});

describe('a screenshot', () => {
  it('is served to whoever knows its address, and nothing else is', async () => {
    const story = await Story.begin();
    try {
      const png = Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), Buffer.alloc(64)]);
      const id = '01890000-0000-7000-8000-000000000001';
      const artifacts = join(story.dataDir, 'artifacts');
      const name = await new FolderStorage(story.dataDir).keepScreenshot(id, png);
      expect(name).toMatch(new RegExp(`^${id}/[A-Za-z0-9_-]{32}\\.png$`));
      const answer = await fetch(`${story.url}/artifacts/${name}`);
      expect(answer.status).toBe(200);
      expect(Buffer.from(await answer.arrayBuffer())).toEqual(png);
      expect(Object.fromEntries(answer.headers)).toMatchObject({
        'content-type': 'image/png',
        'x-content-type-options': 'nosniff',
        'cache-control': 'public, max-age=31536000, immutable',
      });
      writeFileSync(join(artifacts, id, 'notes.txt'), 'no');
      for (const path of [
        `${id}/${'A'.repeat(32)}.png`,
        `${id}/notes.txt`,
        id,
        `..%2f..%2fcodegenapp.sqlite`,
      ])
        // Other addresses than those of a screenshot need a login first, like everything else.
        expect([401, 404]).toContain((await fetch(`${story.url}/artifacts/${path}`)).status);
    } finally {
      await story.end();
    }
  });
});
