import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { which } from '../../scripts/debian-packages.mjs';
import { createSluice, type Sluice } from '../../src/index.ts';
import { BrowserPage, CHROMIUM } from '../support/browser-page.ts';
import { freePort } from '../support/free-port.ts';
import { needs } from '../support/needs.ts';
import { type RealRedis, startRealRedis } from '../support/real-redis.ts';
import { RedisWire } from '../support/redis-wire.ts';

/** Redis allows no blank in a client's name, and HTML needs none. */
const HOSTILE = '<img/src=x/onerror=window.pwned=1>';

const fileOf = (upstream: string, more = ''): string => `
proxies:
  - name: cache
    upstream: ${upstream}
    listen: 127.0.0.1:0
policies:
  - { name: no flush, action: deny, operations: flush }
  - { name: '${HOSTILE}', action: deny, mode: shadow, operations: read, targets: "secret:*" }
  - { name: 'slow down', action: limit, mode: shadow, operations: keyspace, limit: { rate: 1/h } }
${more}`;

describe('what policies say, on the live page', () => {
  let redis: RealRedis;
  let sluice: Sluice;
  let opened: BrowserPage;
  let client: RedisWire;
  let folder = '';
  let file = '';

  beforeAll(async () => {
    if (CHROMIUM === null || which('redis-server') === null) return;
    redis = await startRealRedis();
    folder = mkdtempSync(join(tmpdir(), 'sluice-policies-page-'));
    file = join(folder, 'sluice.yaml');
    writeFileSync(file, fileOf(redis.url));
    const admin = `127.0.0.1:${await freePort()}`;
    sluice = createSluice({ config: { file }, admin });
    await sluice.start();
    client = await RedisWire.to(Number(sluice.listeners[0]!.address.split(':').at(-1)));
    await client.send('CLIENT', 'SETNAME', HOSTILE);
    opened = await BrowserPage.of(`http://${admin}`);
  });

  beforeEach((context) => {
    needs(context, 'chromium');
    needs(context, 'redis');
  });

  afterAll(async () => {
    await opened?.close();
    await client?.end();
    await sluice?.stop();
    await redis?.stop();
    if (folder !== '') rmSync(folder, { recursive: true, force: true });
  });

  const soon = <T>(look: () => T) => expect.poll(look, { timeout: 30_000 });
  const policies = () => opened.page.locator('#policies .name').allTextContents();
  const policy = (name: string) =>
    opened.page.locator('#policies tbody tr').filter({ has: opened.page.locator('.name', { hasText: name }) });
  const refused = (name: string) => policy(name).locator('.refused').textContent();
  /** Verdict, query and the line under it, of each row of the list. */
  const list = async () => {
    const texts = (what: string) => opened.page.locator(`#verdicts ${what}`).allTextContents();
    const [said, names, who] = [await texts('.tag'), await texts('.name'), await texts('.text')];
    return said.map((verdict, i) => [verdict, names[i], who[i]].join(' | '));
  };

  test('policies stand there before they have said anything, with their modes', async () => {
    await soon(policies).toEqual(expect.arrayContaining(['no flush', HOSTILE, 'slow down']));
    expect(await opened.page.locator('#enforced').textContent()).toBe('1 enforced, 2 in shadow mode');
    expect(await policy('no flush').locator('.tag').textContent()).toBe('deny, enforced');
    expect(await policy('slow down').locator('.tag').textContent()).toBe('limit, in shadow');
    expect(await list()).toEqual([]);
    expect(await opened.page.locator('#noverdicts').textContent()).toBe('Nothing denied since Sluice began.');
  });

  test('a denied query appears with its policy and who it was, without reload', async () => {
    const loads: string[] = [];
    opened.page.on('framenavigated', (frame) => loads.push(frame.url()));
    expect(await client.send('FLUSHALL')).toMatchObject({ text: expect.stringContaining('NOPERM') });
    await soon(list).toEqual([`denied | FLUSHALL | default · ${HOSTILE} · 0 — no flush`]);
    await soon(() => refused('no flush')).toBe('1');
    expect(await policy('no flush').locator('.text').textContent()).toBe(`default · ${HOSTILE}: FLUSHALL`);
    expect(await opened.page.locator('.tile.denied').isVisible()).toBe(true);
    expect(loads).toEqual([]);
  });

  test('what a shadow policy would deny is told apart, and names of strangers are text', async () => {
    await client.send('GET', `secret:${HOSTILE}`);
    await soon(async () => (await list())[0]).toMatch(/^would be denied \| GET secret:.* — <img/);
    await soon(() => refused(HOSTILE)).toBe('1');
    expect(await opened.page.locator('#verdicts tbody tr').first().getAttribute('class')).toBe('shadow');
    expect(await opened.page.locator('img').count()).toBe(0);
    expect(await opened.page.evaluate('window.pwned')).toBeUndefined();
  });

  test('the list shows one policy, or one verdict', async () => {
    await policy('no flush').locator('.name').click();
    await soon(async () => (await list()).length).toBe(1);
    expect(await opened.page.locator('#anypolicy').textContent()).toBe('no flush ✕');
    await opened.page.locator('#anypolicy').click();
    await soon(async () => (await list()).length).toBe(2);
    await opened.page.locator('#verdict').selectOption('denied');
    await soon(list).toEqual([expect.stringMatching(/^denied /)]);
    await opened.page.locator('#verdict').selectOption('allowed');
    await client.send('SET', 'plain', '1');
    await soon(async () => (await list())[0]).toMatch(/^allowed \| SET plain/);
    await opened.page.locator('#verdict').selectOption('any_denied');
    await soon(async () => (await list()).length).toBe(2);
  });

  test('the top queries say which were denied', async () => {
    const tag = opened.page.locator('#queries tbody tr', { hasText: 'FLUSHALL' }).locator('.tag');
    await soon(() => tag.textContent()).toBe('1 denied');
  });

  test('a policy that the file gets is there, one that it loses says so', async () => {
    const more = '  - { name: no keys, action: deny, operations: keyspace }\n';
    writeFileSync(file, fileOf(redis.url, more).replace(/.*no flush.*\n/, ''));
    await sluice.reload();
    await soon(policies).toContain('no keys');
    await soon(() => policy('no flush').locator('.tag').textContent()).toBe('no longer in the file, enforced');
    await client.send('KEYS', '*');
    await soon(async () => (await list())[0]).toMatch(/^denied \| KEYS.* — no keys$/);
  });

  for (const width of [1400, 800, 390])
    test(`nothing sticks out at ${width} px`, async () =>
      expect(await opened.sticksOut(width, 900)).toEqual({ wide: [], scrolls: width }));

  test('the browser had no complaint', () => {
    expect(opened.elsewhere).toEqual([]);
    expect(opened.complaints).toEqual([]);
  });
});
