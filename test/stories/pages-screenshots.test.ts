/** Makes the pictures of the README: `SCREENSHOTS=1 npm test -- test/stories/pages-screenshots`. */
import { mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { expect, it } from '@jest/globals';
import { Project, ValidationPipeline } from '../../src/database/entities/index.js';
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
    const story = await Story.begin({ env: { CHROME_PATH: browserProgram! } });
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
              path: join(FOLDER, `${name}-${theme}${suffix}.png`) as `${string}.png`,
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
