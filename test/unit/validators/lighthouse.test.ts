import { createServer, request, type Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { startBrowserProxy } from '../../../src/validators/lighthouse/browser-proxy.js';
import { findBrowser, HOW_TO_GET_A_BROWSER } from '../../../src/validators/lighthouse/find-browser.js';
import { lighthouse } from '../../../src/validators/lighthouse/index.js';
import { judge } from '../../../src/validators/lighthouse/judge.js';
import { measurePages } from '../../../src/validators/lighthouse/measure.js';
import type { PageMeasurement } from '../../../src/validators/lighthouse/page.js';
import { defaultSettings } from '../../../src/domain/settings.js';
import { emptyResults } from '../../../src/domain/pipeline.js';

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

/** Answers these HTML pages by path; `asked` holds every path that was asked for. */
async function serve(pages: Record<string, string>): Promise<{ port: number; asked: string[] }> {
  const asked: string[] = [];
  const server = createServer(({ url = '' }, response) => {
    asked.push(url);
    const page = pages[url];
    response.writeHead(page === undefined ? 404 : 200, { 'content-type': 'text/html' }).end(page);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { port: (server.address() as AddressInfo).port, asked };
}

const html = (body: string) =>
  `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Shop</title>
   <meta name="viewport" content="width=device-width"></head><body><main><h1>Shop</h1>${body}</main></body></html>`;

const PIXEL = 'data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==';

const measured = (changes: Partial<PageMeasurement> = {}): PageMeasurement => ({
  path: '/',
  scores: { accessibility: 90, performance: 80, 'best-practices': 100, seo: 100 },
  violations: [],
  violationCount: 0,
  audits: [],
  screenshot: null,
  status: 200,
  durationMs: 8_000,
  problem: '',
  ...changes,
});
const NO_MINIMUMS = { min_accessibility_score: null, min_performance_score: null };

const browser = await findBrowser(null);
if (browser === null) process.stderr.write(`SKIPPED: pages in a browser. ${HOW_TO_GET_A_BROWSER}\n`);
const inBrowser = browser === null ? it.skip : it;

describe('a page in a real browser', () => {
  inBrowser(
    'is told by rule and selector what is wrong with it, and the repaired one is not',
    async () => {
      const other = await serve({});
      const bad = `<img id="logo" src="${PIXEL}" width="10" height="10"><p id="pale" style="color:#bbb">Pale text</p>
        <script>
          for (const host of ['127.0.0.1', 'localhost', '[::1]', '2130706433', 'localhost.'])
            fetch('http://' + host + ':${other.port}/stolen', { mode: 'no-cors' }).catch(() => {});
          new WebSocket('ws://127.0.0.1:${other.port}/stolen');
          new Image().src = 'http://169.254.169.254/latest/meta-data';
        </script>`;
      const good = `<img src="${PIXEL}" alt="Logo" width="10" height="10"><p style="color:#222">Text</p>`;
      const { port } = await serve({ '/': html(bad), '/repaired': html(good) });
      const { pages, problem } = await measurePages({
        url: `http://127.0.0.1:${port}`,
        port,
        publicHosts: true,
        paths: ['/', '/repaired'],
        program: browser!,
        timeoutMs: 110_000,
        signal: new AbortController().signal,
      });
      expect(problem).toBe('');
      expect(pages.map((page) => page.problem)).toEqual(['', '']);
      const [broken, repaired] = pages;
      const named = broken!.violations.map(({ rule, selector }) => [rule, selector]);
      expect(named).toContainEqual(['image-alt', '#logo']);
      expect(named).toContainEqual(['color-contrast', '#pale']);
      expect(repaired!.violations).toEqual([]);
      expect(repaired!.scores.accessibility).toBe(100);
      expect(broken!.scores.accessibility).toBeLessThan(100);
      for (const page of pages) {
        expect(Object.keys(page.scores).sort()).toEqual(
          ['accessibility', 'best-practices', 'performance', 'seo'].sort(),
        );
        expect([...page.screenshot!.subarray(1, 4)]).toEqual([...Buffer.from('PNG')]);
      }
      // The page ran its script, and nothing of it got through.
      expect(other.asked).toEqual([]);
      const findings = judge({ pages, problem }, NO_MINIMUMS).findings.filter(
        ({ source }) => source === 'axe',
      );
      expect(findings.map(({ title }) => title)).toContain('Images must have alternative text (image-alt)');
      expect(findings.every(({ message }) => message.includes(' on /: '))).toBe(true);
    },
    120_000,
  );

  inBrowser(
    'that never ends is given up in time',
    async () => {
      const { port } = await serve({ '/': html('<script>for (;;);</script>') });
      const { pages, problem } = await measurePages({
        url: `http://127.0.0.1:${port}`,
        port,
        publicHosts: true,
        paths: ['/'],
        program: browser!,
        timeoutMs: 5_000,
        signal: new AbortController().signal,
      });
      expect(pages).toEqual([]);
      expect(problem).toBe('it took longer than 5 s');
      expect(judge({ pages, problem }, { ...NO_MINIMUMS, min_performance_score: 50 }).result.conclusion).toBe(
        'neutral',
      );
    },
    60_000,
  );

  it('is skipped where there is no browser, saying how to get one', async () => {
    const { result } = await lighthouse({ chromePath: '/nowhere/chromium' }).validate({
      preview: { url: 'http://127.0.0.1:9', port: 9, breach: () => null, stop: () => Promise.resolve() },
      settings: defaultSettings(),
      results: emptyResults(),
      stages: [],
      changes: () => Promise.resolve(null),
      screenshot: null,
      signal: new AbortController().signal,
    });
    expect(result.conclusion).toBe('skipped');
    expect(result.summary).toContain('apt-get install chromium');
  });
});

describe('the measurements', () => {
  it('fail only where the project demands a score that a page misses', () => {
    const pages = [measured(), measured({ path: '/login', scores: { accessibility: 60, performance: 95 } })];
    expect(judge({ pages, problem: '' }, NO_MINIMUMS).result).toMatchObject({
      conclusion: 'success',
      scores: { accessibility: 60, performance: 80 },
      facts: { '/login accessibility': 60, '/ accessibility': 90 },
    });
    const { result, findings } = judge(
      { pages, problem: '' },
      { min_accessibility_score: 85, min_performance_score: 80 },
    );
    expect(result.conclusion).toBe('failure');
    expect(findings.map(({ title }) => title)).toEqual([
      'Accessibility of /login is 60, less than min_accessibility_score 85',
    ]);
  });

  it('that are missing are neutral, except of a page that answers with an error', () => {
    const minimums = { min_accessibility_score: 85, min_performance_score: null };
    const none = judge({ pages: [], problem: 'it took longer than 90 s' }, minimums).result;
    expect(none).toMatchObject({ conclusion: 'neutral' });
    expect(none.summary).toContain('it took longer than 90 s');
    const gone = measured({ scores: {}, status: 404, problem: 'Status code: 404' });
    expect(judge({ pages: [gone], problem: '' }, minimums).result.conclusion).toBe('failure');
    expect(judge({ pages: [gone], problem: '' }, NO_MINIMUMS).result.conclusion).toBe('neutral');
  });
});

describe("the browser's way out", () => {
  const through = (proxy: number, url: string): Promise<number> =>
    new Promise((resolve, reject) => {
      request({ host: '127.0.0.1', port: proxy, path: url, agent: false }, (response) => {
        response.resume().on('end', () => resolve(response.statusCode!));
      })
        .on('error', reject)
        .end();
    });
  const tunnel = (proxy: number, target: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const socket = connect(proxy, '127.0.0.1');
      socket.on('error', reject).on('data', (data) => {
        resolve(data.toString().split(' ')[1]!);
        socket.destroy();
      });
      socket.write(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`);
    });

  it('leads to the preview and to no other place of this machine or its network', async () => {
    const preview = await serve({ '/page': 'hello' });
    const other = await serve({ '/': 'secret' });
    const proxy = await startBrowserProxy({ port: preview.port, publicHosts: true });
    try {
      expect(await through(proxy.port, `http://127.0.0.1:${preview.port}/page`)).toBe(200);
      expect(await tunnel(proxy.port, `127.0.0.1:${preview.port}`)).toBe('200');
      for (const host of ['127.0.0.1', 'localhost', '2130706433', '127.1', '0.0.0.0', '[::ffff:127.0.0.1]']) {
        expect(await through(proxy.port, `http://${host}:${other.port}/`)).toBe(403);
        expect(await tunnel(proxy.port, `${host}:${other.port}`)).toBe('403');
      }
      for (const host of ['169.254.169.254', '10.0.0.1', '192.168.1.1'])
        expect(await through(proxy.port, `http://${host}/`)).toBe(403);
      expect(other.asked).toEqual([]);
    } finally {
      await proxy.close();
    }
  });

  it('leads to the preview alone for a project without network', async () => {
    const preview = await serve({ '/': 'hello' });
    const proxy = await startBrowserProxy({ port: preview.port, publicHosts: false });
    try {
      expect(await through(proxy.port, `http://127.0.0.1:${preview.port}/`)).toBe(200);
      expect(await through(proxy.port, 'http://example.com/')).toBe(403);
      expect(await tunnel(proxy.port, 'example.com:443')).toBe('403');
    } finally {
      await proxy.close();
    }
  });
});
