import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, chromium, type Page } from 'playwright-core';
import { which } from '../../scripts/debian-packages.mjs';

/** Null: tests of pages are skipped. */
export const CHROMIUM = which('chromium');
const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** A page in a browser of its own. */
export class BrowserPage {
  readonly page: Page;
  /** Everything the browser complained about, and every request that left for another place. */
  readonly complaints: string[] = [];
  readonly elsewhere: string[] = [];
  readonly #browser: BrowserContext;
  readonly #profile: string;

  /** `origin`: `http://127.0.0.1:9901`, whose first page is opened. */
  static async of(origin: string): Promise<BrowserPage> {
    const profile = mkdtempSync(join(tmpdir(), 'sluice-browser-'));
    const browser = await chromium.launchPersistentContext(profile, {
      executablePath: CHROMIUM!,
      args: FLAGS,
      viewport: { width: 1280, height: 900 },
    });
    const opened = new BrowserPage(browser, await browser.newPage(), profile, origin);
    await opened.page.goto(`${origin}/`);
    return opened;
  }

  private constructor(browser: BrowserContext, page: Page, profile: string, origin: string) {
    this.page = page;
    this.#browser = browser;
    this.#profile = profile;
    page.on('console', (message) => message.type() === 'error' && this.complaints.push(message.text()));
    page.on('pageerror', (error) => this.complaints.push(String(error)));
    page.on('request', (request) => {
      const url = request.url();
      if (!url.startsWith(`${origin}/`) && !url.startsWith('data:')) this.elsewhere.push(url);
    });
  }

  async close(): Promise<void> {
    await this.#browser.close();
    rmSync(this.#profile, { recursive: true, force: true });
  }

  /** Which elements stick out to the right, and how wide the page is then. */
  async sticksOut(width: number, height: number): Promise<{ wide: unknown; scrolls: unknown }> {
    await this.page.setViewportSize({ width, height });
    return {
      scrolls: await this.page.evaluate('document.documentElement.scrollWidth'),
      wide: await this.page.evaluate(
        `[...document.querySelectorAll('body *')].filter((e) => e.getBoundingClientRect().right > ${width} + 1)
          .map((e) => [e.parentElement.className, e.tagName, e.className, e.textContent.slice(0, 60)].join(' '))`,
      ),
    };
  }
}
