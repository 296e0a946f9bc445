/* eslint-disable @typescript-eslint/no-unsafe-assignment, @typescript-eslint/no-unsafe-member-access --
   answers are checked against the OpenAPI document as they come */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ApiClient, storyOn } from '../support/api.js';
import { onEachDatabase } from '../support/databases.js';
import type { Story } from '../support/story.js';

onEachDatabase('the API of projects and settings', (databases) => {
  let story: Story;
  let api: ApiClient;
  beforeAll(async () => {
    story = await storyOn(databases);
    api = await ApiClient.of(story);
  });
  afterAll(() => story.end());

  describe('projects', () => {
    it('are made, read, changed and deleted', async () => {
      const made = await api.post('/api/projects', { fullName: 'Acme/Web', autoMergeEnabled: true });
      expect(made.status).toBe(201);
      const { id } = made.body;
      expect(made.headers.get('location')).toBe(`/api/projects/${id}`);
      expect(made.body).toMatchObject({
        name: 'Web',
        fullName: 'Acme/Web',
        description: '',
        repositoryUrl: `${story.github.environment['GHE_PROTOCOL']}://${story.github.environment['GHE_HOST']}/Acme/Web`,
        webhookUrl: `http://localhost:${story.port}/webhooks/${id}`,
        defaultBranch: 'main',
        autoMergeEnabled: true,
        autoConfirmPlan: false,
      });
      expect((await api.get(`/api/projects/${id}`)).body).toEqual(made.body);

      const changed = await api.put(`/api/projects/${id}`, { description: 'Läden', autoConfirmPlan: true });
      expect(changed.body).toMatchObject({
        fullName: 'Acme/Web',
        description: 'Läden',
        autoMergeEnabled: true,
        autoConfirmPlan: true,
      });
      const settings = await api.get(`/api/projects/${id}/settings`);
      expect(settings.body).toMatchObject({ auto_merge_enabled: true, auto_confirm_plan: true });
      await api.put(`/api/projects/${id}/settings/auto_merge_enabled`, { value: false });
      expect((await api.get(`/api/projects/${id}`)).body.autoMergeEnabled).toBe(false);

      expect((await api.delete(`/api/projects/${id}`)).status).toBe(204);
      expect((await api.get(`/api/projects/${id}`)).status).toBe(404);
      expect((await api.get(`/api/projects/${id}/settings`)).status).toBe(404);
      expect((await api.put(`/api/projects/${id}`, {})).status).toBe(404);
      expect((await api.put(`/api/projects/${id}/settings/ai_review`, { value: 'off' })).status).toBe(404);
      expect((await api.delete(`/api/projects/${id}`)).status).toBe(404);
    });

    it('with an id or a full name that exists are refused, also when two come at once', async () => {
      const first = { id: 'shop-1', fullName: 'acme/shop' };
      expect((await api.post('/api/projects', first)).status).toBe(201);
      expect((await api.post('/api/projects', { ...first, fullName: 'acme/other' })).status).toBe(409);
      expect((await api.post('/api/projects', { fullName: 'ACME/Shop' })).status).toBe(409);
      const other = await api.post('/api/projects', { fullName: 'acme/other' });
      expect((await api.put(`/api/projects/${other.body.id}`, { fullName: 'Acme/Shop' })).status).toBe(409);
      expect((await api.put('/api/projects/shop-1', { fullName: 'Acme/SHOP' })).body.fullName).toBe(
        'Acme/SHOP',
      );

      const statuses = await Promise.all(
        [1, 2, 3, 4].map(async () => (await api.post('/api/projects', { fullName: 'acme/race' })).status),
      );
      expect(statuses.sort()).toEqual([201, 409, 409, 409]);
    });

    it('are found by full name and by part of their words', async () => {
      await api
        .post('/api/projects', { fullName: 'acme/100%_sure', description: 'x' })
        .catch(() => undefined);
      await api.post('/api/projects', { fullName: 'find/me', description: 'The 100%_sure one' });
      await api.post('/api/projects', { fullName: 'find/not-me', description: 'The 100 percent one' });
      const names = async (query: string) =>
        ((await api.get(`/api/projects?${query}`)).body.items as { fullName: string }[]).map(
          ({ fullName }) => fullName,
        );
      expect(await names('fullName=FIND/Me')).toEqual(['find/me']);
      expect(await names('search=100%25_SURE')).toEqual(['find/me']);
      expect(await names('search=find/')).toEqual(['find/not-me', 'find/me']);
      expect(await names('search=nothing-like-it')).toEqual([]);
    });

    it('come in pages, newest first, each once', async () => {
      for (let n = 0; n < 7; n++) await api.post('/api/projects', { fullName: `pages/number-${n}` });
      const seen: string[] = [];
      let cursor = '';
      do {
        const page = await api.get(`/api/projects?search=pages/&limit=3${cursor}`);
        seen.push(...(page.body.items as { name: string }[]).map(({ name }) => name));
        cursor = page.body.nextCursor === null ? '' : `&cursor=${page.body.nextCursor}`;
      } while (cursor !== '');
      expect(seen).toEqual([6, 5, 4, 3, 2, 1, 0].map((n) => `number-${n}`));
    });

    it('refuses what is wrong and says where', async () => {
      const wrong: [body: unknown, path: string][] = [
        [{}, 'fullName'],
        [{ fullName: 'no-slash' }, 'fullName'],
        [{ fullName: 'a/b', colour: 'red' }, 'colour'],
        [{ fullName: 'a/b', repositoryUrl: 'javascript:alert(1)' }, 'repositoryUrl'],
        [{ fullName: 'a/b', autoMergeEnabled: 'yes' }, 'autoMergeEnabled'],
        [{ fullName: 'a/b', name: 'nul\0' }, 'name'],
        [{ fullName: 'a/b', id: 'stats' }, 'id'],
        [{ fullName: 'a/b', id: '../x' }, 'id'],
        ['{"fullName":"a/b","__proto__":{"admin":true}}', '__proto__'],
        [[], ''],
        ['null', ''],
      ];
      for (const [body, path] of wrong) {
        const { status, body: problem, headers } = await api.post('/api/projects', body);
        expect([status, problem.errors?.[0]?.path]).toEqual([400, path]);
        expect(headers.get('content-type')).toMatch(/^application\/problem\+json/);
      }
      expect((await api.post('/api/projects', '{"fullName":')).status).toBe(400);
      expect((await api.put('/api/projects/shop-1', { createdAt: 'now' })).status).toBe(400);
      for (const query of ['limit=0', 'limit=201', 'limit=x', 'limit=1&limit=2', 'cursor=%2F', 'colour=red'])
        expect((await api.get(`/api/projects?${query}`)).status).toBe(400);
    });

    it('takes JSON only, and not too much of it', async () => {
      const form = { headers: { 'content-type': 'application/x-www-form-urlencoded' } };
      expect((await api.post('/api/projects', 'fullName=a/b', form)).status).toBe(415);
      expect(
        (await api.post('/api/projects', '{}', { headers: { 'content-type': 'text/plain' } })).status,
      ).toBe(415);
      const large = { fullName: 'a/b', description: 'x'.repeat(1024 * 1024) };
      expect((await api.post('/api/projects', large)).status).toBe(413);
      expect((await api.put('/api/projects/shop-1', large)).status).toBe(413);
      const wrongMethod = await api.call('patch', '/api/projects');
      expect([wrongMethod.status, wrongMethod.headers.get('allow')]).toEqual([405, 'GET, POST']);
      expect((await api.get('/api/nowhere')).status).toBe(404);
    });
  });

  describe('settings', () => {
    let id: string;
    beforeAll(async () => {
      id = (await api.post('/api/projects', { fullName: 'acme/settings' })).body.id as string;
    });
    const read = async () => (await api.get(`/api/projects/${id}/settings`)).body as Record<string, unknown>;
    const set = (key: string, value: unknown) => api.put(`/api/projects/${id}/settings/${key}`, { value });

    it('have their defaults, are set, normalised and reset', async () => {
      expect(await read()).toMatchObject({ test_commands: null, max_fix_attempts: 3, clone_depth: 1 });
      const answer = await set('test_commands', ['npm ci', 'npm test']);
      expect([answer.status, answer.body]).toEqual([
        200,
        { key: 'test_commands', value: 'npm ci\nnpm test' },
      ]);
      expect((await read())['test_commands']).toBe('npm ci\nnpm test');
      expect((await api.delete(`/api/projects/${id}/settings/test_commands`)).status).toBe(204);
      expect((await read())['test_commands']).toBeNull();
    });

    it('that are secret are never answered', async () => {
      expect((await read())['secrets']).toEqual({ set: false });
      const answer = await set('secrets', { DEPLOY_KEY: 'correct horse battery' });
      expect(answer.body).toEqual({ key: 'secrets', value: { set: true } });
      const all = await api.get(`/api/projects/${id}/settings`);
      expect(all.body.secrets).toEqual({ set: true });
      expect(all.text + answer.text).not.toContain('horse');
      const wrong = await set('secrets', { DEPLOY_KEY: ['correct horse battery'] });
      expect([wrong.status, wrong.text.includes('horse')]).toEqual([400, false]);
    });

    it('that do not exist are 404 and name the nearest', async () => {
      for (const call of [
        set('autoMergeEnabled', true),
        api.delete(`/api/projects/${id}/settings/automerge_enabled`),
      ]) {
        const { status, body } = await call;
        expect(status).toBe(404);
        expect(body.detail).toContain('did you mean `auto_merge_enabled`');
      }
      for (const key of ['__proto__', 'constructor', 'toString', '%00', '..%2F..', 'x'.repeat(300)])
        expect((await set(key, true)).status).toBe(404);
    });

    it('with a bad value are 400 and stay as they were', async () => {
      await set('max_fix_attempts', 2);
      for (const value of [-1, 1e308, 2.5, '2', null, {}, [[]]]) {
        const { status, body } = await set('max_fix_attempts', value);
        expect([status, body.errors[0].path]).toEqual([400, 'value']);
        expect(body.detail).toContain('a whole number from 0 to 10');
      }
      const bad = await api.put(`/api/projects/${id}/settings/max_fix_attempts`, { value: 1, colour: 'red' });
      expect(bad.status).toBe(400);
      expect((await api.put(`/api/projects/${id}/settings/max_fix_attempts`, {})).status).toBe(400);
      const polluted = '{"value":{"__proto__":"x"}}';
      expect((await api.put(`/api/projects/${id}/settings/environment`, polluted)).status).toBe(400);
      expect((await read())['max_fix_attempts']).toBe(2);
    });

    it('set twice at once have one of the two values', async () => {
      const values = ['a', 'b'].map((letter) => ({ [letter.toUpperCase()]: letter.repeat(30_000) }));
      for (let n = 0; n < 5; n++) {
        const answers = await Promise.all(values.map((value) => set('environment', value)));
        expect(answers.map(({ status }) => status)).toEqual([200, 200]);
        expect(values).toContainEqual((await read())['environment']);
      }
    });
  });
});
