/**
 * The process that looks at pages in a browser (started by measure.ts). What it sees is the pull request's doing, so
 * it may be killed at any moment, with the browser, by its process group. It tells each page as soon as it is done.
 */
import { createRequire } from 'node:module';
import { readFile } from 'node:fs/promises';
import type { Browser } from 'puppeteer-core';
import { messageOf } from '../../domain/errors.js';
import { startBrowser } from './browser.js';
import { startBrowserProxy } from './browser-proxy.js';
import {
  auditsOf,
  CATEGORIES,
  MAX_SCREENSHOT_BYTES,
  scoresOf,
  violationsOf,
  type AxeResults,
  type PageMeasurement,
} from './page.js';

export interface MeasureRequest {
  /** The preview's address, without a slash at the end. */
  url: string;
  /** Its port on loopback, the only one there that the browser reaches. */
  port: number;
  publicHosts: boolean;
  paths: string[];
  program: string;
  profile: string;
  user?: { uid: number; gid: number };
}

export type MeasureAnswer = { page: PageMeasurement } | { done: true } | { failed: string };

const LOAD_MS = 30_000;
const VIEWPORT = { width: 1280, height: 800 };

// The parent is gone: nobody listens, and the browser ends with its pipe.
process.on('disconnect', () => process.exit());
process.once('message', (request: MeasureRequest) => {
  measureAll(request).then(
    () => tell({ done: true }),
    (error: unknown) => tell({ failed: messageOf(error).slice(0, 1_000) }),
  );
});

const tell = (answer: MeasureAnswer): void => void process.send?.(answer);

async function measureAll(request: MeasureRequest): Promise<void> {
  const proxy = await startBrowserProxy(request);
  const { program, profile, user } = request;
  const browser = await startBrowser({ program, profile, proxyPort: proxy.port, ...(user ? { user } : {}) });
  for (const path of request.paths) tell({ page: await measure(browser, request.url, path) });
  await browser.close();
  await proxy.close();
}

async function measure(browser: Browser, base: string, path: string): Promise<PageMeasurement> {
  const began = performance.now();
  const url = new URL(path, `${base}/`).href;
  const page: PageMeasurement = {
    path,
    scores: {},
    violations: [],
    violationCount: 0,
    audits: [],
    screenshot: null,
    status: null,
    durationMs: 0,
    problem: '',
  };
  try {
    await look(browser, url, page);
    await runLighthouse(browser, url, page);
  } catch (error) {
    page.problem ||= messageOf(error).split('\n')[0]!.slice(0, 500);
  }
  page.durationMs = Math.round(performance.now() - began);
  return page;
}

/** Takes the screenshot and asks axe. */
async function look(browser: Browser, url: string, into: PageMeasurement): Promise<void> {
  const page = await browser.newPage();
  try {
    page.on('dialog', (dialog) => void dialog.dismiss().catch(() => undefined));
    await page.setViewport(VIEWPORT);
    const answer = await page.goto(url, { waitUntil: 'load', timeout: LOAD_MS });
    into.status = answer?.status() ?? null;
    await page.waitForNetworkIdle({ idleTime: 300, timeout: 5_000 }).catch(() => undefined);
    const screenshot = await page.screenshot({ type: 'png' });
    if (screenshot.length <= MAX_SCREENSHOT_BYTES) into.screenshot = screenshot;
    await page.evaluate(await axeSource());
    const results = await page.evaluate('axe.run(document, { resultTypes: ["violations"] })');
    Object.assign(into, violationsOf(results as AxeResults));
  } finally {
    await page.close().catch(() => undefined);
  }
}

async function runLighthouse(browser: Browser, url: string, into: PageMeasurement): Promise<void> {
  const { default: lighthouse } = await import('lighthouse');
  const page = await browser.newPage();
  try {
    const result = await lighthouse(
      url,
      {
        logLevel: 'silent',
        output: 'json',
        onlyCategories: [...CATEGORIES],
        maxWaitForLoad: LOAD_MS,
        disableFullPageScreenshot: true,
      },
      undefined,
      page,
    );
    if (!result) throw new Error('Lighthouse gave no result');
    const { lhr } = result;
    if (lhr.runtimeError) {
      into.problem = lhr.runtimeError.message.split('\n')[0]!.slice(0, 500);
      return;
    }
    into.scores = scoresOf(lhr);
    into.audits = auditsOf(lhr);
  } finally {
    await page.close().catch(() => undefined);
  }
}

let axe: Promise<string> | null = null;
const axeSource = (): Promise<string> =>
  (axe ??= readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8'));
