/* eslint-disable @typescript-eslint/no-unsafe-assignment, @typescript-eslint/no-unsafe-member-access, @typescript-eslint/no-unsafe-call, @typescript-eslint/no-unsafe-return --
   answers are checked against the OpenAPI document as they come */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AgentRun } from '../../src/database/entities/index.js';
import { newId } from '../../src/domain/ids.js';
import type { StageName } from '../../src/domain/pipeline.js';
import type { PipelineStorage } from '../../src/storage/contract.js';
import { DatabaseStorage, ROW_BYTES } from '../../src/storage/database.js';
import { FolderStorage } from '../../src/storage/folder.js';
import { ApiClient, storyOn } from '../support/api.js';
import { onEachDatabase } from '../support/databases.js';
import type { FakeRepository } from '../support/fake-github/index.js';
import { scripted, type Story } from '../support/story.js';

const SECRET = 'correct-horse-battery-staple';

interface Sent {
  id: string;
  event: string;
  data: unknown;
}

onEachDatabase('the API of events, pipelines and agent runs', (databases) => {
  let story: Story;
  let api: ApiClient;
  let projectId: string;
  let repository: FakeRepository;

  beforeAll(async () => {
    story = await storyOn(databases);
    api = await ApiClient.of(story);
    repository = story.github.createRepository('acme/web', {
      files: scripted({ test_commands: 'echo "first line"; echo "key $KEY"; test ! -e broken.txt' }),
    });
  });
  afterAll(() => story.end());

  const storage = (): PipelineStorage =>
    story.app.database.kind === 'postgres'
      ? new DatabaseStorage(story.app.database, { isConnected: false })
      : new FolderStorage(story.dataDir);
  /** Puts another log in the place of what a stage printed. */
  const printed = async (id: string, stage: StageName, text: string) => {
    const kept = storage();
    if (!(kept instanceof DatabaseStorage)) {
      mkdirSync(join(story.dataDir, 'logs', id), { recursive: true });
      return writeFileSync(join(story.dataDir, 'logs', id, `${stage}.log`), text);
    }
    const rows = Array.from({ length: Math.ceil(text.length / ROW_BYTES) }, (_, n) => ({
      stage,
      start: n * ROW_BYTES,
      bytes: Buffer.from(text).subarray(n * ROW_BYTES, (n + 1) * ROW_BYTES),
    }));
    await story.app.database.write(async (tx) => {
      await kept.forgetLogs(tx, id, stage);
      await kept.append(tx, id, rows);
    });
  };

  const open = (branch: string, files: Record<string, string>) => {
    repository.commit(branch, files);
    return repository.openPullRequest({ head: branch });
  };
  const completed = async (id: string) => {
    await events(id);
    return (await api.get(`/api/pipelines/${id}`)).body;
  };
  /** Everything that the live stream sends until it ends. */
  const events = async (id: string, headers: Record<string, string> = {}): Promise<Sent[]> => {
    const { text } = await api.get(`/api/pipelines/${id}/events`, { headers });
    return text
      .split('\n\n')
      .filter((part) => part.startsWith('id: '))
      .map((part) => {
        const [, eventId, event, data] = /^id: (.*)\nevent: (.*)\ndata: (.*)$/.exec(part)!;
        return { id: eventId!, event: event!, data: JSON.parse(data!) as unknown };
      });
  };
  const start = async (pullRequestNumber: number) =>
    (await api.post(`/api/projects/${projectId}/pipelines`, { pullRequestNumber })).body.id as string;

  describe('webhook events', () => {
    it('are listed, filtered and replayed', async () => {
      const pr = open('events', { 'a.txt': 'a' });
      await story.deliver(pr.opened);
      await story.settled();
      projectId = (await api.get('/api/projects?fullName=acme/web')).body.items[0].id;

      const list = (await api.get(`/webhooks/events/${projectId}?event=pull_request&status=processed`)).body;
      const opened = list.items.at(-1);
      expect(opened).toMatchObject({ event: 'pull_request', action: 'opened', pullRequestNumber: pr.number });
      expect((await api.get(`/webhooks/events/${projectId}?event=push`)).body.items).toEqual([]);
      expect((await api.get(`/webhooks/events/${projectId}?status=lost`)).status).toBe(400);

      const replay = await api.post(`/webhooks/replay/${opened.id}`);
      expect(replay.status).toBe(202);
      await story.settled();
      const newest = (await api.get(`/webhooks/events/${projectId}?limit=1`)).body.items[0];
      expect(newest).toMatchObject({ id: replay.body.eventId, replayOf: opened.id, status: 'processed' });
      expect((await api.post(`/webhooks/replay/${newId()}`)).status).toBe(404);
      expect((await api.get(`/webhooks/events/${newId()}`)).status).toBe(404);
    });
  });

  describe('pipelines', () => {
    it('are started, watched live to their end, and read', async () => {
      await api.put(`/api/projects/${projectId}/settings/secrets`, { value: { KEY: SECRET } });
      const pr = open('good', { 'good.txt': 'good' });
      const started = await api.post(`/api/projects/${projectId}/pipelines`, {
        pullRequestNumber: pr.number,
      });
      expect(started.status).toBe(202);
      expect(started.headers.get('location')).toBe(`/api/pipelines/${started.body.id}`);
      const { id } = started.body;
      const sent = await events(id as string);
      for (const { event, data } of sent)
        if (event !== 'end') api.expectSchema(event === 'log' ? 'LogEvent' : 'Pipeline', data);
      expect(sent.at(-1)).toMatchObject({ event: 'end', data: { conclusion: 'success' } });
      const log = sent.filter(({ event }) => event === 'log').map(({ data }) => data);
      expect(log).toContainEqual({ stage: 'test', line: 'first line' });
      expect(log).toContainEqual({ stage: 'test', line: `key ${'*'.repeat(SECRET.length)}` });

      const { body } = await api.get(`/api/pipelines/${id}`);
      expect(body).toMatchObject({
        status: 'completed',
        conclusion: 'success',
        headSha: pr.headSha,
        trigger: 'api',
      });
      expect(body.stages.map(({ name }: { name: string }) => name)).toEqual([
        'clone',
        'setup',
        'deploy',
        'validate',
        'test',
        'report',
      ]);
      const listed = await api.get(
        `/api/projects/${projectId}/pipelines?status=completed&conclusion=success&pullRequestNumber=${pr.number}&headSha=${pr.headSha}`,
      );
      expect(listed.body.items.map((item: { id: string }) => item.id)).toEqual([id]);

      // Whoever was cut off goes on behind the last event it has.
      const cut = sent.findIndex(({ data }) => (data as { line?: string }).line === 'first line');
      const rest = await events(id as string, { 'last-event-id': sent[cut]!.id });
      const later = sent.slice(cut + 1).filter(({ event }) => event === 'log');
      expect(rest.filter(({ event }) => event === 'log')).toEqual(later);
      const nothing = await api.get(`/api/pipelines/${id}/events`, {
        headers: { 'last-event-id': sent.at(-1)!.id },
      });
      expect(nothing.status).toBe(204);
      const strange = await events(id as string, { 'last-event-id': 'x'.repeat(500) });
      expect(strange.filter(({ event }) => event === 'log')).toHaveLength(log.length);
    });

    it('have logs, whole and by Range, without secrets wherever a range begins', async () => {
      const { body } = await api.get(`/api/projects/${projectId}/pipelines?conclusion=success&limit=1`);
      const { id } = body.items[0];
      const text = `a ${SECRET} b\n${'filler '.repeat(50_000)}\nend ${SECRET}\n`;
      await printed(id as string, 'setup', 'all set\n');
      await printed(id as string, 'test', text);
      const masked = text.replaceAll(SECRET, '*'.repeat(SECRET.length));

      const log = `/api/pipelines/${id}/logs?stage=test`;
      const whole = await api.get(log);
      expect([whole.status, whole.text === masked]).toEqual([200, true]);
      expect(whole.headers.get('accept-ranges')).toBe('bytes');
      const part = async (range: string) => {
        const { status, text, headers } = await api.get(log, { headers: { range } });
        return [status, text, headers.get('content-range')];
      };
      const { length } = masked;
      for (const [a, b] of [
        [0, 0],
        [0, 9],
        [5, 20],
        [2, 29],
        [length - 10, length - 1],
      ] as const)
        expect(await part(`bytes=${a}-${b}`)).toEqual([
          206,
          masked.slice(a, b + 1),
          `bytes ${a}-${b}/${length}`,
        ]);
      expect((await part('bytes=-12'))[1]).toBe(masked.slice(-12));
      expect((await part(`bytes=${length - 5}-`))[1]).toBe(masked.slice(-5));
      expect(await part(`bytes=${length}-`)).toEqual([416, expect.any(String), `bytes */${length}`]);
      expect((await part('lines=1-2'))[0]).toBe(200);

      const all = (await api.get(`/api/pipelines/${id}/logs`)).text;
      expect(all.includes(`all set\n\n==> test <==\n${masked}`)).toBe(true);
      const from = all.indexOf('==> test') - 3;
      const across = await api.get(`/api/pipelines/${id}/logs`, {
        headers: { range: `bytes=${from}-${from + 60}` },
      });
      expect(across.text === all.slice(from, from + 61)).toBe(true);
      expect((await api.get(`/api/pipelines/${id}/logs?stage=lunch`)).status).toBe(400);
    });

    it('are cancelled and retried where that makes sense', async () => {
      await api.put(`/api/projects/${projectId}/settings/test_commands`, { value: 'sleep 1000' });
      const pr = open('slow', { 'slow.txt': 'slow' });
      const id = await start(pr.number);
      await story.running('test');
      // What runs keeps the settings that it began with.
      await api.put(`/api/projects/${projectId}/settings/test_commands`, { value: 'true' });
      expect((await api.post(`/api/pipelines/${id}/retry`)).status).toBe(409);
      expect((await api.post(`/api/pipelines/${id}/cancel`)).status).toBe(202);
      expect(await completed(id)).toMatchObject({
        conclusion: 'cancelled',
        reason: 'Cancelled by the operator.',
      });
      expect((await api.post(`/api/pipelines/${id}/cancel`)).status).toBe(409);

      const again = await api.post(`/api/pipelines/${id}/retry`);
      expect(again.status).toBe(202);
      expect(again.body).toMatchObject({ trigger: 'retry', headSha: pr.headSha });
      expect(await completed(again.body.id as string)).toMatchObject({ conclusion: 'success' });
      pr.close();
      expect((await api.post(`/api/pipelines/${id}/retry`)).status).toBe(409);
    });

    it('are refused where there is nothing to validate', async () => {
      const at = `/api/projects/${projectId}/pipelines`;
      expect((await api.post(at, { pullRequestNumber: 999 })).status).toBe(409);
      for (const body of [
        {},
        { pullRequestNumber: 0 },
        { pullRequestNumber: 2 ** 31 },
        { pullRequestNumber: '1' },
      ])
        expect((await api.post(at, body)).status).toBe(400);
      expect((await api.post(`/api/projects/${newId()}/pipelines`, { pullRequestNumber: 1 })).status).toBe(
        404,
      );
      for (const path of ['', '/logs', '/events']) {
        expect((await api.get(`/api/pipelines/${newId()}${path}`)).status).toBe(404);
      }
      for (const path of ['/cancel', '/retry'])
        expect((await api.post(`/api/pipelines/${newId()}${path}`)).status).toBe(404);
      expect((await api.post(`/api/pipelines/${newId()}/cancel`, { now: true })).status).toBe(400);
    });

    it('are counted', async () => {
      await story.settled();
      const items = (await api.get(`/api/projects/${projectId}/pipelines?limit=200`)).body.items as {
        conclusion: string;
        startedAt: string | null;
        completedAt: string;
      }[];
      const judged = items.filter(({ conclusion }) => conclusion === 'success' || conclusion === 'failure');
      const durations = judged
        .map(({ startedAt, completedAt }) => Date.parse(completedAt) - Date.parse(startedAt!))
        .sort((a, b) => a - b);
      const { body } = await api.get(`/api/projects/stats?projectId=${projectId}&days=1`);
      const middle = (durations.length - 1) / 2;
      expect(body).toEqual({
        projects: 1,
        pipelines: {
          ...{ queued: 0, running: 0, timedOut: 0, actionRequired: 0, skipped: 0, neutral: 0, failure: 0 },
          total: items.length,
          success: judged.length,
          cancelled: items.length - judged.length,
        },
        successRate: 1,
        averageDurationMs: Math.round(durations.reduce((a, b) => a + b, 0) / durations.length),
        medianDurationMs: Math.round((durations[Math.floor(middle)]! + durations[Math.ceil(middle)]!) / 2),
        agentRuns: 0,
      });
      expect((await api.get('/api/projects/stats')).body.pipelines.total).toBe(items.length);
      expect((await api.get(`/api/projects/stats?projectId=${newId()}`)).status).toBe(404);
      expect((await api.get('/api/projects/stats?days=0')).status).toBe(400);
    });
  });

  describe('agent runs', () => {
    it('are listed and read without secrets, and say when the agent is off', async () => {
      const now = new Date();
      const run = {
        id: newId(),
        projectId,
        pipelineId: null,
        pullRequestNumber: 1,
        remoteId: 7,
        status: 'completed' as const,
        responseType: 'pr' as const,
        prompt: `use ${SECRET}`,
        response: null,
        context: null,
        webUrl: null,
        errorMessage: null,
        createdAt: now,
        updatedAt: now,
        completedAt: now,
      };
      await story.app.database.write((tx) => tx.insert(AgentRun, run));
      const list = await api.get(
        `/api/projects/${projectId}/agent-runs?status=completed&pullRequestNumber=1`,
      );
      expect(list.body.items).toMatchObject([{ id: run.id, prompt: 'use ***' }]);
      expect((await api.get(`/api/agent-runs/${run.id}`)).body).toEqual(list.body.items[0]);
      expect((await api.get(`/api/agent-runs/${newId()}`)).status).toBe(404);

      const off = await api.post(`/api/projects/${projectId}/agent-runs`, { prompt: 'Do it' });
      expect([off.status, off.body.detail]).toEqual([503, expect.stringContaining('Agent features are off')]);
      expect((await api.post(`/api/agent-runs/${run.id}/resume`, { message: 'Go on' })).status).toBe(503);
      expect((await api.post(`/api/agent-runs/${run.id}/resume`, {})).status).toBe(400);
      expect((await api.post(`/api/projects/${projectId}/agent-runs`, { prompt: '' })).status).toBe(400);
    });
  });

  it('deleting a project deletes all that is its own', async () => {
    const { body } = await api.get(`/api/projects/${projectId}/pipelines?limit=1`);
    const { id } = body.items[0];
    await printed(id as string, 'test', 'something');
    await api.put(`/api/projects/${projectId}/settings/test_commands`, { value: 'sleep 1000' });
    const heads = [open('running', { 'r.txt': 'r' }), open('waiting', { 'w.txt': 'w' })];
    for (const pr of heads) await start(pr.number);
    await story.running('test');
    expect((await api.delete(`/api/projects/${projectId}`)).status).toBe(204);
    expect((await api.get(`/api/pipelines/${id}`)).status).toBe(404);
    expect((await storage().logSizes(id as string)).size).toBe(0);
    // Nothing is left as if it went on.
    for (const { headSha } of heads)
      expect(repository.checkRuns(headSha)).toMatchObject([
        { status: 'completed', conclusion: 'cancelled', title: expect.stringContaining('deleted') },
      ]);
    expect((await api.get('/api/projects/stats')).body).toMatchObject({
      projects: 0,
      pipelines: { total: 0 },
      agentRuns: 0,
    });
    expect(await story.app.database.read.query('SELECT * FROM pipeline_totals')).toEqual([]);
  });
});
