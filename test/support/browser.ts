/** A headless Chromium that looks at the App's own pages. */
import puppeteer, { type Browser, type Page } from 'puppeteer-core';
import { findBrowser } from '../../src/validators/lighthouse/find-browser.js';

export const browserProgram = await findBrowser(process.env['CHROME_PATH']?.trim() || null);

/** Says once what is skipped where there is no browser. */
export function describeInBrowser(name: string): string | null {
  if (browserProgram === null)
    process.stderr.write(`SKIPPED: ${name}, because no Chromium was found (apt-get install chromium)\n`);
  return browserProgram;
}

export function startBrowser(): Promise<Browser> {
  return puppeteer.launch({
    executablePath: browserProgram!,
    headless: true,
    args: [
      ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
      '--disable-gpu',
      '--disable-dev-shm-usage',
      '--hide-scrollbars',
    ],
  });
}

export interface Watched {
  page: Page;
  /** What the browser complained about, and requests to other hosts. */
  complaints: string[];
  /** Bytes that came over the network since the page was made. */
  received(): number;
}

/** A page of a reader who is logged in. */
export async function openPage(browser: Browser, url: string, token: string | null): Promise<Watched> {
  const page = await browser.newPage();
  page.setDefaultTimeout(60_000);
  await page.setViewport({ width: 1280, height: 900 });
  const complaints: string[] = [];
  let bytes = 0;
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warn') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('request', (request) => {
    if (new URL(request.url()).origin !== new URL(url).origin) complaints.push(`asked ${request.url()}`);
  });
  const session = await page.createCDPSession();
  await session.send('Network.enable');
  session.on('Network.dataReceived', ({ encodedDataLength, dataLength }) => {
    bytes += encodedDataLength || dataLength;
  });
  if (token !== null) await page.goto(`${url}/login?token=${encodeURIComponent(token)}`);
  return { page, complaints, received: () => bytes };
}

/** The text of the page as a reader sees it. */
export const textOf = (page: Page, selector = 'main'): Promise<string> =>
  page.$eval(selector, (element) => (element as unknown as { innerText: string }).innerText);

/** Resolves when a text is to be seen. */
export async function sees(page: Page, text: string, selector = 'main'): Promise<void> {
  await page.waitForFunction(
    `document.querySelector(${JSON.stringify(selector)})?.innerText.includes(${JSON.stringify(text)})`,
  );
}

/** Submits a form by its button, and waits for the page that it leads to. */
export async function press(page: Page, label: string): Promise<void> {
  const [button] = await page.$$(`xpath/.//button[normalize-space(.)=${JSON.stringify(label)}]`);
  if (!button) throw new Error(`There is no button ${label}`);
  await Promise.all([page.waitForNavigation(), button.click()]);
}
