import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser, Page } from 'puppeteer-core';
import { ValidationPipeline } from '../../src/database/entities/index.js';
import { describeInBrowser, openPage, press, sees, startBrowser, textOf } from '../support/browser.js';
import { Gate } from '../support/gate.js';
import { scripted, Story } from '../support/story.js';

const TOKEN = 'a token of the tests';
const program = describeInBrowser('the page of a pipeline in a browser');

(program ? describe : describe.skip)('the page of a pipeline that runs', () => {
  let story: Story;
  let browser: Browser;
  let gate: Gate;
  beforeAll(async () => {
    gate = await Gate.start();
    story = await Story.begin();
    browser = await startBrowser();
  });
  afterAll(async () => {
    await browser.close();
    gate.close();
    await story.end();
  });

  /** A pull request whose pipeline runs these scripts. @returns the pipeline's page */
  const run = async (name: string, settings: Parameters<typeof scripted>[0]) => {
    const repository = story.github.createRepository(`acme/${name}`, {
      private: true,
      files: scripted(settings),
    });
    repository.commit('feature', { 'feature.txt': 'done' }, 'Add the feature');
    const pr = repository.openPullRequest({ head: 'feature' });
    await story.deliver(pr.opened);
    let row: ValidationPipeline | null = null;
    await story.until(async () => {
      row = await story.app.database.read.findOneBy(ValidationPipeline, { headSha: pr.headSha });
      return row !== null;
    }, 'the pipeline');
    return { repository, pr, id: row!.id, path: `/pipelines/${row!.id}` };
  };
  const linesOf = async (page: Page, stage: string) =>
    (await page.evaluate(
      `[...document.querySelectorAll('#log-${stage} .line > span')].map((line) => line.textContent)`,
    )) as string[];

  it('is watched live, loses its connection and goes on without doubled or missing lines', async () => {
    const { path } = await run('watched', {
      setup_commands: `echo "setting up"; ${gate.wait('setup')}`,
      test_commands: [
        'printf "\\033[32mgreen\\033[0m line\\n"',
        'echo "<script>document.title=\'owned\'</script><img src=x onerror=alert(1)>"',
        'printf "\\033]8;;javascript:alert(1)\\033\\\\\\\\click\\033]8;;\\033\\\\\\\\ me\\n"',
        'printf "user\\342\\200\\256nimda\\n"',
        gate.wait('first'),
        'for n in $(seq 1 30); do echo "while away $n"; done',
        gate.wait('second'),
        'echo "Error: it broke"; exit 3',
      ].join('\n'),
    });
    const { page, complaints } = await openPage(browser, story.url, TOKEN);
    await page.evaluateOnNewDocument(() => {
      const shifts = { sum: 0 };
      Object.assign(globalThis, { shifts });
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries() as unknown as { value: number }[]) shifts.sum += entry.value;
      }).observe({ type: 'layout-shift' as never, buffered: true });
    });
    await page.goto(`${story.url}${path}`);
    await sees(page, 'setting up');
    expect(await textOf(page, '.verdict')).toContain('Running setup (2 of 6)');

    gate.release('setup');
    await sees(page, 'green line');
    await sees(page, 'Running test');
    expect(await linesOf(page, 'test')).toEqual([
      'green line',
      "<script>document.title='owned'</script><img src=x onerror=alert(1)>",
      'click me',
      'usernimda',
    ]);
    expect(await page.$$('.log script, .log img, .log a:not([href^="#"])')).toEqual([]);
    expect(await page.evaluate(`document.querySelector('#log-test .ansi-green').textContent`)).toBe('green');

    const { port } = story;
    await story.app.stop(0);
    await sees(page, 'Connection lost', '.lost');
    await story.startApp({}, port);
    gate.release('first');
    await page.waitForFunction(`document.querySelector('.lost').textContent === ''`);
    // The server's end broke the attempt off: the next one begins its logs anew.
    await sees(page, 'while away 30');
    const lines = await linesOf(page, 'test');
    expect(lines.filter((line) => line.startsWith('while away'))).toEqual(
      Array.from({ length: 30 }, (_, n) => `while away ${n + 1}`),
    );
    expect(lines.filter((line) => line === 'green line')).toHaveLength(1);

    gate.release('second');
    await sees(page, 'Test failed');
    await sees(page, 'Error: it broke');
    expect(await page.title()).toContain('failed');
    expect(await page.evaluate('shifts.sum')).toBeLessThan(0.01);
    expect(
      complaints.filter((text) => !/ERR_CONNECTION_REFUSED|ERR_INCOMPLETE|ERR_EMPTY/.test(text)),
    ).toEqual([]);
    await page.close();
  });

  it('has buttons that work without a script, and says what came of them', async () => {
    const { path } = await run('cancelled', { test_commands: `echo begun; ${gate.wait('never')}` });
    const { page } = await openPage(browser, story.url, TOKEN);
    await page.setJavaScriptEnabled(false);
    await holdRefreshes(page);
    await story.until(() => gate.isReached('never'), 'the test script');
    await page.goto(`${story.url}${path}`);
    await press(page, 'Cancel');
    expect(await textOf(page)).toContain('It is cancelled');
    await story.settled();
    await page.goto(`${story.url}${path}`);
    expect(await textOf(page)).toContain('Cancelled by the operator');
    expect(await textOf(page, '#log-test .log')).toContain('begun');

    gate.release('never');
    await page.click('input[name=no_cache]');
    await press(page, 'Run again');
    expect(page.url()).not.toContain(path);
    expect(await textOf(page)).toContain('This is the new validation.');
    await story.settled();
    const row = await story.app.database.read.findOneByOrFail(ValidationPipeline, {
      id: page.url().split('/').at(-1)!,
    });
    expect([row.trigger, row.rebuildSetup]).toEqual(['retry', true]);
    await page.close();
  });
});

/**
 * Without a script, the page of what runs loads itself anew every few seconds: not while a button is looked for. Such
 * a request comes from the page that it asks for; with “no content” that one stays.
 */
async function holdRefreshes(page: Page): Promise<void> {
  await page.setRequestInterception(true);
  page.on('request', (request) => {
    const isRefresh =
      request.isNavigationRequest() &&
      request.method() === 'GET' &&
      request.redirectChain().length === 0 &&
      request.headers()['referer'] === request.url();
    void (isRefresh ? request.respond({ status: 204 }) : request.continue());
  });
}
