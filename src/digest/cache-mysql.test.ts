import { describe, expect, test } from 'vitest';
import type { Digest, MysqlSqlMode, SqlMode } from '../exchange/digest.ts';
import { loadSqlParser, SqlDigestCache, type SqlDigestCacheOptions, type SqlParser } from './cache.ts';

const POSTGRES: SqlMode = { dialect: 'postgres', standardConformingStrings: true };
const MYSQL: MysqlSqlMode = {
  dialect: 'mysql',
  ansiQuotes: false,
  noBackslashEscapes: false,
  flavour: 'mysql',
  version: 80036,
};

const make = (options: Partial<SqlDigestCacheOptions> = {}): SqlDigestCache =>
  new SqlDigestCache({ parser: null, now: () => 0, ...options });
const first = (cache: SqlDigestCache, sql: string, mode: SqlMode = MYSQL): Digest => {
  const buf = Buffer.from(sql);
  return cache.read(mode, buf, 0, buf.length).statements[0]!.digest;
};
const settled = (cache: SqlDigestCache, digest: Digest): Promise<void> =>
  new Promise((done) => {
    if (cache.settle(digest, done)) done();
  });

describe('two dialects in one cache', () => {
  test('one text, two digests, whichever comes first', () => {
    for (const order of [
      [POSTGRES, MYSQL],
      [MYSQL, POSTGRES],
    ] as const) {
      const cache = make();
      const [a, b] = order.map((mode) => first(cache, 'select a from t where b = 1', mode));
      expect(a!.text).toBe(b!.text);
      expect(a!.id).not.toBe(b!.id);
      expect(a!.slot).not.toBe(b!.slot);
      expect([a!.protocol, b!.protocol]).toEqual(order.map((mode) => mode.dialect));
      expect(first(cache, 'select a from t where b = 2', order[0])).toBe(a);
      expect(first(cache, 'select a from t where b = 2', order[1])).toBe(b);
    }
  });

  test('cut texts too', () => {
    const cache = make();
    const big = `insert into t values ${'(1), '.repeat(20_000)}(2)`;
    const [a, b] = [first(cache, big), first(cache, big, POSTGRES)];
    expect([a.truncated, b.truncated, a.text === b.text, a === b]).toEqual([true, true, true, false]);
  });

  test('sql_mode decides how a text is read, not what its form is called', () => {
    const cache = make();
    const name = first(cache, 'select `a b` from t');
    expect(first(cache, 'select "a b" from t', { ...MYSQL, ansiQuotes: true })).toBe(name);
    expect(first(cache, 'select "a b" from t')).not.toBe(name);
    expect(cache.read({ ...MYSQL, noBackslashEscapes: true }, Buffer.from("select '\\'; x"), 0, 14).count).toBe(2);
    expect(cache.read(MYSQL, Buffer.from("select '\\'; x"), 0, 14).count).toBe(1);
  });

  test("sqlcommenter's trace context is read in both", () => {
    const trace = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const sql = Buffer.from(`select 1 /*traceparent='${trace}'*/`);
    expect(make().read(MYSQL, sql, 0, sql.length).traceparent).toBe(trace);
  });
});

describe("MySQL's parser", () => {
  test('is loaded by the first statement that asks; until then tokens', async () => {
    const parser = await loadSqlParser();
    const cache = make({ parser });
    first(cache, 'select 1 from t', POSTGRES);
    expect(parser.mysql.ready).toBe(false);
    const digests = ['select 1 from t1 for update', 'select 2 from t2'].map((sql) => first(cache, sql));
    expect(digests.map((d) => [d.settled, d.confidence])).toEqual([
      [false, 'partial'],
      [false, 'partial'],
    ]);
    expect(cache.waiting).toBe(2);
    await Promise.all(digests.map((digest) => settled(cache, digest)));
    expect(parser.mysql.ready).toBe(true);
    expect(digests.map((d) => d.confidence)).toEqual(['parsed', 'parsed']);
    expect(cache.waiting).toBe(0);
    expect(first(cache, 'select 3 from t3').confidence).toBe('parsed');
    cache.close();
  });

  test('cannot be loaded: tokens only, and the process lives', async () => {
    const parser = await loadSqlParser();
    const mysql: SqlParser = { ready: false, broken: false, parse: () => null, load: () => Promise.resolve() };
    Object.assign(mysql, { load: () => Promise.resolve(void Object.assign(mysql, { broken: true })) });
    const cache = make({ parser: { ...parser, mysql }, limits: { queuedParses: 0 } });
    const digest = first(cache, 'select 1 from t');
    await settled(cache, digest);
    expect([digest.settled, digest.confidence]).toEqual([true, 'partial']);
    expect(first(cache, 'select 1 from t', POSTGRES).confidence).toBe('parsed');
    cache.close();
  });

  test('more wait for it than may: settled as they are, and counted', async () => {
    const cache = make({ parser: await loadSqlParser(), limits: { queuedParses: 2 } });
    const digests = [1, 2, 3].map((i) => first(cache, `select a${i} from t`));
    expect(digests.map((d) => d.settled)).toEqual([false, false, true]);
    expect(cache.counts.parseDropped).toBe(1);
    await settled(cache, digests[1]!);
    cache.close();
  });

  test('close settles what waits for it', async () => {
    const cache = make({ parser: await loadSqlParser() });
    const digest = first(cache, 'select 1 from t');
    const told = settled(cache, digest);
    cache.close();
    await told;
    expect([digest.settled, digest.confidence]).toEqual([true, 'partial']);
  });

  test('a statement that would break it goes to the thread, and takes only itself along', async () => {
    const parser = await loadSqlParser();
    await parser.mysql.load();
    const cache = make({ parser, limits: { inlineChars: 60_000 } });
    const chain = first(cache, `select ${'x + '.repeat(5000)}x from t`);
    const long = first(cache, `select ${Array.from({ length: 2000 }, (_, i) => `c${i}`).join(', ')} from big`);
    expect([chain.settled, long.settled]).toEqual([false, false]);
    await settled(cache, long);
    expect([chain.confidence, long.confidence, long.summary]).toEqual(['partial', 'parsed', 'SELECT big']);
    expect([parser.mysql.broken, cache.counts.parsedOffThread]).toEqual([false, 2]);
    expect(first(cache, 'select 1 from still_parsing').confidence).toBe('parsed');
    cache.close();
  });

  test('a trap ends the instance of this thread, for good (so this test is the last)', async () => {
    const { mysql } = await loadSqlParser();
    await mysql.load();
    expect(mysql.parse('selec 1')).toBeNull();
    expect(mysql.broken).toBe(false);
    expect(mysql.parse(`select ${'x + '.repeat(5000)}x`)).toBeNull();
    expect(mysql.broken).toBe(true);
    expect(mysql.parse('select 1')).toBeNull();
    const parser = await loadSqlParser();
    const cache = make({ parser });
    const digest = first(cache, 'select 1 from t');
    await settled(cache, digest);
    expect([digest.confidence, cache.counts.parsedOffThread]).toEqual(['parsed', 1]);
    cache.close();
  });
});
