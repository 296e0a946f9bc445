import { isOwnPreview } from '../preview-request.js';
import { skipped, type Validator } from '../contract.js';
import { findBrowser, HOW_TO_GET_A_BROWSER } from './find-browser.js';
import { judge } from './judge.js';
import { measurePages } from './measure.js';

const START_MS = 30_000;
const PAGE_MS = 75_000;
/** A page takes 8 to 15 s; more would hold up every pull request. */
const MAX_PATHS = 10;

/** Looks at the preview's pages in a real Chromium: Lighthouse's scores, axe's violations, a screenshot. */
export function lighthouse({ chromePath }: { chromePath: string | null }): Validator {
  return {
    name: 'lighthouse',
    needs: 'preview',
    async validate({ preview, settings, signal }) {
      const program = await findBrowser(chromePath);
      if (program === null)
        return skipped(
          `${chromePath === null ? 'No browser was found' : 'CHROME_PATH names no program'}. ${HOW_TO_GET_A_BROWSER}`,
        );
      const paths = settings.validation_paths.slice(0, MAX_PATHS);
      const publicHosts = settings.network !== 'none' || !isOwnPreview(new URL(preview.url), preview.port);
      const { url, port } = preview;
      const timeoutMs = START_MS + PAGE_MS * paths.length;
      return judge(
        await measurePages({ url, port, publicHosts, paths, program, timeoutMs, signal }),
        settings,
      );
    },
  };
}
