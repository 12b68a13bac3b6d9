import { beforeAll, describe, expect, test } from 'vitest';
import type { Digest, SqlMode } from '../exchange/digest.ts';
import { loadSqlParser, SqlDigestCache, type SqlDigestCacheOptions, type SqlParser, type SqlParsers } from './cache.ts';

const ON: SqlMode = { dialect: 'postgres', standardConformingStrings: true };
const OFF: SqlMode = { dialect: 'postgres', standardConformingStrings: false };

let parser: SqlParsers;
beforeAll(async () => {
  parser = await loadSqlParser();
});

const make = (options: Partial<SqlDigestCacheOptions> = {}): SqlDigestCache =>
  new SqlDigestCache({ parser, now: () => performance.now(), ...options });
const read = (cache: SqlDigestCache, sql: string | Buffer, mode = ON) => {
  const buf = Buffer.from(sql);
  return cache.read(mode, buf, 0, buf.length);
};
const first = (cache: SqlDigestCache, sql: string | Buffer, mode = ON): Digest =>
  read(cache, sql, mode).statements[0]!.digest;
/** A statement too long to be parsed on the loop. */
const long = (table: string, columns = 2000): string =>
  `select ${Array.from({ length: columns }, (_, i) => `c${i}`).join(', ')} from ${table}`;

describe('reading', () => {
  test('a known text gives the same objects', () => {
    const cache = make();
    const reading = read(cache, 'select a from t where b = 1; select 2');
    const [a, b] = reading.statements.map((s) => s.digest);
    expect(reading.count).toBe(2);
    expect(read(cache, "SELECT a FROM t WHERE b = 'x' ; select $1")).toBe(reading);
    expect(reading.statements.map((s) => s.digest)).toEqual([a, b]);
    expect(reading.statements[0]!.digest).toBe(a);
    expect([cache.counts.misses, cache.counts.hits, cache.size]).toEqual([2, 2, 2]);
    expect(a!.slot).not.toBe(b!.slot);
  });

  test('statements lie where they are in the buffer that was given', () => {
    const cache = make();
    const buf = Buffer.from("xx'  select 1 ; select 2;yy");
    const reading = cache.read(ON, buf, 4, buf.length - 2);
    const texts = reading.statements.slice(0, reading.count).map((s) => buf.toString('latin1', s.start, s.end));
    expect(texts).toEqual(['select 1', 'select 2']);
  });

  test('nothing but blanks and comments is no statement', () => {
    for (const sql of ['', ' ', ';;', '/* x */;-- y']) expect(read(make(), sql).count).toBe(0);
  });

  test('ids are those of every process', () => {
    const a = first(make({ random: () => 1 }), 'select * from t where a = 1');
    const b = first(make({ random: () => 2 }), 'SELECT * FROM t WHERE a = $1');
    expect(a.id).toBe(b.id);
    expect(a.id).toMatch(/^[0-9a-f]{16}$/);
  });

  test('texts that differ in one name, operator or quote differ', () => {
    const cache = make();
    const sqls = [
      'select a from t',
      'select b from t',
      'select a from u',
      'select "a" from t',
      'select a from t.t',
      'select a > b',
      'select a >= b',
      'select a is null',
      'select a is not null',
      'select a is true',
      'select f(1)',
      'select f(1, 2)',
    ];
    expect(new Set(sqls.map((sql) => first(cache, sql).id)).size).toBe(sqls.length);
  });

  test('standard_conforming_strings decides how a text is cut, not what its form is called', () => {
    const cache = make();
    expect(read(cache, "select 'a\\'; drop table t; --'", ON).count).toBe(2);
    expect(read(cache, "select 'a\\'; drop table t; --'", OFF).count).toBe(1);
    const off = first(cache, "select b from t where a = 'x\\'y'", OFF);
    expect(off).toBe(first(cache, "select b from t where a = 'xy'", ON));
    expect(off.confidence).toBe('parsed');
  });

  test('text that is not UTF-8 is not decoded into other names (PG-22)', () => {
    const cache = make();
    const a = first(cache, Buffer.from('select * from a\xff', 'latin1'));
    const b = first(cache, Buffer.from('select * from a\xfe', 'latin1'));
    expect(a.id).not.toBe(b.id);
    expect([a.confidence, a.settled, a.targets]).toEqual(['none', true, []]);
    expect(first(cache, "select 1 from t where a = '\xff'").confidence).toBe('parsed');
  });

  test('a zero byte is no text for the parser', () => {
    expect(first(make(), 'select 1 \0 from t').confidence).toBe('none');
  });

  test('text above the cap: a prefix, truncated, no facts', () => {
    const cache = make();
    const row = "(1, 'some text'), ";
    const big = (n: number): string => `insert into t values ${row.repeat(n)}(2, 'x')`;
    const reading = read(cache, `select 1; ${big(10_000)}`);
    expect([reading.count, reading.truncated]).toEqual([2, true]);
    const { digest, end } = reading.statements[1]!;
    expect(end).toBe(`select 1; ${big(10_000)}`.length);
    expect([digest.truncated, digest.confidence, digest.settled, digest.targets]).toEqual([true, 'none', true, []]);
    expect([digest.operation, digest.text]).toEqual(['INSERT', 'insert into t values (?+) ...']);
    expect(reading.statements[0]!.digest.truncated).toBe(false);
    expect(first(cache, big(20_000))).toBe(digest);
    expect(first(cache, big(3))).not.toBe(digest);
    expect(cache.counts.truncated).toBe(2);
  });

  test('a literal is nowhere in a digest (TE-04)', () => {
    const cache = make();
    const sqls = [
      "select * from t where a = 'canary'",
      "select $$canary$$, E'canary', U&'canary'",
      "insert into t values ('canary')",
      "alter role r password 'canary'",
      "set x = 'canary'",
      "select * from t where where a = 'canary'",
      "select 'canary",
      "do 'canary'",
      "copy t from 'canary'",
      "comment on table t is 'canary'",
      '/* canary */ select 1 -- canary',
    ];
    for (const sql of sqls)
      for (const s of read(cache, sql).statements.slice(0, 1)) expect(JSON.stringify(s.digest)).not.toContain('canary');
  });
});

describe('facts do not come from another text', () => {
  test('a literal that the server would refuse does not spoil the digest for others', () => {
    const cache = make();
    const bad = first(cache, "select a from t where b = E'\\uZZZZ'");
    expect([bad.confidence, bad.targets.length]).toEqual(['parsed', 1]);
  });

  test('factsOf: this very text; code that is not seen stays partial', () => {
    const cache = make();
    const facts = (sql: string, mode = ON) => {
      const buf = Buffer.from(sql);
      return cache.factsOf(mode, buf, 0, buf.length);
    };
    expect(facts("select set_config('a', 'b', true) from t")).toMatchObject({
      operation: 'SELECT',
      summary: 'SELECT t',
      targets: [{ schema: '', name: 't', operations: ['select'] }],
      confidence: 'parsed',
    });
    expect(facts("do 'begin delete from t; end'")?.confidence).toBe('partial');
    expect(facts("select query_to_xml('select * from t', true, true, '')")?.confidence).toBe('partial');
    expect(facts('execute p')?.confidence).toBe('partial');
    expect(facts("set search_path = 'x'")?.confidence).toBe('parsed');
    expect(facts('selec 1')?.confidence).toBe('partial');
    expect(facts('select a\0')?.confidence).toBe('none');
    expect(facts('select 1; delete from t')?.targets).toEqual([{ schema: '', name: 't', operations: ['delete'] }]);
    expect(facts("select 'a\\'; delete from t; --'", OFF)?.targets).toEqual([]);
    expect(facts(long('t'))).toBeNull();
    expect(facts(`select '${'x'.repeat(70_000)}'`)).toBeNull();
    expect(facts(`select '${'x'.repeat(20_000)}' from t`)?.confidence).toBe('parsed');
  });
});

describe('when a statement is parsed', () => {
  test('short: at once', () => {
    const cache = make();
    const digest = first(cache, 'select 1 from t');
    expect([digest.settled, digest.confidence, cache.settle(digest, () => {})]).toEqual([true, 'parsed', true]);
    expect(cache.counts.parsedInline).toBe(1);
  });

  test('without a parser: from tokens, settled', () => {
    const digest = first(make({ parser: null }), 'select 1 from t');
    expect([digest.settled, digest.confidence]).toEqual([true, 'partial']);
  });

  test('long: by the thread; settle tells when', async () => {
    const cache = make();
    const digest = first(cache, long('big'));
    expect([digest.settled, digest.confidence, digest.summary]).toEqual([false, 'partial', 'SELECT big']);
    await new Promise<void>((done) => expect(cache.settle(digest, done)).toBe(false));
    expect([digest.settled, digest.confidence, cache.counts.parsedOffThread, cache.waiting]).toEqual([
      true,
      'parsed',
      1,
      0,
    ]);
    expect(cache.settle(digest, () => {})).toBe(true);
    cache.close();
  });

  test('a long list of literals is a short statement', () => {
    const cache = make();
    const digest = first(cache, `select * from t where a in (${Array.from({ length: 8000 }, (_, i) => i).join(',')})`);
    expect([digest.confidence, cache.counts.parsedInline]).toEqual(['parsed', 1]);
  });

  test('above the budget: by the thread, until time has passed', async () => {
    let now = 0;
    const slow: SqlParser = {
      ...parser.postgres,
      parse: (text) => {
        now += 30; // what a parse takes by this clock
        return parser.postgres.parse(text);
      },
    };
    const cache = make({
      parser: { ...parser, postgres: slow },
      now: () => now,
      limits: { parseMsPerSecond: 50, parseBurstMs: 50 },
    });
    expect(first(cache, 'select a1 from t').settled).toBe(true);
    expect(first(cache, 'select a2 from t').settled).toBe(true);
    const third = first(cache, 'select a3 from t');
    expect(third.settled).toBe(false);
    now += 1000;
    // The gate wants it now, and there is budget again.
    expect(cache.settle(third, () => {})).toBe(true);
    expect([third.confidence, cache.waiting]).toEqual(['parsed', 0]);
    const fourth = first(cache, 'select a4 from t');
    if (!fourth.settled) await new Promise<void>((done) => cache.settle(fourth, done) && done());
    expect(fourth.confidence).toBe('parsed');
    cache.close();
  });

  test('above the queue: settled as it is, and counted', async () => {
    const cache = make({ limits: { queuedParses: 2 } });
    const digests = [1, 2, 3, 4].map((i) => first(cache, long(`t${i}`)));
    expect(digests.map((d) => d.settled)).toEqual([false, false, true, true]);
    expect([digests[3]!.confidence, cache.counts.parseDropped]).toEqual(['partial', 2]);
    await new Promise<void>((done) => expect(cache.settle(digests[1]!, done)).toBe(false));
    expect([digests[0]!.confidence, digests[1]!.confidence, digests[3]!.confidence]).toEqual([
      'parsed',
      'parsed',
      'partial',
    ]);
    cache.close();
  });

  test('a statement that breaks the parser takes only itself along', async () => {
    const cache = make();
    const deep = first(cache, `select ${'not '.repeat(16_000)} a from t`);
    const sum = first(cache, `select ${'x + '.repeat(15_000)} x from t`);
    const after = first(cache, long('after'));
    await new Promise<void>((done) => expect(cache.settle(after, done)).toBe(false));
    expect([deep.settled, sum.settled]).toEqual([true, true]);
    expect([after.confidence, after.summary]).toEqual(['parsed', 'SELECT after']);
    expect(first(cache, 'select 1 from still_parsing').confidence).toBe('parsed');
    cache.close();
  });

  test('close settles what waits', async () => {
    const cache = make();
    const digest = first(cache, long('t'));
    const told = new Promise<void>((done) => expect(cache.settle(digest, done)).toBe(false));
    cache.close();
    await told;
    expect([digest.settled, digest.confidence]).toEqual([true, 'partial']);
    const later = first(cache, long('u'));
    expect([later.settled, later.confidence]).toEqual([true, 'partial']);
  });
});

describe('named digests', () => {
  test('one a name and protocol, with a slot of its own', () => {
    const cache = make();
    const call = cache.named('postgres', 'FunctionCall', 'function_call 123');
    expect(cache.named('postgres', 'FunctionCall', 'function_call 123')).toBe(call);
    expect([call.operation, call.protocol, call.settled, call.confidence, call.targets]).toEqual([
      'FunctionCall',
      'postgres',
      true,
      'parsed',
      [],
    ]);
    const others = [
      cache.named('postgres', 'FunctionCall', 'function_call 124'),
      cache.named('redis', 'FunctionCall', 'function_call 123'),
      cache.named('postgres', 'FunctionCal', 'lfunction_call 123'),
      first(cache, 'function_call 123'),
    ];
    expect(new Set([call, ...others].map((d) => d.slot)).size).toBe(5);
    expect(new Set([call, ...others].map((d) => d.id)).size).toBe(5);
    expect(make().named('postgres', 'FunctionCall', 'function_call 123').id).toBe(call.id);
    cache.named('redis', 'GET', 'é'.repeat(5000));
  });

  test('may bring what they touch', () => {
    const targets = [{ schema: '', name: 'user:*', operations: ['read'] }];
    const digest = make().named('redis', 'GET', 'GET user:*', { targets, confidence: 'partial' });
    expect([digest.targets, digest.confidence, digest.settled]).toEqual([targets, 'partial', true]);
  });

  test('one that is kept and used elsewhere stays; one that is not is let go, and its keeper is told', () => {
    const cache = make({ limits: { digests: 100 } });
    const used = cache.named('redis', 'GET', 'GET used:*');
    const unused = cache.named('redis', 'GET', 'GET unused:*');
    for (let i = 0; i < 500; i++) {
      cache.named('redis', 'GET', `GET ${i}`);
      expect(cache.holds(used)).toBe(true);
    }
    expect(cache.holds(unused)).toBe(false);
    expect(cache.holds(make().named('redis', 'GET', 'GET used:*'))).toBe(false);
    expect(cache.named('redis', 'GET', 'GET used:*')).toBe(used);
  });
});

describe('bounds', () => {
  test('200,000 distinct texts: no more digests and slots than the limit, and the hot one stays', {
    timeout: 60_000,
  }, () => {
    const cache = make({ parser: null, limits: { digests: 1000 } });
    const evicted: Digest[] = [];
    cache.onEvict = (digest) => {
      if (evicted.length < 10) evicted.push(digest);
    };
    const hot = first(cache, 'select hot from t');
    const buf = Buffer.alloc(64);
    let most = 0;
    for (let i = 0; i < 200_000; i++) {
      const length = buf.write(`select c${i} from t where a = 1`);
      const { digest } = cache.read(ON, buf, 0, length).statements[0]!;
      most = Math.max(most, digest.slot);
      if (i % 100 === 0) expect(first(cache, 'select hot from t')).toBe(hot);
    }
    expect(cache.size).toBe(1000);
    expect(most).toBeLessThan(1000);
    expect(cache.evictions).toBe(200_001 - 1000);
    expect(evicted).toHaveLength(10);
    expect(evicted[0]!.text).toContain('select c');
  });

  test('long texts are bounded by bytes', () => {
    const cache = make({ parser: null, limits: { bytes: 1_000_000 } });
    for (let i = 0; i < 500; i++) read(cache, long(`t${i}`, 1000));
    expect(cache.size).toBeLessThan(100);
    expect(cache.size).toBeGreaterThan(10);
  });

  test('many statements in one text leave no more than a few objects behind', () => {
    const cache = make({ parser: null });
    expect(read(cache, 'a;'.repeat(20_000)).count).toBe(20_000);
    expect(read(cache, 'a').statements.length).toBeLessThanOrEqual(256);
  });
});
