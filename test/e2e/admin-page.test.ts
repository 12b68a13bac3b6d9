import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { which } from '../../scripts/debian-packages.mjs';
import { AdminServer } from '../../src/admin/admin-server.ts';
import type { Listening } from '../../src/admin/http-server.ts';
import { needs } from '../support/needs.ts';
import { STRANGE_TROUBLE } from '../support/sample-history.ts';
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

/** The page of a server, in a browser of its own. */
class OpenPage {
  readonly source: SampleSource;
  readonly server: Listening;
  readonly page: Page;
  /** Everything the browser complained about, and every request that left for another place. */
  readonly complaints: string[] = [];
  readonly elsewhere: string[] = [];
  readonly #browser: BrowserContext;
  readonly #profile: string;
  readonly #ticking: ReturnType<typeof setInterval>;

  static async of(source: SampleSource): Promise<OpenPage> {
    const where = { kind: 'ip', host: '127.0.0.1', port: 0 } as const;
    const server = await new AdminServer({ source, stats: source.registry }).start(where);
    const profile = mkdtempSync(join(tmpdir(), 'sluice-browser-'));
    const browser = await chromium.launchPersistentContext(profile, {
      executablePath: CHROMIUM!,
      args: FLAGS,
      viewport: { width: 1280, height: 900 },
    });
    const opened = new OpenPage(source, server, browser, await browser.newPage(), profile);
    await opened.#go();
    return opened;
  }

  private constructor(source: SampleSource, server: Listening, browser: BrowserContext, page: Page, profile: string) {
    this.source = source;
    this.server = server;
    this.page = page;
    this.#browser = browser;
    this.#profile = profile;
    this.#ticking = setInterval(() => source.tick(0.25), 250);
  }

  async #go(): Promise<void> {
    const { page, server } = this;
    const origin = `http://127.0.0.1:${server.address.kind === 'ip' ? server.address.port : 0}`;
    page.on('console', (message) => message.type() === 'error' && this.complaints.push(message.text()));
    page.on('pageerror', (error) => this.complaints.push(String(error)));
    page.on('request', (request) => {
      const url = request.url();
      if (!url.startsWith(`${origin}/`) && !url.startsWith('data:')) this.elsewhere.push(url);
    });
    await page.goto(`${origin}/`);
  }

  async close(): Promise<void> {
    clearInterval(this.#ticking);
    await this.#browser.close();
    await this.server.close();
    rmSync(this.#profile, { recursive: true, force: true });
  }

  /** How many elements stick out to the right, and how wide the page is then. */
  async sticksOut(width: number, height: number): Promise<{ wide: unknown; scrolls: unknown }> {
    await this.page.setViewportSize({ width, height });
    return {
      scrolls: await this.page.evaluate('document.documentElement.scrollWidth'),
      wide: await this.page.evaluate(
        `[...document.querySelectorAll('body *')].filter((e) => e.getBoundingClientRect().right > ${width} + 1).length`,
      ),
    };
  }
}

const SCREENS = [
  [1280, 900],
  [390, 844],
] as const;

describe('the live page', () => {
  let opened: OpenPage;
  let source: SampleSource;
  let page: Page;

  beforeAll(async () => {
    if (!CHROMIUM) return;
    opened = await OpenPage.of(new SampleSource({ hostile: true }));
    ({ source, page } = opened);
  });

  beforeEach((context) => void needs(context, 'chromium'));

  afterAll(async () => {
    await opened?.close();
  });

  const rows = () => page.locator('#queries tbody tr');
  const names = () => page.locator('#queries .name').allTextContents();

  test('shows the top queries, the rates and the connections', async () => {
    await rows().nth(12).waitFor();
    expect(await rows().count()).toBe(13);
    expect(await names()).toContain('SELECT orders order_items');
    expect(await page.locator('#connections tbody tr').count()).toBe(8);
    expect(await page.locator('#state').textContent()).toBe('live');
    expect(await page.locator('#where').textContent()).toBe('postgres 127.0.0.1:15432');
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
    const cancelled = rows().filter({ hasText: '57014' });
    expect(await cancelled.locator('.text').textContent()).toBe('query_canceled');
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

  for (const [width, height] of SCREENS)
    test(`nothing sticks out at ${width} px`, async () =>
      expect(await opened.sticksOut(width, height)).toEqual({ wide: 0, scrolls: width }));

  test('one protocol: nothing to choose, no columns that it has not', async () => {
    await page.setViewportSize({ width: 1280, height: 900 });
    for (const hidden of [
      '#protocols',
      '#hot',
      '#history',
      '#out',
      '#queries .badge',
      '#queries th.hits',
      '#queries th.waits',
    ])
      expect(await page.locator(hidden).first().isVisible(), hidden).toBe(false);
    expect(await page.locator('#connections th.protocol').isVisible()).toBe(false);
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
    expect(opened.elsewhere).toEqual([]);
    expect(opened.complaints).toEqual([]);
  });

  test('when the server is gone the page says so', async () => {
    await opened.server.close();
    await expect.poll(() => page.locator('#state').textContent(), { timeout: 10_000 }).toBe('no answer, trying again');
  });
});

describe('the live page of three databases', () => {
  let opened: OpenPage;
  let page: Page;

  beforeAll(async () => {
    if (!CHROMIUM) return;
    opened = await OpenPage.of(new SampleSource({ three: true }));
    ({ page } = opened);
  });

  beforeEach((context) => void needs(context, 'chromium'));

  afterAll(async () => {
    await opened?.close();
  });

  const badges = (table: string) => page.locator(`${table} tbody .badge`).allTextContents();
  const row = (name: string) => page.locator('#queries tbody tr', { hasText: name });
  const choose = (protocol: string) => page.locator('#protocols button', { hasText: protocol }).click();
  const keys = () => page.locator('#keys td.key').allTextContents();

  test('all at once, each row and connection with its protocol', async () => {
    await row('BLPOP jobs').waitFor();
    expect(new Set(await badges('#queries'))).toEqual(new Set(['PostgreSQL', 'MySQL', 'Redis']));
    expect(new Set(await badges('#connections'))).toEqual(new Set(['PostgreSQL', 'MySQL', 'Redis']));
    expect(await page.locator('#protocols button').allTextContents()).toEqual(['All', 'MySQL', 'PostgreSQL', 'Redis']);
    expect(await page.locator('#example').textContent()).toBe(
      [
        'psql -h 127.0.0.1 -p 15432 -U USER DATABASE',
        'mysql -h 127.0.0.1 -P 13306 -u USER -p DATABASE',
        'redis-cli -h 127.0.0.1 -p 16379',
      ].join('\n'),
    );
  });

  test('hits and waits, where a row has them', async () => {
    expect(await row('GET product:*').locator('td.hits').textContent()).toBe('62%');
    expect(await row('GET product:*').locator('td.hits').getAttribute('title')).toMatch(/ hits, .* misses$/);
    expect(await row('SELECT products').locator('td.hits').textContent()).toBe('');
    expect(await row('BLPOP jobs').locator('td.waits').textContent()).toMatch(/ (ms|s)$/);
    expect(await row('SELECT products').locator('td.documents').getAttribute('title')).toMatch(
      / returned, 0 affected$/,
    );
  });

  test('hot keys: heaviest first by what was chosen, names of strangers as text', async () => {
    expect((await keys()).slice(0, 2)).toEqual(['product:17', 'session:9f31c2aa']);
    expect(await keys()).toContain('<img src=x onerror="window.pwned=1">');
    expect((await keys()).some((key) => /^thumbnail:x+…$/.test(key))).toBe(true);
    expect(await page.locator('img').count()).toBe(0);
    expect(await page.locator('#keys .meter span').first().textContent()).toBe('23%');
    await page.locator('#keys th button', { hasText: 'Bytes' }).click();
    await expect.poll(async () => (await keys())[0]).toBe('page:/\\xff\\x00home');
    expect(await page.locator('#keys th[data-sort=bytes]').getAttribute('aria-sort')).toBe('descending');
  });

  test('hot keys of ZooKeeper are called paths', async () => {
    const said = () => page.locator('#hot h2, #keys th.key').allTextContents();
    expect(await said()).toEqual([expect.stringMatching(/^Hot keys of .* for keys$/), 'Key']);
    const rows = opened.source.listenerRows;
    opened.source.listenerRows = rows.map((one) => (one.name === 'redis' ? { ...one, protocol: 'zookeeper' } : one));
    await page.reload();
    await expect.poll(said).toEqual([expect.stringMatching(/^Hot paths of .* named a path$/), 'Path']);
    opened.source.listenerRows = rows;
    await page.reload();
    await expect.poll(said).toEqual([expect.stringMatching(/^Hot keys of .* named a key$/), 'Key']);
  });

  test('a door is told with the host that it leads to, and clients begin elsewhere', async () => {
    const rows = opened.source.listenerRows;
    const kafka = { name: 'kafka', protocol: 'kafka' };
    opened.source.listenerRows = [
      { ...kafka, address: '127.0.0.1:19092' },
      { ...kafka, address: '127.0.0.1:19093', upstream: 'b2.example:9092' },
      { ...kafka, address: '127.0.0.1:19094', upstream: '' },
    ];
    await page.reload();
    await expect
      .poll(() => page.locator('#where').textContent())
      .toBe('kafka 127.0.0.1:19092  ·  kafka 127.0.0.1:19093 → b2.example:9092');
    expect(await page.locator('#addresses li').allTextContents()).toEqual(['127.0.0.1:19092']);
    expect(await page.locator('#example').textContent()).toBe('kcat -b 127.0.0.1:19092 -L');
    opened.source.listenerRows = rows;
    await page.reload();
    await expect.poll(() => page.locator('#where').textContent()).toContain('redis');
  });

  const past = () => page.locator('#past .name').allTextContents();
  const line = (name: string) => page.locator(`#chart .line.${name}`).getAttribute('d');

  test('history: lines, what the range holds and its top queries, names of strangers as text', async () => {
    await expect.poll(past).toEqual(['SELECT orders', 'HGET product:*', HOSTILE]);
    expect(await page.locator('#said-calls').textContent()).toBe('90K calls');
    expect(await page.locator('#said-errors').textContent()).toBe('120 errors');
    expect(await page.locator('#chart .scale').allTextContents()).toEqual(['100/s', '50/s', '40 ms', '20 ms']);
    expect((await line('calls'))!.match(/[ML]/g)).toHaveLength(89); // the last one is still filling
    // A line breaks where there was nothing to measure.
    expect((await line('p99'))!.match(/M/g)).toHaveLength(2);
    await page.locator('#chart').hover({ position: { x: 5, y: 60 } });
    expect(await page.locator('#said-p99').textContent()).toBe('p99 20 ms');
    expect(await page.locator('#when').textContent()).toMatch(/^\d\d:\d\d:\d\d$/);
    expect(await page.locator('img').count()).toBe(0);
  });

  test('another range is asked for at once; what is wrong is said, and live numbers go on', async () => {
    const { past } = opened.source;
    await page.locator('#ranges button', { hasText: '24 h' }).click();
    // The lines and the top queries are asked for side by side, in either order.
    const last = (by: 'time' | 'query') => past.asked.findLast((one) => one.by === by)!;
    const minutes = () => (['time', 'query'] as const).map((by) => Math.round((last(by).to - last(by).from) / 60_000));
    await expect.poll(minutes).toEqual([1440, 1440]);
    expect(last('query')).toMatchObject({ by: 'query', limit: 8 });
    past.down = `the package chdb is not installed ${HOSTILE}`;
    await page.locator('#ranges button', { hasText: '6 h' }).click();
    await expect.poll(() => page.locator('#trouble').textContent()).toBe(past.down);
    for (let polls = 0; polls < 2; polls++) await page.waitForResponse(/api\/queries/);
    past.down = null;
    await page.locator('#ranges button', { hasText: '1 h' }).click();
    await expect.poll(() => page.locator('#trouble').textContent()).toBe('');
    // 503 is what it asked for, and the only complaint.
    expect(opened.complaints.splice(0).every((text) => text.includes('503'))).toBe(true);
  });

  test('sinks: how each is, and its trouble as text', async () => {
    const cells = (name: string) =>
      page.locator('#sinks tbody tr', { hasText: name }).locator('td:not(.what)').allTextContents();
    expect(await cells('history')).toEqual(['healthy', '91.2K', '91.2K', '0', '0', '0', '']);
    expect(await cells('collector')).toEqual(['failing', '91.2K', '80K', '34', '11K', '200', '1 min 15 s']);
    expect(await page.locator('#sinks .trouble').allTextContents()).toEqual(['', STRANGE_TROUBLE]);
    expect(await page.locator('img').count()).toBe(0);
  });

  for (const [width, height] of SCREENS)
    test(`nothing sticks out at ${width} px`, async () =>
      expect(await opened.sticksOut(width, height)).toEqual({ wide: 0, scrolls: width }));

  test('a protocol filters the whole page', async () => {
    await choose('Redis');
    await expect.poll(() => page.locator('#queries tbody tr').count()).toBe(6);
    await expect.poll(() => opened.source.past.asked.at(-1)?.filters).toEqual({ protocol: 'redis' });
    expect(await page.locator('#connections tbody tr').count()).toBe(2);
    expect(await page.locator('#hot').isVisible()).toBe(true);
    expect(await page.locator('#queries .badge').first().isVisible()).toBe(false);
    await choose('MySQL');
    await expect.poll(() => page.locator('#queries tbody tr').count()).toBe(3);
    expect(await page.locator('#hot').isVisible()).toBe(false);
    expect(await page.locator('#queries th.hits').isVisible()).toBe(false);
    await choose('All');
    await expect.poll(() => page.locator('#queries tbody tr').count()).toBe(21);
  });

  test('it asked nobody else, and the browser had no complaint', () => {
    expect(opened.elsewhere).toEqual([]);
    expect(opened.complaints).toEqual([]);
  });
});
