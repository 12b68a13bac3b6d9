import type { Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { AdminServer } from '../../src/admin/admin-server.ts';
import type { Listening } from '../../src/admin/http-server.ts';
import { BrowserPage, CHROMIUM } from '../support/browser-page.ts';
import { needs } from '../support/needs.ts';
import { STRANGE_TROUBLE } from '../support/sample-history.ts';
import { HOSTILE, SampleSource } from '../support/sample-source.ts';

/** The page of a server with samples behind it. */
class OpenPage {
  readonly source: SampleSource;
  readonly server: Listening;
  readonly page: Page;
  readonly complaints: string[];
  readonly elsewhere: string[];
  readonly #browser: BrowserPage;
  readonly #ticking: ReturnType<typeof setInterval>;

  static async of(source: SampleSource): Promise<OpenPage> {
    const where = { kind: 'ip', host: '127.0.0.1', port: 0 } as const;
    const server = await new AdminServer({ source, stats: source.registry }).start(where);
    const port = server.address.kind === 'ip' ? server.address.port : 0;
    return new OpenPage(source, server, await BrowserPage.of(`http://127.0.0.1:${port}`));
  }

  private constructor(source: SampleSource, server: Listening, browser: BrowserPage) {
    this.source = source;
    this.server = server;
    this.#browser = browser;
    this.page = browser.page;
    this.complaints = browser.complaints;
    this.elsewhere = browser.elsewhere;
    this.#ticking = setInterval(() => source.tick(0.25), 250);
  }

  async close(): Promise<void> {
    clearInterval(this.#ticking);
    await this.#browser.close();
    await this.server.close();
  }

  sticksOut(width: number, height: number): Promise<{ wide: unknown; scrolls: unknown }> {
    return this.#browser.sticksOut(width, height);
  }
}

/** What is drawn some time after an answer has come, on however busy a machine. */
const soon = <T>(look: () => T) => expect.poll(look, { timeout: 30_000 });

const SCREENS = [
  [1280, 900],
  [800, 1000],
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
    await soon(names).toContain('SELECT orders order_items');
    await soon(() => page.locator('#connections tbody tr').count()).toBe(8);
    await soon(() => page.locator('#state').textContent()).toBe('live');
    await soon(() => page.locator('#where').textContent()).toBe('postgres 127.0.0.1:15432');
    await soon(() => page.locator('.tile.queries b').textContent()).toMatch(/^[\d,.]+K?$/);
    expect(await page.locator('#empty').isVisible()).toBe(false);
  });

  test('names of strangers are text, never markup', async () => {
    expect(await names()).toContain(HOSTILE);
    expect(await page.locator('img').count()).toBe(0);
    expect(await page.evaluate('window.pwned')).toBeUndefined();
  });

  test('a column head sorts, and says so', async () => {
    await page.locator('#queries th button', { hasText: 'Mean' }).click();
    await soon(async () => (await names())[0]).toBe('SELECT orders customers');
    expect(await page.locator('th[data-sort=mean]').getAttribute('aria-sort')).toBe('descending');
    expect(await page.locator('#queries th[aria-sort]').count()).toBe(1);
  });

  test('rows fold by a dimension', async () => {
    await page.locator('#by').selectOption('database');
    await soon(names).toEqual(expect.arrayContaining(['shop', 'warehouse']));
    expect(await rows().count()).toBe(2);
    await page.locator('#by').selectOption('error');
    await soon(names).toContain('57014');
    const cancelled = rows().filter({ hasText: '57014' });
    expect(await cancelled.locator('.text').textContent()).toBe('query_canceled');
    await page.locator('#by').selectOption('digest');
    await soon(() => rows().count()).toBe(13);
  });

  test('a click shows the whole text, and polling leaves it open', async () => {
    const row = page.locator('#queries tbody tr', { hasText: 'SELECT orders customers' });
    await row.locator('td.what').click();
    await soon(() => row.getAttribute('class')).toBe('whole');
    for (let polls = 0; polls < 2; polls++) await page.waitForResponse(/api\/queries/);
    expect(await row.getAttribute('class')).toBe('whole');
  });

  for (const [width, height] of SCREENS)
    test(`nothing sticks out at ${width} px`, async () =>
      expect(await opened.sticksOut(width, height)).toEqual({ wide: [], scrolls: width }));

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
    await soon(() => page.locator('#example').textContent()).toBe('psql -h 127.0.0.1 -p 15432 -U USER DATABASE');
    await soon(() => page.locator('#more').textContent()).toBe('Nobody is connected.');
  });

  test('it asked nobody else, and the browser had no complaint', () => {
    expect(opened.elsewhere).toEqual([]);
    expect(opened.complaints).toEqual([]);
  });

  test('when the server is gone the page says so', async () => {
    await opened.server.close();
    await soon(() => page.locator('#state').textContent()).toBe('no answer, trying again');
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
    await soon(async () => new Set(await badges('#connections'))).toEqual(new Set(['PostgreSQL', 'MySQL', 'Redis']));
    await soon(() => page.locator('#protocols button').allTextContents()).toEqual([
      'All',
      'MySQL',
      'PostgreSQL',
      'Redis',
    ]);
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
    await soon(async () => (await keys()).slice(0, 2)).toEqual(['product:17', 'session:9f31c2aa']);
    expect(await keys()).toContain('<img src=x onerror="window.pwned=1">');
    expect((await keys()).some((key) => /^thumbnail:x+…$/.test(key))).toBe(true);
    expect(await page.locator('img').count()).toBe(0);
    expect(await page.locator('#keys .meter span').first().textContent()).toBe('23%');
    await page.locator('#keys th button', { hasText: 'Bytes' }).click();
    await soon(async () => (await keys())[0]).toBe('page:/\\xff\\x00home');
    expect(await page.locator('#keys th[data-sort=bytes]').getAttribute('aria-sort')).toBe('descending');
  });

  test('hot keys of ZooKeeper are called paths', async () => {
    const said = () => page.locator('#hot h2, #keys th.key').allTextContents();
    await soon(said).toEqual([expect.stringMatching(/^Hot keys of .* for keys$/), 'Key']);
    const rows = opened.source.listenerRows;
    opened.source.listenerRows = rows.map((one) => (one.name === 'redis' ? { ...one, protocol: 'zookeeper' } : one));
    await page.reload();
    await soon(said).toEqual([expect.stringMatching(/^Hot paths of .* named a path$/), 'Path']);
    opened.source.listenerRows = rows;
    await page.reload();
    await soon(said).toEqual([expect.stringMatching(/^Hot keys of .* named a key$/), 'Key']);
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
    await soon(() => page.locator('#where').textContent()).toBe(
      'kafka 127.0.0.1:19092  ·  kafka 127.0.0.1:19093 → b2.example:9092',
    );
    await soon(() => page.locator('#addresses li').allTextContents()).toEqual(['127.0.0.1:19092']);
    await soon(() => page.locator('#example').textContent()).toBe('kcat -b 127.0.0.1:19092 -L');
    opened.source.listenerRows = rows;
    await page.reload();
    await soon(() => page.locator('#where').textContent()).toContain('redis');
  });

  const past = () => page.locator('#past .name').allTextContents();
  const line = (name: string) => page.locator(`#chart .line.${name}`).getAttribute('d');

  test('history: lines, what the range holds and its top queries, names of strangers as text', async () => {
    await soon(past).toEqual(['SELECT orders', 'HGET product:*', HOSTILE]);
    await soon(() => page.locator('#said-calls').textContent()).toBe('90K calls');
    await soon(() => page.locator('#said-errors').textContent()).toBe('120 errors');
    await soon(() => page.locator('#chart .scale').allTextContents()).toEqual(['100/s', '50/s', '40 ms', '20 ms']);
    expect((await line('calls'))!.match(/[ML]/g)).toHaveLength(89); // the last one is still filling
    // A line breaks where there was nothing to measure.
    expect((await line('p99'))!.match(/M/g)).toHaveLength(2);
    await page.locator('#chart').hover({ position: { x: 5, y: 60 } });
    await soon(() => page.locator('#said-p99').textContent()).toBe('p99 20 ms');
    await soon(() => page.locator('#when').textContent()).toMatch(/^\d\d:\d\d:\d\d$/);
    expect(await page.locator('img').count()).toBe(0);
  });

  test('another range is asked for at once; what is wrong is said, and live numbers go on', async () => {
    const { past } = opened.source;
    await page.locator('#ranges button', { hasText: '24 h' }).click();
    // The lines and the top queries are asked for side by side, in either order.
    const last = (by: 'time' | 'query') => past.asked.findLast((one) => one.by === by)!;
    const minutes = () => (['time', 'query'] as const).map((by) => Math.round((last(by).to - last(by).from) / 60_000));
    await soon(minutes).toEqual([1440, 1440]);
    expect(last('query')).toMatchObject({ by: 'query', limit: 8 });
    past.down = `the package chdb is not installed ${HOSTILE}`;
    await page.locator('#ranges button', { hasText: '6 h' }).click();
    await soon(() => page.locator('#trouble').textContent()).toBe(past.down);
    for (let polls = 0; polls < 2; polls++) await page.waitForResponse(/api\/queries/);
    past.down = null;
    await page.locator('#ranges button', { hasText: '1 h' }).click();
    await soon(() => page.locator('#trouble').textContent()).toBe('');
    // 503 is what it asked for, and the only complaint.
    expect(opened.complaints.splice(0).every((text) => text.includes('503'))).toBe(true);
  });

  test('sinks: how each is, and its trouble as text', async () => {
    const cells = (name: string) =>
      page.locator('#sinks tbody tr', { hasText: name }).locator('td:not(.what)').allTextContents();
    await soon(() => cells('history')).toEqual(['healthy', '91.2K', '91.2K', '0', '0', '0', '']);
    await soon(() => cells('collector')).toEqual(['failing', '91.2K', '80K', '34', '11K', '200', '1 min 15 s']);
    await soon(() => page.locator('#sinks .trouble').allTextContents()).toEqual(['', STRANGE_TROUBLE]);
    expect(await page.locator('img').count()).toBe(0);
  });

  for (const [width, height] of SCREENS)
    test(`nothing sticks out at ${width} px`, async () =>
      expect(await opened.sticksOut(width, height)).toEqual({ wide: [], scrolls: width }));

  test('a protocol filters the whole page', async () => {
    await choose('Redis');
    await soon(() => page.locator('#queries tbody tr').count()).toBe(6);
    await soon(() => opened.source.past.asked.at(-1)?.filters).toEqual({ protocol: 'redis' });
    await soon(() => page.locator('#connections tbody tr').count()).toBe(2);
    await soon(() => page.locator('#hot').isVisible()).toBe(true);
    expect(await page.locator('#queries .badge').first().isVisible()).toBe(false);
    await choose('MySQL');
    await soon(() => page.locator('#queries tbody tr').count()).toBe(3);
    await soon(() => page.locator('#hot').isVisible()).toBe(false);
    expect(await page.locator('#queries th.hits').isVisible()).toBe(false);
    await choose('All');
    await soon(() => page.locator('#queries tbody tr').count()).toBe(21);
  });

  test('it asked nobody else, and the browser had no complaint', () => {
    expect(opened.elsewhere).toEqual([]);
    expect(opened.complaints).toEqual([]);
  });
});
