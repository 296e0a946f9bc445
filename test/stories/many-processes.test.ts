import { execFileSync } from 'node:child_process';
import { afterEach, expect, it } from '@jest/globals';
import { ValidationPipeline } from '../../src/database/entities/index.js';
import { PipelineStore } from '../../src/database/pipeline-store.js';
import { EmbeddedQueue } from '../../src/queue/embedded.js';
import { GraphileQueue } from '../../src/queue/graphile.js';
import { onEachDatabase, type TestDatabases } from '../support/databases.js';
import { scripted, Story, workspacesIn } from '../support/story.js';

onEachDatabase('processes that share a database', (databases) => {
  const stories: Story[] = [];
  afterEach(async () => {
    for (const story of stories.splice(0)) await story.end();
  });

  it('ends within 5 s what another process cancelled', async () => {
    const { story, repository, pr, marker, elsewhere, store } = await runningPipeline(databases, stories);
    const { id } = (await elsewhere.read.findOneBy(ValidationPipeline, { headSha: pr.headSha }))!;
    await elsewhere.write((tx) => store.cancel(tx, { id }, 'Cancelled by somebody elsewhere.'));
    const check = await story.completedCheck(repository, pr.headSha, 5_000);
    expect(check).toMatchObject({ conclusion: 'cancelled' });
    expect(check.title).toContain('cancelled by somebody elsewhere');
    await story.settled();
    expect(processes(marker)).toEqual([]);
    expect(workspacesIn(story.dataDir)).toEqual([]);
  });

  it('ends the work of a worker that lost its lease, and lets it write nothing more', async () => {
    const { story, repository, pr, marker, elsewhere, store } = await runningPipeline(databases, stories);
    const { id } = (await elsewhere.read.findOneBy(ValidationPipeline, { headSha: pr.headSha }))!;
    // As when this worker stood still for a minute, and another one noticed.
    await elsewhere.write((tx) => tx.update(ValidationPipeline, { id }, { leaseUntil: new Date(1) }));
    const taken = await store.held.take(id, 'another machine:1:worker');
    expect(taken).toMatchObject({ attempt: 2 });

    await story.until(
      () => workspacesIn(story.dataDir).length === 0,
      'the end of the older worker’s workspace',
    );
    expect(processes(marker)).toEqual([]);
    await story.settled();
    expect(await store.find(id)).toMatchObject({
      status: 'in_progress',
      attempt: 2,
      leaseOwner: 'another machine:1:worker',
    });
    expect((await store.stagesOf(id)).map(({ status }) => status)).toEqual(Array(6).fill('queued'));

    const held = { id, attempt: 2, owner: 'another machine:1:worker' };
    await store.held.complete(held, { conclusion: 'success', reason: null }, []);
    expect(await story.completedCheck(repository, pr.headSha)).toMatchObject({ conclusion: 'success' });
    expect(repository.checkRuns(pr.headSha)).toHaveLength(1);
  });
});

/** A story whose pipeline is in its tests, and the same database as another process has it. */
async function runningPipeline(databases: TestDatabases, stories: Story[]) {
  const where = await databases.place();
  const story = await Story.begin({
    env: where.databaseUrl ? { DATABASE_URL: where.databaseUrl } : {},
  });
  stories.push(story);
  // Nobody else's processes are called by this number.
  const marker = `sleep ${1_000 + Math.floor(Math.random() * 1e9)}`;
  const repository = story.github.createRepository('acme/web', {
    files: scripted({ test_commands: `${marker}; true` }),
  });
  repository.commit('feature', { 'feature.txt': 'done' });
  const pr = repository.openPullRequest({ head: 'feature' });
  await story.deliver(pr.opened);
  await story.running('test');
  await story.until(() => processes(marker).length > 0, 'the process of the tests');
  // The check exists before anything is taken away, as it would after a while.
  await story.github.waitFor(() => repository.checkRuns(pr.headSha).length === 1);
  const elsewhere = await databases.open({ ...where, dataDir: story.dataDir });
  const queue = where.databaseUrl
    ? new GraphileQueue(elsewhere, where.databaseUrl, story.app.log)
    : new EmbeddedQueue(elsewhere, story.app.log);
  return { story, repository, pr, marker, elsewhere, store: new PipelineStore(elsewhere, queue) };
}

const processes = (marker: string): string[] =>
  execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' })
    .split('\n')
    .filter((line) => line.trim() === marker);
