/* eslint-disable @typescript-eslint/no-unsafe-member-access, @typescript-eslint/no-unsafe-call */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { AgentRun, ValidationPipeline } from '../../src/database/entities/index.js';
import { emptyResults } from '../../src/domain/pipeline.js';
import { FolderStorage } from '../../src/storage/folder.js';
import { AgentStory } from '../support/agent-story.js';
import { ApiClient } from '../support/api.js';
import type { FakeRun } from '../support/fake-codegen.js';

const PUBLIC_URL = 'https://validate.example.com';

describe('an agent run', () => {
  let the: AgentStory;
  let api: ApiClient;
  const begin = async (env: Record<string, string>) => {
    the = await AgentStory.begin({ env });
    api = await ApiClient.of(the.story);
  };
  /** One that Codegen works on. */
  const asked = async (): Promise<{ run: FakeRun; id: string }> => {
    await the.open();
    const [run] = (await the.codegen.runsCreated(1)) as [FakeRun];
    await the.story.until(async () => (await the.runs())[0]!.status === 'running', 'the running run');
    return { run, id: (await the.runs())[0]!.id };
  };
  afterEach(() => the.end());

  describe('on a server that can be reached', () => {
    // A minute between looks: what is seen before is seen for the callback.
    beforeEach(() => begin({ PUBLIC_URL, AGENT_POLL_SECONDS: '60', SANDBOX: 'bubblewrap' }));

    it('is looked at when its callback is called, which is signed for it and believed nothing else', async () => {
      const { run, id } = await asked();
      const address = new URL(run.metadata!['callback_url'] as string);
      expect(address.href).toMatch(
        new RegExp(`^${PUBLIC_URL}/api/agent-runs/${id}/callback\\?signature=[\\w-]{43}$`),
      );
      const path = address.pathname + address.search;
      const looks = () => the.codegen.requestsOf('get').length;
      const before = looks();
      for (const wrong of [path.slice(0, -1), path.replace(/.$/, '!'), address.pathname])
        expect((await api.post(wrong, {}, { anonymous: true })).status).toBe(401);
      const [other] = await the.story.app.database.read.find(ValidationPipeline);
      expect((await api.post(path.replace(id, other!.id), {}, { anonymous: true })).status).toBe(401);
      expect((await api.get(address.pathname, { anonymous: true })).status).toBe(405);
      await the.story.until(async () => (await the.runs())[0]!.hintedAt === null, 'no hint');

      // What it says is not so.
      expect((await api.post(path, { status: 'COMPLETE' }, { anonymous: true })).status).toBe(202);
      await the.story.until(() => looks() === before + 1, 'the look');
      expect((await the.runs())[0]!.status).toBe('running');
      // Within seconds it is not looked at again, however often somebody calls.
      for (let n = 0; n < 5; n++)
        expect((await api.post(path, undefined, { anonymous: true })).status).toBe(202);

      const hintedAt = new Date(Date.now() - 60_000);
      await the.story.app.database.write((tx) => tx.update(AgentRun, { id }, { hintedAt }));
      the.codegen.update({ status: 'COMPLETE', result: 'Nothing to do.' });
      expect((await api.post(path, undefined, { anonymous: true })).status).toBe(202);
      await the.story.until(async () => (await the.runs())[0]!.status === 'completed', 'the end');
      expect(looks()).toBe(before + 2);
    });
  });

  describe('on one’s own machine', () => {
    beforeEach(() => begin({}));

    it('has no callback', async () => {
      const { run } = await asked();
      expect(run.metadata).not.toHaveProperty('callback_url');
    });

    it('is found on its project’s page also where it belongs to no pipeline; the latest ten are there', async () => {
      const made = await api.post('/api/projects', {
        name: 'web',
        fullName: 'acme/web',
        repositoryUrl: `${the.github.url}/acme/web`,
      });
      const projectId = made.body.id as string;
      const page = async () => (await the.story.ask(`/projects/${projectId}`)).text();
      expect(await page()).toContain('No agent was asked for anything here yet.');
      const ids: string[] = [];
      for (let n = 1; n <= 11; n++) {
        const prompt = `<b>Task ${n}</b>\nwith ${the.codegen.apiKey} ${'and so on '.repeat(30)}the end`;
        const run = await api.post(`/api/projects/${projectId}/agent-runs`, { prompt });
        expect(run.status).toBe(202);
        ids.push(run.body.id as string);
      }
      const shown = await page();
      expect([...shown.matchAll(/href="\/agent-runs\/([\w-]+)"/g)].map(([, id]) => id)).toEqual(
        ids.slice(1).reverse(),
      );
      expect(shown).toContain('&lt;b&gt;Task 11&lt;/b&gt; with *** and so on');
      expect(shown).not.toContain(the.codegen.apiKey);
      expect(shown).not.toContain('the end');
      expect(shown).not.toContain('No agent was asked');
    });

    it('has its plan, without secrets, and the pipeline that followed, for one and in the list', async () => {
      const { run, id } = await asked();
      const [pipeline] = await the.story.app.database.read.find(ValidationPipeline);
      const read = async () => {
        const one = await api.get(`/api/agent-runs/${id}`);
        const list = await api.get(`/api/projects/${one.body.projectId}/agent-runs`);
        expect(list.body.items).toEqual([one.body]);
        return one.body as Partial<AgentRun>;
      };
      expect(await read()).toMatchObject({ plan: null, nextPipelineId: null });
      run.status = 'COMPLETE';
      run.result = `## Plan\n\nUse ${the.codegen.apiKey}.`;
      await the.story.until(async () => (await the.runs())[0]!.status === 'plan_waiting', 'the plan');
      expect(await read()).toMatchObject({ responseType: 'plan', plan: '## Plan\n\nUse ***.' });
      // As one that was stored before the secret was known.
      await the.story.app.database.write((tx) =>
        tx.update(AgentRun, { id }, { plan: `Use ${the.codegen.apiKey}.`, nextPipelineId: pipeline!.id }),
      );
      expect(await read()).toMatchObject({ plan: 'Use ***.', nextPipelineId: pipeline!.id });
    });

    it('has a log, page by page, without secrets; or it is said why not', async () => {
      const { run, id } = await asked();
      run.logs = Array.from({ length: 130 }, (_, n) => ({
        agent_run_id: run.id,
        created_at: '2026-01-31T12:00:05',
        message_type: 'ACTION',
        tool_name: n === 0 ? 'env' : null,
        thought: n === 0 ? `The key is ${the.codegen.apiKey}\u001b[31m.` : `Step ${n}`,
      }));
      const first = await api.get(`/api/agent-runs/${id}/logs`);
      expect(first.status).toBe(200);
      expect(first.body.total).toBe(130);
      expect(first.body.items).toHaveLength(100);
      expect(first.body.items[0]).toEqual({
        createdAt: '2026-01-31T12:00:05.000Z',
        kind: 'ACTION',
        tool: 'env',
        text: 'The key is ***.',
      });
      const rest = await api.get(`/api/agent-runs/${id}/logs?limit=200&cursor=${first.body.nextCursor}`);
      expect(rest.body.items.map(({ text }: { text: string }) => text)).toEqual(
        Array.from({ length: 30 }, (_, n) => `Step ${100 + n}`),
      );
      expect(rest.body.nextCursor).toBeNull();

      const page = await (await the.story.ask(`/agent-runs/${id}`)).text();
      expect(page).toContain('The key is ***.');
      expect(page).toContain('Step 99');
      expect(page).not.toContain(the.codegen.apiKey);
      expect(await (await the.story.ask(`/agent-runs/${id}?skip=100`)).text()).toContain('Step 129');
      expect((await the.story.ask('/agent-runs/nobody')).status).toBe(404);

      for (const query of ['limit=0', 'limit=x', 'cursor=x', 'skip=1'])
        expect((await api.get(`/api/agent-runs/${id}/logs?${query}`)).status).toBe(400);
      expect((await api.get('/api/agent-runs/nobody/logs')).status).toBe(404);
      expect((await api.get(`/api/agent-runs/${id}/logs`, { anonymous: true })).status).toBe(401);

      the.codegen.fail({ on: 'logs', times: 4, with: { status: 500 } });
      const broken = await api.get(`/api/agent-runs/${id}/logs`);
      expect([broken.status, broken.body.detail]).toEqual([
        502,
        'Codegen is not working at the moment (HTTP 500).',
      ]);
      the.codegen.hasLogs = false;
      const none = await api.get(`/api/agent-runs/${id}/logs`);
      expect([none.status, none.body.detail]).toEqual([404, 'Codegen’s API gives no log of this run.']);
      await the.story.app.database.write((tx) => tx.update(AgentRun, { id }, { remoteId: null }));
      expect((await api.get(`/api/agent-runs/${id}/logs`)).body.detail).toContain('has not accepted');
    });

    it('is given the screenshot of what failed, and goes on without one that is refused', async () => {
      // Held back until there is a screenshot: no browser runs here.
      the.codegen.fail({ on: 'create', times: 100, with: { status: 503 } });
      const { pr } = await the.open();
      await the.commentSays(pr, 'Codegen is not working');
      await the.story.settled();
      const [failed] = await the.story.app.database.read.findBy(ValidationPipeline, { trigger: 'event' });
      const png = Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), Buffer.alloc(64)]);
      const screenshot = await new FolderStorage(the.story.dataDir).keepScreenshot(failed!.id, png);
      const looked = {
        validator: 'lighthouse',
        conclusion: 'failure' as const,
        summary: 'Too low',
        facts: { screenshot },
      };
      await the.story.app.database.write((tx) =>
        tx.update(
          ValidationPipeline,
          { id: failed!.id },
          { validationResults: { ...(failed!.validationResults ?? emptyResults()), validations: [looked] } },
        ),
      );
      the.codegen.forgive();
      the.codegen.fail({ on: 'create', with: { status: 422, body: { detail: 'too large' } } });
      await the.story.deliver(pr.comment('octocat', '/codegen fix'));
      const [run] = (await the.codegen.runsCreated(1)) as [FakeRun];
      expect(run.prompt).toContain('A screenshot of the app as it was validated goes along as an image');
      const sent = the.codegen.requestsOf('create').slice(-2);
      expect(sent.map(({ body }) => (body as { images?: string[] }).images)).toEqual([
        [`data:image/png;base64,${png.toString('base64')}`],
        undefined,
      ]);
      expect(run.images).toEqual([]);
    });
  });
});
