import { createWriteStream, mkdirSync } from 'node:fs';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser } from 'puppeteer-core';
import { Stage, ValidationPipeline } from '../../src/database/entities/index.js';
import { newId } from '../../src/domain/ids.js';
import { describeInBrowser, openPage, sees, startBrowser, type Watched } from '../support/browser.js';
import { Story } from '../support/story.js';

const program = describeInBrowser('a log of 100 MB in a browser');
const LINES = 1_000_000;

(program ? describe : describe.skip)('a log of 100 MB', () => {
  let story: Story;
  let browser: Browser;
  let watched: Watched;
  const id = newId();
  beforeAll(async () => {
    story = await Story.begin();
    browser = await startBrowser();
    const project = await (
      await story.ask('/api/projects', { method: 'POST', body: JSON.stringify({ fullName: 'acme/web' }) })
    ).json();
    const now = new Date();
    await story.app.database.write(async (tx) => {
      await tx.insert(ValidationPipeline, {
        id,
        projectId: (project as { id: string }).id,
        headSha: 'a'.repeat(40),
        headRef: 'feature',
        baseRef: 'main',
        fetchRef: 'refs/heads/feature',
        trigger: 'event',
        status: 'completed',
        conclusion: 'failure',
        attempt: 1,
        createdAt: now,
        startedAt: now,
        updatedAt: now,
        completedAt: now,
      });
      await tx.insert(Stage, {
        pipelineId: id,
        name: 'test',
        position: 4,
        status: 'completed',
        conclusion: 'failure',
        summary: 'exit code 1',
        startedAt: now,
        completedAt: now,
      });
    });
    const folder = join(story.dataDir, 'logs', id);
    mkdirSync(folder, { recursive: true });
    const file = createWriteStream(join(folder, 'test.log'));
    const rest = '.'.repeat(90);
    for (let n = 1; n <= LINES; n += 1_000) {
      const lines = Array.from({ length: 1_000 }, (_, m) => {
        if (n + m === 654_321) return `Error: the needle ${rest.slice(0, 70)}`;
        return `${String(n + m).padStart(8)} ${rest}`;
      });
      if (!file.write(`${lines.join('\n')}\n`)) await once(file, 'drain');
    }
    file.end();
    await once(file, 'close');
    watched = await openPage(browser, story.url, 'a token of the tests');
  });
  afterAll(async () => {
    await browser.close();
    await story.end();
  });

  /** Numbers of the lines that are in the page. */
  const shown = async () =>
    (await watched.page.evaluate(
      `[...document.querySelectorAll('#log-test .window .line:not(.unread) > a')].map((link) => Number(link.textContent))`,
    )) as number[];
  const showing = (line: number) =>
    watched.page.waitForFunction(
      `document.querySelector('#log-test .window .line:not(.unread)[id="test-L${line}"]')`,
    );

  it('opens at its end, with few elements and few bytes', async () => {
    const { page } = watched;
    const before = watched.received();
    const began = performance.now();
    await page.goto(`${story.url}/pipelines/${id}`, { waitUntil: 'domcontentloaded' });
    await showing(LINES);
    const seconds = (performance.now() - began) / 1000;
    if (process.env['MEASURE'])
      process.stdout.write(`A log of 100 MB was open after ${seconds.toFixed(2)} s.\n`);
    expect(await page.$$('*').then((all) => all.length)).toBeLessThan(800);
    expect(watched.received() - before).toBeLessThan(250_000);
    const lines = await shown();
    expect(lines).toEqual(Array.from({ length: lines.length }, (_, n) => LINES - lines.length + 1 + n));
  });

  it('is scrolled through in bounded memory', async () => {
    const { page } = watched;
    const before = watched.received();
    for (let n = 20; n >= 0; n--) {
      await page.evaluate(
        `(() => { const box = document.querySelector('#log-test .log'); box.scrollTop = box.scrollHeight * ${n / 20} })()`,
      );
      await page.waitForFunction(
        `(() => {
          const first = Number(document.querySelector('#log-test .window .line > a')?.textContent);
          return Math.abs(first / ${LINES} - ${n / 20}) < 0.02 && !document.querySelector('#log-test .unread');
        })()`,
      );
      const lines = await shown();
      expect(lines.length).toBeLessThan(150);
      expect(lines).toEqual(Array.from(lines, (_, n) => lines[0]! + n));
    }
    expect((await shown())[0]).toBe(1);
    expect(await page.$$('*').then((all) => all.length)).toBeLessThan(800);
    expect(watched.received() - before).toBeLessThan(2_000_000);
  });

  it('leads to a line by its address, to what is searched for, and to the first error', async () => {
    const { page } = watched;
    await page.goto('about:blank');
    await page.goto(`${story.url}/pipelines/${id}#test-L400000-L400002`);
    await showing(400_000);
    expect(await page.$$('#log-test .line.at').then((all) => all.length)).toBe(3);

    await page.type('#log-test input[type=search]', 'THE needle');
    await page.keyboard.press('Enter');
    await showing(654_321);
    await sees(page, '1 of 1', '#log-test .found');
    expect(await page.evaluate('location.hash')).toBe('#test-L654321');
    expect(await page.evaluate(`document.querySelector('#log-test mark').textContent`)).toBe('the needle');

    await page.click('#log-test [data-do=end]');
    await showing(LINES);
    await page.click('#log-test [data-do=error]');
    await showing(654_321);
    expect(watched.complaints).toEqual([]);
  });

  it('has its end and a search also without a script', async () => {
    const { page } = await openPage(browser, story.url, 'a token of the tests');
    await page.setJavaScriptEnabled(false);
    await page.goto(`${story.url}/pipelines/${id}`);
    await sees(page, '1000000', '#log-test .log');
    await page.type('#log-test input[type=search]', 'needle');
    await Promise.all([page.waitForNavigation({ timeout: 60_000 }), page.keyboard.press('Enter')]);
    await sees(page, '1 line of test with “needle”');
    await sees(page, '654321');
    await page.close();
  });
});
