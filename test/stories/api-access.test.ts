import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { request, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import express from 'express';
import { pino } from 'pino';
import { accessRouter, loginLink } from '../../src/api/access.js';
import { securityHeaders } from '../../src/api/security-headers.js';
import { keptToken } from '../../src/secrets.js';
import { notFound, problemHandler } from '../../src/api/problem-handler.js';
import { Story } from '../support/story.js';

const TOKEN = 'a token of the tests';

interface Answer {
  status: number;
  headers: IncomingMessage['headers'];
  body: string;
}

/** fetch sets Host, Origin and Sec-Fetch-Site itself, so the plain client. */
function ask(
  port: number,
  path: string,
  headers: Record<string, string> = {},
  method = 'GET',
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, path, method, headers }, (response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => (body += chunk.toString()));
      response.on('end', () => resolve({ status: response.statusCode!, headers: response.headers, body }));
    });
    sent.once('error', reject).end();
  });
}

describe('access to the API and the pages', () => {
  let story: Story;
  let cookie: string;
  beforeAll(async () => {
    story = await Story.begin({ env: { PUBLIC_URL: 'https://codegenapp.example.com' } });
  });
  afterAll(() => story.end());
  const get = (path: string, headers?: Record<string, string>) => ask(story.port, path, headers);
  const bearer = { authorization: `Bearer ${TOKEN}` };

  it('needs the token, but for what is open', async () => {
    for (const path of ['/api/projects', '/api/nowhere', '/webhooks/events/x', '/metrics', '/']) {
      const { status, headers } = await get(path);
      expect([path, status, headers['www-authenticate']]).toEqual([path, 401, 'Bearer realm="CodegenApp"']);
      expect(headers['content-type']).toMatch(/^application\/problem\+json/);
    }
    expect((await get('/api/projects', bearer)).status).toBe(200);
    expect((await get('/api/projects', { authorization: `bearer ${TOKEN}` })).status).toBe(200);
    for (const wrong of [
      'Bearer',
      'Bearer ',
      `Bearer ${TOKEN}x`,
      `Basic ${TOKEN}`,
      `Bearer ${TOKEN.slice(1)}`,
    ])
      expect((await get('/api/projects', { authorization: wrong })).status).toBe(401);
    for (const path of ['/health', '/webhooks/health', '/api/openapi.json'])
      expect((await get(path)).status).toBe(200);
  });

  it('is given by the login link, with a cookie that is not the token', async () => {
    const { pathname, search } = new URL(loginLink(story.url, TOKEN));
    const login = await get(pathname + search);
    expect([login.status, login.headers.location]).toEqual([303, '/']);
    const [set] = login.headers['set-cookie']!;
    expect(set).toMatch(/; HttpOnly; Secure; SameSite=Strict$/);
    expect(decodeURIComponent(set!)).not.toContain(TOKEN);
    cookie = set!.split(';')[0]!;
    expect((await get('/api/projects', { cookie: `a=b; ${cookie}` })).status).toBe(200);
    expect((await get('/api/projects', { cookie: `${cookie}x` })).status).toBe(401);
    expect((await get('/api/projects', { cookie: `codegenapp_session=${TOKEN}` })).status).toBe(401);
    expect((await get('/login?token=wrong')).status).toBe(401);
    expect((await get('/login')).status).toBe(401);
    expect((await get('/login?token=a&token=b')).status).toBe(401);
  });

  it('shows people where to log in, and survives a click on another site', async () => {
    const html = { accept: 'text/html,*/*;q=0.8' };
    const page = await get('/', html);
    expect([page.status, page.headers['content-type']]).toEqual([401, 'text/html; charset=utf-8']);
    expect(page.body).toContain('<form action="/login" method="post">');
    const logIn = (token: string, next: string) =>
      fetch(`${story.url}/login`, {
        method: 'POST',
        body: new URLSearchParams({ token, next }),
        redirect: 'manual',
      });
    const answer = await logIn(TOKEN, '/pipelines/1');
    expect([answer.status, answer.headers.get('location')]).toEqual([303, '/pipelines/1']);
    expect(answer.headers.get('set-cookie')).toContain('codegenapp_session=');
    for (const elsewhere of ['//evil.example', 'https://evil.example', '/\\evil.example', ''])
      expect((await logIn(TOKEN, elsewhere)).headers.get('location')).toBe('/');
    const refused = await logIn('wrong', '/pipelines/1');
    expect([refused.status, refused.headers.get('set-cookie')]).toEqual([401, null]);
    expect(await refused.text()).toContain('name="next" value="/pipelines/1"');
    const fromGitHub = await get('/pipelines/1', { ...html, 'sec-fetch-site': 'cross-site' });
    expect(fromGitHub.body).toContain('http-equiv="refresh"');
    const again = await get('/pipelines/1', { ...html, 'sec-fetch-site': 'same-origin' });
    expect(again.status).toBe(401);
  });

  it('is refused to writes that other sites cause', async () => {
    const post = (headers: Record<string, string>) =>
      ask(story.port, '/api/projects', { cookie, ...headers }, 'POST');
    const host = `127.0.0.1:${story.port}`;
    for (const headers of [
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { origin: `http://127.0.0.1:${story.port + 1}` },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site', origin: `http://${host}` },
    ] as Record<string, string>[])
      expect((await post(headers)).status).toBe(403);
    // 400: it came as far as the body.
    for (const headers of [
      {},
      { origin: `http://${host}`, 'sec-fetch-site': 'same-origin' },
      { origin: 'https://codegenapp.example.com' },
    ] as Record<string, string>[])
      expect((await post(headers)).status).toBe(400);
  });

  it('is refused by foreign names, but webhooks and health are not', async () => {
    for (const host of ['evil.example', `evil.example:${story.port}`, 'localhost.evil.example', 'x y', '@'])
      expect((await get('/api/projects', { ...bearer, host })).status).toBe(403);
    for (const host of ['localhost', '127.0.0.1:1', '[::1]:3002', 'CodegenApp.example.com'])
      expect((await get('/api/projects', { ...bearer, host })).status).toBe(200);
    expect((await get('/health', { host: 'evil.example' })).status).toBe(200);
    const delivery = await ask(story.port, '/api/github/webhooks', { host: 'evil.example' }, 'POST');
    expect(delivery.status).toBe(401);
  });

  it('comes with security headers on every answer', async () => {
    for (const path of ['/health', '/api/projects', '/api/openapi.json', '/nowhere']) {
      const { headers } = await get(path, bearer);
      expect(headers['content-security-policy']).toContain("default-src 'none'");
      expect(headers['content-security-policy']).toContain("frame-ancestors 'none'");
      expect(headers['x-content-type-options']).toBe('nosniff');
      expect(headers['referrer-policy']).toBe('no-referrer');
      expect(headers['x-powered-by']).toBeUndefined();
    }
  });

  it('is slowed down for whoever guesses', async () => {
    const app = express();
    app.use(
      securityHeaders,
      accessRouter({ token: TOKEN, host: 'localhost', publicUrl: () => 'http://localhost' }),
    );
    app.use(notFound, problemHandler(pino({ level: 'silent' })));
    const server = app.listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as { port: number };
    const guess = async (n: number) =>
      (n % 2 === 0
        ? await ask(port, `/login?token=${n}`)
        : await ask(port, '/', { authorization: `Bearer ${n}` })
      ).status;
    for (let n = 0; n < 20; n++) expect(await guess(n)).toBe(401);
    expect(await guess(20)).toBe(429);
    expect(await guess(21)).toBe(429);
    // Whoever has the token is not locked out by others.
    expect((await ask(port, '/', { authorization: `Bearer ${TOKEN}` })).status).toBe(404);
    await new Promise((resolve) => server.close(resolve));
  });
});

it('the token is made once, for the owner only, and one that was lost is not taken for one', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'codegenapp-token-'));
  const file = join(folder, 'api.token');
  const [first, ...others] = await Promise.all(Array.from({ length: 20 }, () => keptToken(folder)));
  expect(first).toMatch(/^[\w-]{43}$/);
  expect(new Set([...others, readFileSync(file, 'utf8')])).toEqual(new Set([first]));
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(readdirSync(folder)).toEqual(['api.token']);
  // As a full disk may leave it.
  writeFileSync(file, '');
  await expect(keptToken(folder)).rejects.toMatchObject({
    message: expect.stringContaining(file),
    advice: expect.stringContaining('Or remove it'),
  });
  rmSync(folder, { recursive: true });
});
