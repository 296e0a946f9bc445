import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { IsNull, Not } from 'typeorm';
import { Job, Lease, Project, ValidationPipeline, WebhookEvent } from '../../src/database/entities/index.js';
import { MAX_ATTEMPTS } from '../../src/queue/contract.js';
import { scripted, Story, until } from '../support/story.js';

describe('what happened while the server was down', () => {
  let story: Story;
  beforeEach(async () => {
    // What the fake signs with, also after a test has changed that.
    story = await Story.begin({ env: { WEBHOOK_SECRET: 'a-webhook-secret-of-32-characters' } });
    // The round of this first start must see nothing of what the tests set up.
    startedAt = 0;
    await reconciled();
  });
  afterEach(() => story.end());

  const open = (settings: Record<string, boolean | string> = {}) => {
    const repository = story.github.createRepository('acme/web', {
      files: scripted({ test_commands: 'true', ...settings }),
    });
    repository.commit('feature', { 'feature.txt': 'done' });
    return { repository, pr: repository.openPullRequest({ head: 'feature' }) };
  };
  /** Ends the server, lets things happen, and starts it again. */
  const whileDown = async (happens: () => unknown) => {
    await story.app.stop(0);
    await happens();
    startedAt = Date.now();
    await story.startApp();
  };
  let startedAt = 0;
  /** Resolves when the round of the last start has ended. */
  const reconciled = () =>
    until(async () => {
      const lease = await story.app.database.read.findOneBy(Lease, { name: 'reconcile' });
      return lease?.owner === null && lease.endedAt !== null && lease.endedAt.getTime() >= startedAt;
    }, 'the end of a round');
  const attempts = () =>
    story.github.requests.filter(({ method, path }) => method === 'POST' && path.endsWith('/attempts'));

  it('asks for lost webhooks again, each once, and validates the pull request once', async () => {
    const { repository, pr } = open();
    await whileDown(() => story.github.lose(pr.opened));
    const check = await story.completedCheck(repository, pr.headSha);
    expect(check.conclusion).toBe('success');
    await reconciled();
    await story.settled();
    expect(attempts()).toHaveLength(1);
    expect(repository.checkRuns(pr.headSha)).toHaveLength(1);
    expect(await story.app.database.read.countBy(WebhookEvent, { status: 'processed' })).toBe(1);

    await whileDown(() => undefined);
    await reconciled();
    expect(attempts()).toHaveLength(1);
  });

  it('does not ask for what arrived, nor twice for what fails again', async () => {
    const { pr } = open();
    await story.deliver(pr.opened);
    await story.settled();
    await whileDown(() => {
      // It was stored, but GitHub heard no answer.
      story.github.deliveries.all[0]!.statusCode = 504;
    });
    await reconciled();
    expect(attempts()).toHaveLength(0);

    await whileDown(() => {
      story.github.lose(pr.push({ 'more.txt': 'more' }));
      // Signed with another secret than the server knows: it fails however often it is sent.
      story.github.deliveries.secret = 'another secret of 32 characters.';
    });
    await reconciled();
    await story.github.deliveries.settled();
    expect(story.github.deliveries.all.at(-1)).toMatchObject({ redelivery: true, statusCode: 401 });
    await whileDown(() => undefined);
    await reconciled();
    expect(attempts()).toHaveLength(1);
    await story.settled();
  });

  it('validates an open pull request that no webhook ever told of', async () => {
    const { repository, pr } = open();
    await whileDown(() => undefined);
    const check = await story.completedCheck(repository, pr.headSha);
    expect(check.conclusion).toBe('success');
    await story.settled();
    await whileDown(() => undefined);
    await reconciled();
    expect(repository.checkRuns(pr.headSha)).toHaveLength(1);
  });

  it('keeps GitHub from merging a newer head that no webhook told of', async () => {
    const { repository, pr } = open({ auto_merge_enabled: true, test_commands: '! test -e broken.txt' });
    repository.protect('main', { requiredApprovals: 1 });
    await story.deliver(pr.opened);
    await story.github.waitFor(() => pr.autoMerge, { what: 'auto-merge' });
    await story.settled();
    await whileDown(() => pr.push({ 'broken.txt': 'x' }));
    expect((await story.completedCheck(repository, pr.headSha)).conclusion).toBe('failure');
    expect(pr.autoMerge).toBeUndefined();
    await story.settled();
  });

  it('makes the projects of an App that was installed, and lets those go that it no longer reaches', async () => {
    const repository = story.github.createRepository('acme/web');
    const other = story.github.createRepository('acme/other');
    const gone = story.github.createRepository('former/site');
    await whileDown(() => undefined);
    await reconciled();
    const reached = async () =>
      (await story.app.database.read.find(Project))
        .filter(({ removedAt }) => removedAt === null)
        .map(({ fullName }) => fullName)
        .sort();
    expect(await reached()).toEqual(['acme/other', 'acme/web', 'former/site']);

    await whileDown(() => {
      story.github.installationOf(other)!.removeRepositories(other);
      story.github.installationOf(gone)!.uninstall();
    });
    await reconciled();
    expect(await reached()).toEqual([repository.fullName]);
    expect(await story.app.database.read.count(Project)).toBe(3);
  });

  it.each([
    ['its job', false],
    ['has tried its job as often as it may', true],
  ])('finishes the check of a pipeline that lost its worker and %s', async (_how, isExhausted) => {
    const { repository, pr } = open();
    await story.deliver(pr.opened);
    await story.completedCheck(repository, pr.headSha);
    await story.settled();
    const { database } = story.app;
    // As a machine leaves it that lost its power, and whose queue was emptied by hand.
    await database.write(async (tx) => {
      if (isExhausted) {
        const { id } = await tx.findOneByOrFail(ValidationPipeline, { headSha: pr.headSha });
        const job = { kind: 'pipeline', subject: id, lane: 'any', attempts: MAX_ATTEMPTS, runAt: new Date() };
        await tx.insert(Job, job);
      }
      await tx.update(
        ValidationPipeline,
        { headSha: pr.headSha },
        {
          status: 'in_progress',
          conclusion: null,
          completedAt: null,
          leaseOwner: 'elsewhere:1:x',
          leaseUntil: new Date(0),
        },
      );
    });
    await whileDown(() => undefined);
    await reconciled();
    await story.settled();
    const row = await story.app.database.read.findOneByOrFail(ValidationPipeline, { headSha: pr.headSha });
    expect([row.status, row.conclusion, row.attempt]).toEqual(['completed', 'success', 2]);
    expect(repository.checkRuns(pr.headSha).map(({ conclusion }) => conclusion)).toEqual(['success']);
  });

  it('publishes a result again that GitHub refused too often', async () => {
    const { repository, pr } = open();
    const refused = story.github.fault({ path: /check-runs/, times: 1000, status: 500 });
    await story.deliver(pr.opened);
    const { database } = story.app;
    await until(
      async () => (await database.read.countBy(ValidationPipeline, { status: 'completed' })) === 1,
      'a completed pipeline',
    );
    // What minutes of trying lead to. Those under way write that they failed, which changes nothing in this.
    await until(async () => {
      await database.write((tx) => tx.update(Job, { kind: 'publish' }, { attempts: MAX_ATTEMPTS }));
      return (await database.read.countBy(Job, { kind: 'publish', lockedBy: Not(IsNull()) })) === 0;
    }, 'the end of the tries');
    refused.hits = 1000;
    expect(repository.checkRuns(pr.headSha)).toEqual([]);
    await whileDown(() => undefined);
    expect((await story.completedCheck(repository, pr.headSha)).conclusion).toBe('success');
  });
});
