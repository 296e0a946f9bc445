import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Stage, ValidationPipeline } from '../../src/database/entities/index.js';
import { mountTable } from '../../src/spawner/spawner.js';
import { scripted, Story } from '../support/story.js';

const canMount = process.platform === 'linux';

/** Leaves when it ran, where an installer would leave what it installs. */
const SETUP = 'mkdir -p node_modules/dep && date +%N > node_modules/dep/index.js && date > ~/installed';
const TESTS = 'cat node_modules/dep/index.js ~/installed';
const LOCK = {
  'package-lock.json': '{"lockfileVersion":3}\n',
  'src/a.js': '1\n',
  '.gitignore': 'node_modules\n',
};

const files = (more: Record<string, string | number | boolean> = {}) => ({
  ...scripted({ setup_commands: SETUP, test_commands: TESTS, ...more }),
  ...LOCK,
});

const mounts = (story: Story) =>
  readFileSync(mountTable(), 'utf8')
    .split('\n')
    .filter((line) => line.includes(story.dataDir));

describe.each([
  { way: 'mounted', overlay: undefined },
  { way: 'copied', overlay: false as const },
])('what setup made, $way,', ({ overlay }) => {
  if (overlay === undefined && !canMount) {
    it.skip('needs Linux', () => undefined);
    return;
  }
  let story: Story;
  beforeEach(async () => {
    story = await Story.begin({ overrides: overlay === false ? { overlay } : {} });
  });
  afterEach(async () => {
    await story.end();
    expect(mounts(story)).toEqual([]);
  });

  const rows = () => story.app.database.read.find(ValidationPipeline, { order: { id: 'ASC' } });

  /** The setup's line of a pipeline's stage table, and its notes. */
  async function setupOf(row: ValidationPipeline) {
    const { summary } = await story.app.database.read.findOneByOrFail(Stage, {
      pipelineId: row.id,
      name: 'setup',
    });
    return { summary, notes: row.validationResults?.notes ?? [], conclusion: row.conclusion };
  }
  async function last() {
    await story.settled();
    return setupOf((await rows()).at(-1)!);
  }

  it('serves the next push, is rebuilt for another lockfile and when asked for, and is never written to', async () => {
    const tests = `${TESTS}; echo poisoned > node_modules/dep/index.js; echo poisoned > ~/installed; git status --porcelain`;
    const repository = story.github.createRepository('acme/web', { files: files({ test_commands: tests }) });
    repository.commit('feature', { 'src/a.js': '2\n' });
    const pr = repository.openPullRequest({ head: 'feature' });
    await story.deliver(pr.opened);
    expect((await last()).summary).toContain('succeeded');

    const logs = async () => {
      const [row] = (await rows()).slice(-1);
      return (await story.ask(`/api/pipelines/${row!.id}/logs?stage=test`)).text();
    };
    const first = await logs();
    for (const content of ['3\n', '4\n']) {
      await story.deliver(pr.push({ 'src/a.js': content }));
      const second = await last();
      expect(second).toMatchObject({ conclusion: 'success', notes: [] });
      expect(second.summary).toMatch(/^From cache [0-9a-f]{7}, made \d{4}-\d\d-\d\d \d\d:\d\d UTC by #1$/);
      expect(await logs()).toBe(first);
    }

    await story.deliver(pr.push({ 'package-lock.json': '{"lockfileVersion":4}\n' }));
    expect((await last()).summary).toContain('succeeded');
    await story.deliver(pr.push({ 'package-lock.json': LOCK['package-lock.json'] }));
    expect((await last()).summary).toContain('From cache');

    await story.deliver(pr.comment('octocat', '/codegen retry --no-cache'));
    expect((await last()).summary).toContain('succeeded');
    const rebuilt = await logs();
    expect(rebuilt).not.toBe(first);
    await story.deliver(pr.comment('octocat', '/codegen retry'));
    expect((await last()).summary).toContain('From cache');
    expect(await logs()).toBe(rebuilt);
    const [row] = (await rows()).slice(-1);
    await story.ask(`/api/pipelines/${row!.id}/retry`, { method: 'POST' });
    expect((await last()).summary).toContain('succeeded');
  });
});
