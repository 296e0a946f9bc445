/** Makes the pictures of the README: `SCREENSHOTS=1 npm test -- test/stories/pages-screenshots`. */
import { mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { expect, it } from '@jest/globals';
import { Project, Score, TestDay, ValidationPipeline } from '../../src/database/entities/index.js';
import { idAt, newId } from '../../src/domain/ids.js';
import { browserProgram, openPage, startBrowser } from '../support/browser.js';
import { Story } from '../support/story.js';

const SAMPLE = join(import.meta.dirname, '../fixtures/sample');
const FOLDER = process.env['SCREENSHOTS_TO'] ?? join(import.meta.dirname, '../../.github/screenshots');
const PATHS = (process.env['SCREENSHOTS_OF'] ?? '').split(',').filter(Boolean);

const filesOf = (folder: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .map((path) => join(folder, path))
      .filter((path) => statSync(path).isFile())
      .map((path) => [relative(folder, path), readFileSync(path, 'utf8')]),
  );

(process.env['SCREENSHOTS'] && browserProgram ? it : it.skip)(
  'takes pictures of the pages in both themes',
  async () => {
    const story = await Story.begin({
      env: PATHS.length > 0 ? {} : { CHROME_PATH: browserProgram! },
    });
    const browser = await startBrowser();
    try {
      const repository = story.github.createRepository('corner-shop/web', {
        private: true,
        files: filesOf(join(SAMPLE, 'main')),
      });
      const pulls = [];
      for (const [branch, title] of [
        ['fix-rounding', 'Round tax to whole cents'],
        ['add-delivery', 'Deliver in the whole town'],
      ] as const) {
        repository.commit(branch, filesOf(join(SAMPLE, branch)), title);
        pulls.push(repository.openPullRequest({ head: branch, title }));
      }
      await story.deliver(...pulls.map(({ opened }) => opened));
      for (const pr of pulls) await story.completedCheck(repository, pr.headSha, 120_000);
      await story.settled();
      const project = await story.app.database.read.findOneByOrFail(Project, {});
      const failed = await story.app.database.read.findOneByOrFail(ValidationPipeline, {
        headSha: pulls[1]!.headSha,
      });
      const passed = await story.app.database.read.findOneByOrFail(ValidationPipeline, {
        headSha: pulls[0]!.headSha,
      });
      const pages: Record<string, string> = {
        pipeline: `/pipelines/${failed.id}`,
        passed: `/pipelines/${passed.id}`,
        project: `/projects/${project.id}`,
        settings: `/projects/${project.id}/settings`,
        events: `/projects/${project.id}/events`,
        projects: '/',
      };
      await seedHistory(story, project);
      mkdirSync(FOLDER, { recursive: true });
      const { page } = await openPage(browser, story.url, 'a token of the tests');
      for (const theme of ['light', 'dark'])
        for (const [width, suffix] of [
          [1200, ''],
          ...(PATHS.length > 0 ? ([[320, '-phone']] as const) : []),
        ] as const) {
          await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: theme }]);
          await page.setViewport({ width, height: 800 });
          for (const [name, path] of Object.entries(pages)) {
            if (PATHS.length > 0 ? !PATHS.includes(name) : !['pipeline', 'project'].includes(name)) continue;
            await page.goto(`${story.url}${path}`, { waitUntil: 'networkidle0' });
            await page.screenshot({
              path: join(FOLDER, `${name}-${theme}${suffix}.png`),
              fullPage: PATHS.length > 0,
              optimizeForSpeed: false,
            });
          }
        }
      expect(readdirSync(FOLDER).length).toBeGreaterThan(0);
    } finally {
      await browser.close();
      await story.end();
    }
  },
  240_000,
);

const DAY_MS = 86_400_000;

/** A month of a project's life: seeded, because nobody has a month. */
async function seedHistory(story: Story, project: Project): Promise<void> {
  const { database } = story.app;
  const now = Date.now();
  const titles = [
    'Add bread of the week',
    'Count the stock at night',
    'Show prices with tax',
    'Sort by price',
  ];
  await database.write(async (tx) => {
    for (let n = 0; n < 90; n++) {
      const at = now - 29 * DAY_MS + Math.floor((n / 90) * 28.5 * DAY_MS);
      const began = new Date(at);
      const seconds = 48 - n / 4 + ((n * 37) % 11);
      const pipelineId = idAt(at) + newId().slice(13);
      await tx.insert(ValidationPipeline, {
        id: pipelineId,
        projectId: project.id,
        pullRequestNumber: 100 + Math.floor(n / 3),
        title: titles[n % titles.length]!,
        headSha: newId().replaceAll('-', '').padEnd(40, '0'),
        headRef: `change-${n}`,
        baseRef: 'main',
        fetchRef: `refs/pull/${n}/head`,
        trigger: 'event',
        status: 'completed',
        conclusion: (n * 7) % 10 < 2 + (n < 40 ? 2 : 0) ? 'failure' : 'success',
        createdAt: began,
        startedAt: began,
        updatedAt: began,
        completedAt: new Date(at + seconds * 1000),
      });
      if (n % 3 > 0) continue;
      const measuredAt = began;
      await tx.insert(Score, [
        {
          pipelineId,
          name: 'accessibility',
          projectId: project.id,
          value: n < 30 ? 84 : 96 + (n % 5),
          measuredAt,
        },
        {
          pipelineId,
          name: 'performance',
          projectId: project.id,
          value: Math.min(100, 71 + Math.floor(n / 4) + ((n * 13) % 6)),
          measuredAt,
        },
      ]);
    }
    const tests = [
      ['checkout › pays by card', 4_210, 1, 0],
      ['stock › is up to date within a second', 2_950, 2, 6],
      ['delivery › reaches the whole town', 1_840, 4, 0],
      ['server › starts within its time', 1_320, 0, 2],
      ['cart › tax is added', 640, 3, 0],
    ] as const;
    const day = Math.floor(now / DAY_MS);
    await tx.upsert(
      TestDay,
      tests.map(([name, ms, failed, flaky], n) => ({
        projectId: project.id,
        day,
        testKey: `seeded ${n}`,
        name,
        runs: 20,
        totalMs: 20 * ms,
        failed,
        flaky,
      })),
      ['projectId', 'day', 'testKey'],
    );
  });
}
