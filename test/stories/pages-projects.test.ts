import { readFileSync } from 'node:fs';
import { createServer, request as ask, type Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser, Page } from 'puppeteer-core';
import {
  AgentRun,
  Project,
  PullRequest,
  ValidationPipeline,
  WebhookEvent,
} from '../../src/database/entities/index.js';
import { newId } from '../../src/domain/ids.js';
import { measurePages } from '../../src/validators/lighthouse/measure.js';
import {
  browserProgram,
  describeInBrowser,
  openPage,
  press,
  sees,
  startBrowser,
  textOf,
} from '../support/browser.js';
import { scripted, Story } from '../support/story.js';

const TOKEN = 'a token of the tests';
const program = describeInBrowser('the pages of projects in a browser');

(program ? describe : describe.skip)('the pages of projects', () => {
  let story: Story;
  let browser: Browser;
  let project: Project;
  let pipeline: ValidationPipeline;
  beforeAll(async () => {
    story = await Story.begin();
    browser = await startBrowser();
  });
  afterAll(async () => {
    await browser.close();
    await story.end();
  });

  const rows = <T extends object>(entity: new () => T) => story.app.database.read.find(entity);

  it('say what to do while nothing is there, and who may see them', async () => {
    const { page, complaints } = await openPage(browser, story.url, null);
    await page.goto(`${story.url}/projects/nowhere`);
    await sees(page, 'Log in');
    await page.type('#token', 'not the token');
    await press(page, 'Log in');
    expect(await textOf(page)).toContain('That is not this server’s API token.');
    await page.type('#token', TOKEN);
    await press(page, 'Log in');
    // Where it was asked for, which is nothing.
    expect(new URL(page.url()).pathname).toBe('/projects/nowhere');
    expect(await textOf(page)).toContain('There is nothing by this number');
    await page.goto(story.url);
    expect(await textOf(page)).toContain('Install the App on a repository');
    expect(
      await page.$eval('main a', (link) => String((link as unknown as { href: unknown }).href)),
    ).toContain('/installations/new');
    // What the browser logs of 401 and 404 is no mistake of a page.
    expect(complaints.filter((text) => !/status of 40[14]/.test(text))).toEqual([]);
    await page.close();
  });

  it('show a project with its pull requests, and start a pipeline for one', async () => {
    const repository = story.github.createRepository('acme/web', {
      private: true,
      files: scripted({ test_commands: 'echo "1..1"; echo "not ok 1 - adds"; exit 1', max_fix_attempts: 2 }),
    });
    repository.commit('feature', { 'feature.txt': 'done' }, 'Add <b>bold</b> things');
    const pr = repository.openPullRequest({ head: 'feature', title: 'Add <b>bold</b> things' });
    await story.deliver(pr.opened);
    await story.completedCheck(repository, pr.headSha);
    await story.settled();
    [project] = (await rows(Project)) as [Project];
    [pipeline] = (await rows(ValidationPipeline)) as [ValidationPipeline];

    const { page, complaints } = await openPage(browser, story.url, TOKEN);
    await sees(page, 'Projects');
    await page.click('.projects h2 a');
    await sees(page, 'Open pull requests');
    await sees(page, `#${pr.number} Add <b>bold</b> things`);
    expect(await textOf(page)).toContain('0 %');
    await page.type('#pull', '999');
    await press(page, 'Validate');
    expect(await textOf(page)).toContain('acme/web has no pull request #999.');
    await page.type('#pull', `#${pr.number}`);
    await press(page, 'Validate');
    await sees(page, 'This is the new validation.');
    await sees(page, 'Test failed');
    expect(complaints).toEqual([]);

    await story.settled();
    await story.deliver(pr.close());
    await story.settled();
    expect(await rows(PullRequest)).toMatchObject([{ number: pr.number, isOpen: false }]);
    await page.goto(`${story.url}/projects/${project.id}`);
    expect(await textOf(page)).toContain('None that was validated.');
    await page.goto(`${story.url}/pipelines/${pipeline.id}`);
    await press(page, 'Run again');
    expect(await textOf(page)).toContain(`Pull request #${pr.number} is closed.`);
    await page.close();
  });

  it('let a setting be edited: a bad value stays in its field with the reason, secrets are write-only', async () => {
    const { page, complaints } = await openPage(browser, story.url, TOKEN);
    const address = `${story.url}/projects/${project.id}/settings`;
    await page.goto(address);
    expect(await page.$eval('#field-max_fix_attempts', valueOf)).toBe('2');
    expect(await textOf(page, '#max_fix_attempts')).toContain('from the file');
    await fill(page, '#field-max_fix_attempts', '200');
    await fill(page, '#field-test_commands', 'npm test\n\nnpm run more');
    await press(page, 'Save changes');
    expect(page.url()).toBe(address);
    expect(await textOf(page, '#max_fix_attempts .wrong')).toContain('must be a whole number from 0 to 10');
    expect(await page.$eval('#field-max_fix_attempts', valueOf)).toBe('200');
    expect(await page.$eval('#field-test_commands', valueOf)).toBe('npm test\n\nnpm run more');
    const settings = async () =>
      (await (await story.ask(`/api/projects/${project.id}/settings`)).json()) as object;
    expect(await settings()).toMatchObject({ max_fix_attempts: 3, test_commands: null });

    await fill(page, '#field-max_fix_attempts', '4');
    await page.click('#field-auto_merge_enabled');
    await page.type('[name=secret_name]', 'API_KEY');
    await page.type('[name=secret_value]', 'hunter2hunter2');
    await press(page, 'Save changes');
    expect(await textOf(page)).toContain(
      'Saved: test_commands, auto_merge_enabled, max_fix_attempts, secrets.',
    );
    expect(await settings()).toMatchObject({
      max_fix_attempts: 4,
      test_commands: 'npm test\n\nnpm run more',
      auto_merge_enabled: true,
      secrets: { set: true },
    });
    expect(await page.content()).not.toContain('hunter2');
    expect(await textOf(page, '#secrets')).toContain('API_KEY is set');
    await Promise.all([page.waitForNavigation(), page.click('#max_fix_attempts button[name=reset]')]);
    await Promise.all([page.waitForNavigation(), page.click('#secrets button[name=remove_secret]')]);
    expect(await settings()).toMatchObject({ max_fix_attempts: 3, secrets: { set: false } });
    expect(complaints.filter((text) => !/status of 400/.test(text))).toEqual([]);
    await page.close();
  });

  it('tell an empty script from an unset one, and set both', async () => {
    const { page, complaints } = await openPage(browser, story.url, TOKEN);
    await page.goto(`${story.url}/projects/${project.id}/settings`);
    const stored = async () =>
      ((await (await story.ask(`/api/projects/${project.id}/settings`)).json()) as Record<string, unknown>)[
        'deploy_commands'
      ];
    expect(await textOf(page, '#deploy_commands')).toContain('Unset: it is detected from the repository.');
    await press(page, 'Save changes');
    expect(await textOf(page)).toContain('Nothing was changed.');
    await page.click('[name="empty:deploy_commands"]');
    await press(page, 'Save changes');
    expect(await stored()).toBe('');
    expect(await textOf(page, '#deploy_commands')).toContain('Empty: nothing is run.');
    await press(page, 'Save changes');
    expect(await textOf(page)).toContain('Nothing was changed.');
    await page.click('[name="empty:deploy_commands"]');
    await press(page, 'Save changes');
    expect(await stored()).toBeNull();
    expect(await textOf(page, '#deploy_commands')).toContain('Unset: it is detected from the repository.');
    await Promise.all([page.waitForNavigation(), page.click('#deploy_commands button[name=reset]')]);
    expect(complaints).toEqual([]);
    await page.close();
  });

  it('list the agent runs of a project, also those of no pipeline', async () => {
    const { page, complaints } = await openPage(browser, story.url, TOKEN);
    await page.goto(`${story.url}/projects/${project.id}`);
    expect(await textOf(page)).toContain('No agent was asked for anything here yet.');
    await story.app.database.write((tx) =>
      tx.insert(AgentRun, {
        id: newId(),
        projectId: project.id,
        status: 'completed',
        prompt: 'Show <b>delivery</b> times.',
        createdAt: new Date(),
        updatedAt: new Date(),
      }),
    );
    await page.reload();
    expect(await textOf(page)).toContain('Show <b>delivery</b> times.');
    await Promise.all([page.waitForNavigation(), page.click('#agent-runs + table a')]);
    expect(page.url()).toContain('/agent-runs/');
    expect(await textOf(page)).toContain('What it noted down');
    expect(complaints).toEqual([]);
    await page.close();
  });

  it('list webhook events, and have one handled once more', async () => {
    const { page } = await openPage(browser, story.url, TOKEN);
    await page.goto(`${story.url}/projects/${project.id}/events?event=pull_request&status=processed`);
    const before = (await rows(WebhookEvent)).length;
    await press(page, 'Replay');
    await sees(page, 'It is handled once more');
    const events = await rows(WebhookEvent);
    expect(events).toHaveLength(before + 1);
    expect(events.filter(({ replayOf }) => replayOf !== null)).toHaveLength(1);
    await page.goto(`${story.url}/projects/${project.id}/events?event=nothing`);
    await sees(page, 'No event matches.');
    await page.close();
  });

  it('have a badge for everyone, that says nothing about what is not there', async () => {
    const get = (id: string, headers: Record<string, string> = {}) =>
      fetch(`${story.url}/projects/${id}/badge.svg`, { headers });
    const badge = await get(project.id);
    expect([badge.status, badge.headers.get('content-type')]).toEqual([200, 'image/svg+xml; charset=utf-8']);
    expect(await badge.text()).toContain('validation: failing');
    const again = await get(project.id, {
      'if-none-match': badge.headers.get('etag')!,
      // As fetch would otherwise say no-cache.
      'cache-control': 'max-age=0',
    });
    expect(again.status).toBe(304);
    expect(await (await get('01a2065e-186b-7000-a487-c323b16ee88a')).text()).toContain('validation: unknown');
  });

  it('are read by keyboard, screen reader and on a phone', async () => {
    const { page, complaints } = await openPage(browser, story.url, TOKEN);
    const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
    const paths = [
      '/',
      `/projects/${project.id}`,
      `/projects/${project.id}/pipelines`,
      `/projects/${project.id}/settings`,
      `/projects/${project.id}/events`,
      `/pipelines/${pipeline.id}`,
    ];
    for (const theme of ['light', 'dark']) {
      await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: theme }]);
      for (const path of paths) {
        await page.setViewport({ width: 320, height: 640 });
        await page.goto(`${story.url}${path}`, { waitUntil: 'load' });
        const width = await page.evaluate('document.documentElement.scrollWidth');
        expect([path, width]).toEqual([path, 320]);
        await page.evaluate(axe);
        const found = await page.evaluate(
          `axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations.map(({ id, nodes }) => id + ': ' + nodes.map(({ target, any }) => target + ' ' + (any[0]?.message ?? '')).join(', ')))`,
        );
        expect([theme, path, found]).toEqual([theme, path, []]);
      }
    }
    await page.goto(story.url);
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Skip to the content');
    expect(complaints).toEqual([]);
    await page.close();
  });

  it('score at least 95 in Lighthouse, by our own validator', async () => {
    const proxy = await loggedIn(story.port);
    const { port } = proxy.address() as AddressInfo;
    try {
      const { pages, problem } = await measurePages({
        url: `http://127.0.0.1:${port}`,
        port,
        publicHosts: false,
        paths: [
          `/pipelines/${pipeline.id}`,
          ...(process.env['MEASURE']
            ? ['/', `/projects/${project.id}`, `/projects/${project.id}/settings`]
            : []),
        ],
        program: browserProgram!,
        timeoutMs: 200_000,
        signal: new AbortController().signal,
      });
      expect(problem).toBe('');
      for (const { path, scores, violations, audits } of pages) {
        process.stdout.write(`${path}: ${JSON.stringify(scores)}\n`);
        expect([path, violations, scores.accessibility]).toEqual([path, [], 100]);
        expect(scores['best-practices']).toBeGreaterThanOrEqual(95);
        // Performance is measured while other tests run; what costs points whatever the machine is not there.
        const ids = audits.filter(({ category }) => category === 'performance').map(({ id }) => id);
        expect(ids.filter((id) => /layout-shift|unused|compression|cache/.test(id))).toEqual([]);
        if (process.env['MEASURE']) expect(scores.performance).toBeGreaterThanOrEqual(95);
      }
    } finally {
      proxy.closeAllConnections();
      proxy.close();
    }
  }, 240_000);
});

const valueOf = (element: unknown): string => (element as { value: string }).value;

async function fill(page: Page, selector: string, value: string): Promise<void> {
  await page.evaluate(`document.querySelector(${JSON.stringify(selector)}).value = ${JSON.stringify(value)}`);
}

/** The App for a browser that does not log in. */
async function loggedIn(port: number): Promise<Server> {
  const proxy = createServer((incoming, outgoing) => {
    const { method, url: path, headers } = incoming;
    const authorization = `Bearer ${TOKEN}`;
    ask({ port, host: '127.0.0.1', method, path, headers: { ...headers, authorization } }, (answer) => {
      outgoing.writeHead(answer.statusCode!, answer.headers);
      answer.pipe(outgoing);
    }).end();
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => proxy.once('listening', resolve));
  return proxy;
}
