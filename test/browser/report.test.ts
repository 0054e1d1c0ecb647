// The pages as a browser shows them: on a phone and on a desk, in light and in dark.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { type Browser, chromium } from 'playwright-core';
import { renderReport } from '#dist/report/report.js';
import { renderSweep } from '#dist/report/sweep.js';
import { METHODS, studyMetrics, sweepMetrics } from '../studyMetrics.js';
import { inspectPage } from './inspect.js';

const PLACES = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
];
/** Text in pictures is at least so many pixels high. */
const SMALLEST = 9;

function findBrowser(): string {
  const found = process.env.QRKD_CHROMIUM ?? PLACES.find((place) => existsSync(place));
  assert.ok(found, `no Chromium in ${PLACES.join(', ')}: install it, or name it in QRKD_CHROMIUM`);
  return found;
}

const some = Object.fromEntries(Object.entries(METHODS).filter((_, i) => [0, 3, 4, 10].includes(i)));
const PAGES = {
  'a study of twelve methods': () => renderReport(studyMetrics({ seeds: 10, epochs: 20 })),
  'a study of one seed': () => renderReport(studyMetrics({ seeds: 1, epochs: 2, methods: some })),
  'a study of a language model': () =>
    renderReport(studyMetrics({ seeds: 3, epochs: 6, methods: some, language: true })),
  'a sweep over powers': () => renderSweep(sweepMetrics([0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1], { seeds: 10 })),
  'a sweep over names': () =>
    renderSweep(sweepMetrics(['linear', 'relu', 'samples=1000, width=64'], { seeds: 3, methods: some })),
};

describe('pages in a browser', () => {
  const folder = mkdtempSync(join(tmpdir(), 'qrkd-browser-'));
  let browser: Browser;
  before(async () => {
    // Without a sandbox, since tests run as root in containers, and the pages are our own.
    browser = await chromium.launch({ executablePath: findBrowser(), args: ['--no-sandbox'] });
  });
  after(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true });
  });

  for (const [name, render] of Object.entries(PAGES)) {
    it(name, async () => {
      const file = join(folder, 'page.html');
      writeFileSync(file, await render());
      for (const colorScheme of ['light', 'dark'] as const) {
        for (const width of [375, 1280]) {
          const page = await browser.newPage({ viewport: { width, height: 800 }, colorScheme });
          const problems: string[] = [];
          page.on('console', (message) => problems.push(`console: ${message.text()}`));
          page.on('pageerror', (error) => problems.push(`error: ${error.message}`));
          page.on('request', (request) => {
            if (!/^(file|data):/.test(request.url())) problems.push(`request: ${request.url()}`);
          });
          await page.goto(pathToFileURL(file).href);
          await page.locator('details').evaluateAll((all) => {
            for (const details of all) (details as HTMLDetailsElement).open = true;
          });
          problems.push(...(await page.evaluate(inspectPage, SMALLEST)));
          assert.deepEqual(problems, [], `${colorScheme}, ${width} pixels wide`);
          await page.close();
        }
      }
    });
  }
});
