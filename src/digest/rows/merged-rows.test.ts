import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Flag, Outcome } from '../../exchange/exchange.ts';
import { MergedRows } from './merged-rows.ts';
import { FOLDS, parseQueryRequest, type QueryAnswer, type QuerySums } from './merged-rows-query.ts';
import { digestOf, exchangeOf, plain, sessionOf } from './rows.fixture.ts';
import { ROWS_VERSION, RowStore } from './rows.ts';
import { RowNumbers } from './rows-numbers.ts';

const WALL = 1_700_000_000_000;
const MARKS = [0, Flag.waits, Flag.hit, Flag.miss, Flag.waits | Flag.hit];

const drain = (rows: RowStore, tell: (part: Buffer) => void, bytes = 300): void => {
  for (let part = rows.changes(bytes); part; part = rows.changes(bytes)) tell(part);
};

/** One life of a worker, and a second facts that hears only it: what it has told. */
class Life {
  readonly rows = new RowStore({ maxRows: 4 });
  readonly heard = new MergedRows({ maxRows: 1000 });
  /** A session belongs to one worker, and remembers its number there. */
  readonly session = sessionOf(1);
  readonly worker: number;
  readonly incarnation: number;

  constructor(worker: number, incarnation: number) {
    this.worker = worker;
    this.incarnation = incarnation;
  }

  tell(facts: MergedRows, part: Buffer): void {
    expect(facts.apply(this.worker, this.incarnation, part)).toBe(true);
    this.heard.apply(this.worker, this.incarnation, part);
  }
}

describe('workers that die and come back, and connections that break', () => {
  const steps = fc.array(
    fc.oneof(
      { weight: 20, arbitrary: fc.tuple(fc.constant('record' as const), fc.nat(2), fc.nat(12)) },
      { weight: 4, arbitrary: fc.tuple(fc.constant('tell' as const), fc.nat(2), fc.nat(3)) },
      { weight: 1, arbitrary: fc.tuple(fc.constant('drain' as const), fc.nat(2), fc.nat(0)) },
      { weight: 1, arbitrary: fc.tuple(fc.constant('reconnect' as const), fc.nat(2), fc.nat(3)) },
      { weight: 1, arbitrary: fc.tuple(fc.constant('kill' as const), fc.nat(2), fc.nat(0)) },
    ),
    { maxLength: 200 },
  );
  for (const maxRows of [1, 3, 50]) {
    test(`at most ${maxRows} merged rows: everything told is counted, once`, () => {
      fc.assert(
        fc.property(steps, (list) => {
          const facts = new MergedRows({ maxRows });
          const all = [0, 1, 2].map((worker) => new Life(worker, 1));
          const live = [...all];
          for (const [what, worker, n] of list) {
            const life = live[worker]!;
            if (what === 'record') {
              const failed = n % 4 === 0 ? { outcome: Outcome.error, code: `E${n}` } : { flags: MARKS[n % 5]! };
              life.rows.record(exchangeOf(life.session, digestOf(n), failed), WALL + n);
            } else if (what === 'tell') {
              const part = life.rows.changes(100 * n);
              if (part) life.tell(facts, part);
            } else if (what === 'drain') {
              drain(life.rows, (part) => life.tell(facts, part));
              expect(plain(life.heard.totals())).toEqual(plain(life.rows.totals()));
            } else if (what === 'reconnect') {
              for (let i = 0; i < n; i++) life.rows.changes(50); // lost on the way
              life.rows.snapshot();
            } else {
              facts.retire(worker, life.incarnation);
              const late = life.rows.changes(50);
              if (late) expect(facts.apply(worker, life.incarnation, late)).toBe(false);
              live[worker] = new Life(worker, life.incarnation + 1);
              all.push(live[worker]);
            }
            expect(facts.rows.length).toBeLessThanOrEqual(maxRows);
          }
          for (const life of live) drain(life.rows, (part) => life.tell(facts, part));
          const want = new RowNumbers();
          for (const life of all) want.add(life.heard.totals());
          expect(plain(facts.totals())).toEqual(plain(want));
          for (const life of live) expect(plain(life.heard.totals())).toEqual(plain(life.rows.totals()));
        }),
        { numRuns: 100, seed: 11 },
      );
    });
  }
});

test('facts that begins anew knows after a snapshot what the worker knows', () => {
  const rows = new RowStore({ maxRows: 5 });
  const session = sessionOf(1);
  for (let i = 0; i < 100; i++) rows.record(exchangeOf(session, digestOf(i % 20)), WALL);
  drain(rows, () => {});
  const facts = new MergedRows();
  rows.snapshot();
  drain(rows, (part) => facts.apply(0, 1, part));
  expect(plain(facts.totals())).toEqual(plain(rows.totals()));
  expect(facts.rows.length).toBe(rows.size);
});

test('facts of a digest that improve later are told', () => {
  const rows = new RowStore();
  const facts = new MergedRows();
  const digest = digestOf(1, { settled: false, confidence: 'partial', summary: '', targets: [], operation: 'WITH' });
  const row = rows.record(exchangeOf(sessionOf(1), digest), WALL);
  rows.series[row] = 7;
  drain(rows, (part) => facts.apply(0, 1, part));
  expect(facts.query({}).queries[0]).toMatchObject({ summary: '', operation: 'WITH', targets: [] });
  Object.assign(digest, digestOf(1), { confidence: 'parsed', settled: true });
  drain(rows, (part) => facts.apply(0, 1, part));
  expect(facts.query({}).queries[0]).toMatchObject({ summary: 'SELECT t1', operation: 'SELECT', targets: ['t1'] });
  expect(rows.series[row]).toBe(-1);
});

test('garbage is counted, never thrown, and changes nothing', () => {
  const rows = new RowStore();
  const facts = new MergedRows();
  for (let i = 0; i < 5; i++) {
    rows.record(exchangeOf(sessionOf(1), digestOf(i), { outcome: 1, code: '42P01' }), WALL);
    rows.record(exchangeOf(sessionOf(1), digestOf(i), { flags: Flag.waits }), WALL);
  }
  const good = rows.changes()!;
  facts.apply(0, 1, good);
  const before = plain(facts.totals());
  for (let cut = 0; cut < good.length; cut++) {
    const { malformed } = facts;
    // Cut between sections it is a shorter tale, but a true one.
    if (!facts.apply(0, 1, good.subarray(0, cut))) expect(facts.malformed).toBe(malformed + 1);
  }
  expect(facts.malformed).toBeGreaterThan(good.length / 2);
  expect(plain(facts.totals())).toEqual(before);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(good.length - 1), (noise, at) => {
      const bytes = Buffer.from(good);
      bytes.set(noise.subarray(0, bytes.length - at), at);
      new MergedRows().apply(0, 1, bytes);
      new MergedRows().apply(0, 1, Buffer.concat([Buffer.from([ROWS_VERSION]), noise]));
    }),
    { numRuns: 500, seed: 3 },
  );
});

test('a digest in metrics is the sum of its rows, and does not fall when one of them is let go', () => {
  const facts = new MergedRows({ maxRows: 2, seed: 1 });
  const rows = new RowStore();
  const tell = () => drain(rows, (part) => facts.apply(0, 1, part));
  let last = 0;
  for (let n = 0; n < 40; n++) {
    for (const user of ['ann', `u${n % 4}`]) rows.record(exchangeOf(sessionOf(n, { user }), digestOf(1)), WALL);
    tell();
    const { rows: all, totals } = facts.digestRows((protocol) => `${protocol}ql`);
    const digests = [...all];
    expect(totals.calls).toBe((n + 1) * 2);
    expect(digests).toEqual([
      expect.objectContaining({ digest: digestOf(1).id, system: 'postgresql', summary: 'SELECT t1' }),
    ]);
    expect(digests[0]!.calls).toBeGreaterThanOrEqual(last);
    last = digests[0]!.calls;
  }
  expect(facts.evicted).toBeGreaterThan(0);
});

describe('queries', () => {
  const facts = new MergedRows();
  const rows = new RowStore({ maxRows: 40 });
  const users = ['ann', 'bob'].flatMap((user, i) =>
    ['shop', 'crm'].map((database, j) => sessionOf(i * 2 + j, { user, database, application: `app${j}` })),
  );
  for (let i = 0; i < 500; i++) {
    const n = (i * i) % 23;
    const targets = [`t${n % 3}`, ...(n % 4 === 0 ? ['orders'] : [])].map((name) => ({
      schema: '',
      name,
      operations: [],
    }));
    const digest = digestOf(n, { targets, operation: n % 2 ? 'SELECT' : 'UPDATE' });
    const failed = i % 7 === 0 ? { outcome: Outcome.error, code: i % 2 ? '42P01' : '23505' } : {};
    rows.record(
      exchangeOf(users[i % 4]!, digest, { ...failed, flags: i % 11 === 0 ? Flag.continuation : 0 }),
      WALL + i,
    );
  }
  drain(rows, (part) => facts.apply(0, 1, part));

  const sum = (parts: readonly QuerySums[]) => {
    const errors: Record<string, number> = {};
    const sums = { calls: 0, rows: 0, request_bytes: 0, reply_bytes: 0, time: 0, first_byte: 0 };
    for (const p of parts) {
      sums.calls += p.calls;
      sums.rows += p.rows_returned;
      sums.request_bytes += p.request_bytes;
      sums.reply_bytes += p.reply_bytes;
      sums.time += p.time.total_s;
      sums.first_byte += p.first_byte.total_s;
      for (const [code, n] of Object.entries(p.errors)) errors[code] = (errors[code] ?? 0) + n;
    }
    return { ...sums, errors };
  };
  const addsUp = (answer: QueryAnswer) => expect(sum([...answer.queries, answer.other])).toEqual(sum([answer.totals]));

  for (const by of [undefined, ...FOLDS]) {
    test(`by=${by ?? 'row'} adds up to the totals, whatever the limit`, () => {
      for (const limit of [0, 1, 3, 10_000]) {
        const answer = facts.query({ by, limit });
        addsUp(answer);
        expect(answer.queries.length).toBeLessThanOrEqual(limit);
        expect(answer.totals.calls).toBe(facts.totals().values[0]);
      }
    });
  }

  test('a filter leaves out what is known not to pass, and what is not known', () => {
    const answer = facts.query({ user: 'ann', database: 'shop', limit: 3 });
    addsUp(answer);
    expect(answer.queries.every((q) => q.user === 'ann' && q.database === 'shop')).toBe(true);
    expect(answer.unattributed).toBeDefined();
    expect(answer.totals.calls + facts.query({ user: 'bob' }).totals.calls).toBeLessThan(facts.query({}).totals.calls);
  });

  test('a join is a group of its own', () => {
    const groups = facts.query({ by: 'target' }).queries.map((q) => q.targets.join('+'));
    expect(groups).toContain('orders+t0');
    expect(new Set(groups).size).toBe(groups.length);
  });

  test('sorted largest first', () => {
    const calls = facts.query({ sort: 'calls' }).queries.map((q) => q.calls);
    expect(calls).toEqual([...calls].sort((a, b) => b - a));
  });

  test('hits, misses, redirects and waits', () => {
    const one = new MergedRows();
    const store = new RowStore();
    const session = sessionOf(1);
    const get = digestOf(1, { protocol: 'redis', operation: 'GET' });
    const pop = digestOf(2, { protocol: 'redis', operation: 'BLPOP' });
    for (const flags of [Flag.hit, Flag.hit, Flag.hit, Flag.miss, 0])
      store.record(exchangeOf(session, get, { flags }), WALL);
    store.record(exchangeOf(session, get, { outcome: Outcome.redirected, code: 'MOVED' }), WALL);
    store.record(exchangeOf(session, pop, { flags: Flag.waits }), WALL);
    drain(store, (part) => one.apply(0, 1, part));
    const [first, second] = one.query({ sort: 'hits' }).queries;
    expect(first).toMatchObject({ calls: 6, hits: 3, misses: 1, hit_ratio: 0.75, redirected: 1, errors: {}, waits: 0 });
    expect(first!.wait).toBeNull();
    expect(second).toMatchObject({ calls: 1, hit_ratio: null, waits: 1, wait: { total_s: 1, max_s: 1 } });
    expect(second!.time.total_s).toBe(0);
    expect(one.query({ by: 'protocol' }).queries).toEqual([expect.objectContaining({ protocol: 'redis', calls: 7 })]);
    for (const sort of ['misses', 'redirected'] as const) expect(one.query({ sort }).queries[0]!.operation).toBe('GET');
    for (const sort of ['waits', 'wait'] as const) expect(one.query({ sort }).queries[0]!.operation).toBe('BLPOP');
  });

  test('a row has the fields of the contract', () => {
    const one = new MergedRows();
    const store = new RowStore();
    const change = { outcome: Outcome.error, code: '42P01', rowsMatched: 4 };
    store.record(exchangeOf(sessionOf(1), digestOf(5), change), WALL);
    drain(store, (part) => one.apply(0, 1, part));
    expect(one.query({}).queries).toEqual([
      {
        digest: '0000000000000005',
        protocol: 'postgres',
        listener: 'shop',
        database: 'shop',
        user: 'ann',
        application: 'web',
        summary: 'SELECT t5',
        text: 'select * from t5 where id = ?',
        operation: 'SELECT',
        targets: ['t5'],
        facts: { targets: [['', 't5', ['select']]] },
        calls: 1,
        errors: { '42P01': 1 },
        denied: 0,
        cancelled: 0,
        lost: 0,
        skipped: 0,
        untimed: 0,
        rows_returned: 10,
        rows_affected: 0,
        rows_matched: 4,
        request_bytes: 100,
        reply_bytes: 1000,
        hits: 0,
        misses: 0,
        hit_ratio: null,
        redirected: 0,
        waits: 0,
        wait: null,
        time: {
          total_s: 1,
          mean_s: 1,
          p50_s: expect.closeTo(1, 1),
          p95_s: expect.closeTo(1, 1),
          p99_s: expect.closeTo(1, 1),
          max_s: 1,
        },
        first_byte: expect.objectContaining({ total_s: 0.125, max_s: 0.125 }),
        first_seen: '2023-11-14T22:13:20.000Z',
        last_seen: '2023-11-14T22:13:20.000Z',
        sample: 'select * from t5 where id = ?',
      },
    ]);
  });

  const requests: [query: string, want: unknown][] = [
    ['by=user&sort=calls&limit=5', expect.objectContaining({ by: 'user', sort: 'calls', limit: 5 })],
    ['', expect.objectContaining({ by: undefined, limit: undefined })],
    ['by=colour', expect.stringContaining('by: "colour" is none of digest')],
    ['sort=up', expect.stringContaining('sort: "up" is none of')],
    ['limit=-1', expect.stringContaining('limit')],
  ];
  for (const [query, want] of requests) {
    test(`?${query}`, () => expect(parseQueryRequest(new URLSearchParams(query))).toEqual(want));
  }
});
