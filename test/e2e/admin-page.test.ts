import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { which } from '../../scripts/debian-packages.mjs';
import { AdminServer } from '../../src/admin/admin-server.ts';
import type { Listening } from '../../src/admin/http-server.ts';
import { needs } from '../support/needs.ts';
import { HOSTILE, SampleSource } from '../support/sample-source.ts';

const CHROMIUM = which('chromium');
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

describe('the live page', () => {
  let profile: string;
  let browser: BrowserContext;
  let server: Listening;
  let source: SampleSource;
  let page: Page;
  /** Everything the browser complained about, and every request that left for another place. */
  const complaints: string[] = [];
  const elsewhere: string[] = [];
  let ticking: ReturnType<typeof setInterval>;

  beforeAll(async () => {
    if (!CHROMIUM) return;
    source = new SampleSource({ hostile: true });
    server = await new AdminServer({ source, stats: source.registry }).start({
      kind: 'ip',
      host: '127.0.0.1',
      port: 0,
    });
    ticking = setInterval(() => source.tick(0.25), 250);
    profile = mkdtempSync(join(tmpdir(), 'sluice-browser-'));
    browser = await chromium.launchPersistentContext(profile, {
      executablePath: CHROMIUM,
      args: FLAGS,
      viewport: { width: 1280, height: 900 },
    });
    page = await browser.newPage();
    const origin = `http://127.0.0.1:${server.address.kind === 'ip' ? server.address.port : 0}`;
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('request', (request) => {
      if (!request.url().startsWith(`${origin}/`) && !request.url().startsWith('data:')) elsewhere.push(request.url());
    });
    await page.goto(`${origin}/`);
  });

  beforeEach((context) => void needs(context, 'chromium'));

  afterAll(async () => {
    clearInterval(ticking);
    await browser?.close();
    await server?.close();
    if (profile) rmSync(profile, { recursive: true, force: true });
  });

  const rows = () => page.locator('#queries tbody tr');
  const names = () => page.locator('#queries .name').allTextContents();

  test('shows the top queries, the rates and the connections', async () => {
    await rows().nth(12).waitFor();
    expect(await rows().count()).toBe(13);
    expect(await names()).toContain('SELECT orders order_items');
    expect(await page.locator('#connections tbody tr').count()).toBe(8);
    expect(await page.locator('#state').textContent()).toBe('live');
    await expect.poll(() => page.locator('.tile.queries b').textContent(), { timeout: 10_000 }).toMatch(/^[\d,.]+K?$/);
    expect(await page.locator('#empty').isVisible()).toBe(false);
  });

  test('names of strangers are text, never markup', async () => {
    expect(await names()).toContain(HOSTILE);
    expect(await page.locator('img').count()).toBe(0);
    expect(await page.evaluate('window.pwned')).toBeUndefined();
  });

  test('a column head sorts, and says so', async () => {
    await page.locator('#queries th button', { hasText: 'Mean' }).click();
    await expect.poll(async () => (await names())[0]).toBe('SELECT orders customers');
    expect(await page.locator('th[data-sort=mean]').getAttribute('aria-sort')).toBe('descending');
    expect(await page.locator('#queries th[aria-sort]').count()).toBe(1);
  });

  test('rows fold by a dimension', async () => {
    await page.locator('#by').selectOption('database');
    await expect.poll(names).toEqual(expect.arrayContaining(['shop', 'warehouse']));
    expect(await rows().count()).toBe(2);
    await page.locator('#by').selectOption('error');
    await expect.poll(names).toContain('57014');
    await page.locator('#by').selectOption('digest');
    await expect.poll(() => rows().count()).toBe(13);
  });

  test('a click shows the whole text, and polling leaves it open', async () => {
    const row = page.locator('#queries tbody tr', { hasText: 'SELECT orders customers' });
    await row.locator('td.what').click();
    await expect.poll(() => row.getAttribute('class')).toBe('whole');
    for (let polls = 0; polls < 2; polls++) await page.waitForResponse(/api\/queries/);
    expect(await row.getAttribute('class')).toBe('whole');
  });

  for (const [width, height] of [
    [1280, 900],
    [390, 844],
  ] as const)
    test(`nothing sticks out at ${width} px`, async () => {
      await page.setViewportSize({ width, height });
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width);
      const wide = await page.evaluate(
        `[...document.querySelectorAll('body *')].filter((e) => e.getBoundingClientRect().right > ${width} + 1).length`,
      );
      expect(wide).toBe(0);
    });

  test('without queries it says how to connect', async () => {
    const nothing = source.queries({ user: 'nobody', by: 'digest' });
    source.queries = () => nothing;
    source.connectionRows = [];
    await page.locator('#empty').waitFor();
    expect(await page.locator('#top').isVisible()).toBe(false);
    expect(await page.locator('#example').textContent()).toBe('psql -h 127.0.0.1 -p 15432 -U USER DATABASE');
    await expect.poll(() => page.locator('#more').textContent()).toBe('Nobody is connected.');
  });

  test('it asked nobody else, and the browser had no complaint', () => {
    expect(elsewhere).toEqual([]);
    expect(complaints).toEqual([]);
  });

  test('when the server is gone the page says so', async () => {
    await server.close();
    await expect.poll(() => page.locator('#state').textContent(), { timeout: 10_000 }).toBe('no answer, trying again');
  });
});
