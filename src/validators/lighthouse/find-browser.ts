/** Where a Chromium is on this machine. */
import { access, constants } from 'node:fs/promises';
import { delimiter, isAbsolute, join } from 'node:path';

const NAMES = [
  'chromium',
  'chromium-browser',
  'google-chrome',
  'google-chrome-stable',
  'chrome',
  'microsoft-edge',
];
const FOLDERS = ['/usr/bin', '/usr/local/bin', '/snap/bin', '/opt/google/chrome', '/usr/lib/chromium'];
const ELSEWHERE = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
];

/** What to do where there is none. */
export const HOW_TO_GET_A_BROWSER =
  'Install Chromium (apt-get install chromium, or npm install @sparticuz/chromium), or set CHROME_PATH.';

/**
 * The browser's program, or null where there is none: CHROME_PATH, then PATH and the usual places, then the npm
 * package @sparticuz/chromium.
 * @param chromePath what CHROME_PATH says; where it names no program, no other is taken
 */
export async function findBrowser(chromePath: string | null): Promise<string | null> {
  if (chromePath !== null) return (await isProgram(chromePath)) ? chromePath : null;
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter(isAbsolute);
  const places = [...folders, ...FOLDERS].flatMap((folder) => NAMES.map((name) => join(folder, name)));
  for (const place of [...places, ...ELSEWHERE]) if (await isProgram(place)) return place;
  return fromPackage();
}

const isProgram = (path: string): Promise<boolean> =>
  access(path, constants.X_OK).then(
    () => true,
    () => false,
  );

async function fromPackage(): Promise<string | null> {
  // Optional, so that neither the type check nor the installation needs it.
  const name: string = '@sparticuz/chromium';
  try {
    const { default: chromium } = (await import(name)) as {
      default: { executablePath(): Promise<string> };
    };
    return await chromium.executablePath();
  } catch {
    return null;
  }
}
