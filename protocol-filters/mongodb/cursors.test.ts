import { describe, expect, test } from 'vitest';
import { Side } from '../../src/exchange/side.ts';
import { StatsRegistry } from '../../src/stats/registry.ts';
import { filterEnv } from '../../test/support/filter-env.ts';
import { boundOf } from '../../test/support/story.ts';
import { Cursors, storyOf } from './cursors.ts';
import { mongodb } from './index.ts';
import { MongoStats } from './stats.ts';
import { envoy, firstBatch, long, nextBatch, own, play, stage, Talk, told, withOptions } from './testing/story.ts';
import { threeWays } from './testing/three-ways.ts';

const ORDERS = 'shop.orders';
const getMore = (id: bigint | number, more: object = {}) => ({ getMore: long(id), collection: 'orders', ...more });
const stats = ['opened', 'exhausted', 'killed', 'not_found', 'unknown', 'foreign', 'forgotten', 'open'] as const;
type Counts = Partial<Record<(typeof stats)[number], number>>;
const counts = (on: Parameters<typeof own>[0]): Counts =>
  Object.fromEntries(
    stats.flatMap((name) => (own(on, `cursors_${name}`) === 0 ? [] : [[name, own(on, `cursors_${name}`)]])),
  );

describe('the life of a cursor is one story', () => {
  const opened = (): Talk => new Talk().say({ find: 'orders', filter: { a: 1 } }, firstBatch(77, ORDERS, {}, {}));
  const FIND = 'find | find orders filter={a: ?number} | ok | returned 2 | story 77';
  const MORE = 'getMore | getMore <- find orders filter={a: ?number}';
  const KILL = { killCursors: 'orders', cursors: [long(77)] };
  const KILLED = { cursorsKilled: [long(77)], cursorsNotFound: [], cursorsAlive: [], cursorsUnknown: [] };
  const CASES: readonly (readonly [name: string, say: () => Talk, want: readonly string[], counted: Counts])[] = [
    [
      'read to its end',
      () =>
        opened()
          .say(getMore(77), nextBatch(77, ORDERS, {}))
          .say(getMore(77), nextBatch(0, ORDERS)),
      [FIND, `${MORE} | ok | returned 1 | story 77`, `${MORE} | ok | story 77`],
      { opened: 1, exhausted: 1 },
    ],
    [
      'killed',
      () =>
        opened().say(
          { killCursors: 'orders', cursors: [long(77)] },
          { cursorsKilled: [long(77)], cursorsNotFound: [], cursorsAlive: [], cursorsUnknown: [] },
        ),
      [FIND, 'killCursors | killCursors orders | ok | story 77'],
      { opened: 1, killed: 1 },
    ],
    [
      'gone when it was asked for',
      () => opened().say(getMore(77), { ok: 0, code: 43, codeName: 'CursorNotFound' }),
      [FIND, `${MORE} | error | 43 | story 77`],
      { opened: 1, not_found: 1 },
    ],
    [
      'killed while it was read',
      () => opened().say(getMore(77), { ok: 0, code: 237, codeName: 'CursorKilled' }),
      [FIND, `${MORE} | error | 237 | story 77`],
      { opened: 1, killed: 1 },
    ],
    [
      'a change stream is closed while it waits: killCursors is answered first',
      () => opened().say(KILL, KILLED).say(getMore(77), { ok: 0, code: 237, codeName: 'CursorKilled' }),
      [FIND, 'killCursors | killCursors orders | ok | story 77', 'getMore | getMore orders | error | 237 | story 77'],
      { opened: 1, killed: 1, unknown: 1 },
    ],
    [
      'a change stream is closed while it waits: getMore is answered first',
      () => {
        const t = opened().ask(getMore(77)).ask(KILL);
        t.answer({ ok: 0, code: 237, codeName: 'CursorKilled' }, { responseTo: t.requestId - 1 });
        return t.answer(KILLED);
      },
      [FIND, `${MORE} | error | 237 | story 77`, 'killCursors | killCursors orders | ok | pipelined | story 77'],
      { opened: 1, killed: 1 },
    ],
    ['left open', opened, [FIND], { opened: 1, open: 1 }],
    [
      'all in the first batch: none was opened',
      () => new Talk().say({ find: 'orders' }, firstBatch(0, ORDERS, {})),
      ['find | find orders | ok | returned 1'],
      {},
    ],
    [
      'opened where nobody saw it',
      () => new Talk().say(getMore(77), nextBatch(0, ORDERS, {})),
      ['getMore | getMore orders | ok | returned 1 | story 77'],
      { unknown: 1, exhausted: 1 },
    ],
    [
      'several killed at once, one unknown',
      () =>
        opened().say(
          { killCursors: 'orders', cursors: [long(77), long(78)] },
          { cursorsKilled: [long(77)], cursorsNotFound: [long(78)] },
        ),
      [FIND, 'killCursors | killCursors orders | ok | story 77'],
      { opened: 1, killed: 1, not_found: 1, unknown: 1 },
    ],
    [
      'ids of 64 bits',
      () =>
        new Talk()
          .say({ find: 'orders' }, firstBatch(0x7000_0001_0000_0003n, ORDERS))
          .say(getMore(0x7000_0001_0000_0003n), nextBatch(0, ORDERS)),
      ['find | find orders | ok | story 1879048194', 'getMore | getMore <- find orders | ok | story 1879048194'],
      { opened: 1, exhausted: 1 },
    ],
    [
      'of bulkWrite: results, no documents',
      () =>
        new Talk()
          .say(
            { bulkWrite: 1, ops: [{ insert: 0, document: {} }], nsInfo: [{ ns: ORDERS }], $db: 'admin' },
            { ...firstBatch(9, 'admin.$cmd.bulkWrite', { ok: 1 }), nErrors: 0, nInserted: 1 },
          )
          .say({ getMore: long(9), collection: '$cmd.bulkWrite', $db: 'admin' }, nextBatch(0, 'x', { ok: 1 })),
      [
        'bulkWrite | bulkWrite insert shop.orders | ok | affected 1 | story 9',
        'getMore | getMore <- bulkWrite insert shop.orders | ok | story 9',
      ],
      { opened: 1, exhausted: 1 },
    ],
  ];
  for (const [name, say, want, counted] of CASES)
    threeWays(
      name,
      () => say().script,
      (on) => {
        expect(told(on)).toEqual(want);
        expect(counts(on)).toEqual(counted);
      },
    );

  test('its lifetime is told in seconds', () => {
    const on = stage();
    const { script } = opened().say(getMore(77), nextBatch(0, ORDERS));
    for (const [who, bytes] of script) {
      on.harness.time += 1000;
      on.harness.feed(who === '>' ? Side.downstream : Side.upstream, bytes);
    }
    const { id } = on.stats.list.find(({ name }) => name.endsWith('cursor_lifetime'))!;
    expect(on.stats.histogram(id)).toMatchObject({ count: 1, sum: 2.002 });
    on.harness.finish();
  });

  test('it goes on over another connection of the same listener, with the same story', () => {
    const env = filterEnv();
    const bound = boundOf(mongodb, {}, env);
    play(opened().script, { bound });
    const second = play(new Talk().say(getMore(77), nextBatch(0, ORDERS, {})).script, { bound });
    expect(told(second)).toEqual([`${MORE} | ok | returned 1 | story 77`]);
    expect(env.stats.value('sluice.mongodb.p.cursors_open')).toBe(0);
    expect(env.stats.value('sluice.mongodb.p.cursors_unknown')).toBe(0);
  });
});

describe('MG-14 cursors of others', () => {
  const FOREIGN: readonly (readonly [name: string, command: object, foreign: number])[] = [
    ['the same collection', getMore(77), 0],
    ['another collection', { getMore: long(77), collection: 'secrets' }, 1],
    ['another database', getMore(77, { $db: 'crm' }), 1],
    ['no collection', { getMore: long(77), collection: '$cmd.bulkWrite' }, 1],
    ['killed by the same', { killCursors: 'orders', cursors: [long(77)] }, 0],
    ['killed in the name of another collection', { killCursors: 'secrets', cursors: [long(77)] }, 1],
  ];
  for (const [name, command, foreign] of FOREIGN)
    test(name, () => {
      const on = play(new Talk().say({ find: 'orders' }, firstBatch(77, ORDERS)).say(command, { ok: 1 }).script);
      expect(own(on, 'cursors_foreign')).toBe(foreign);
    });

  test('another user', () => {
    const env = filterEnv();
    const bound = boundOf(mongodb, {}, env);
    const auth = { authenticate: 1, mechanism: 'MONGODB-X509', user: 'CN=b', $db: '$external' };
    play(new Talk().say({ find: 'orders' }, firstBatch(77, ORDERS)).script, { bound });
    play(new Talk().say(auth, { ok: 1 }).say(getMore(77), nextBatch(77, ORDERS)).script, { bound });
    expect(env.stats.value('sluice.mongodb.p.cursors_foreign')).toBe(1);
  });
});

describe('waiting for data', () => {
  const tailable = { find: 'orders', tailable: true, awaitData: true };
  const watch = { aggregate: 'orders', pipeline: [{ $changeStream: {} }], cursor: {} };
  const CASES: readonly (readonly [name: string, opens: object, more: object, waits: boolean])[] = [
    ['a tailable cursor that awaits data', tailable, {}, true],
    ['one that does not', { ...tailable, awaitData: false }, {}, false],
    ['a change stream', watch, {}, true],
    ['any other cursor', { find: 'orders' }, {}, false],
  ];
  for (const [name, opens, more, waits] of CASES)
    threeWays(
      name,
      () => new Talk().say(opens, firstBatch(77, ORDERS)).say(getMore(77, more), nextBatch(77, ORDERS)).script,
      (on) => {
        expect(told(on)[1]!.includes('| waits')).toBe(waits);
        expect(told(on)[0]!.includes('| waits')).toBe(false);
        expect(own(on, 'await_data')).toBe(waits ? 1 : 0);
      },
    );

  test('of an unknown cursor a time limit says it', () => {
    const on = play(new Talk().say(getMore(5, { maxTimeMS: 1000 }), nextBatch(5, ORDERS)).script);
    expect(told(on)).toEqual(['getMore | getMore orders | ok | waits | story 5']);
  });

  test('what is pipelined behind it waits with it', () => {
    const t = new Talk().say(tailable, firstBatch(77, ORDERS)).ask(getMore(77)).ask({ ping: 1 });
    const on = play(t.script);
    expect(told(on).slice(1)).toEqual([
      'getMore | getMore <- find orders tailable=true awaitData=true | lost | waits | story 77',
      'ping | ping | lost | pipelined untimed',
    ]);
  });

  test('its time is no latency', () => {
    const on = play(new Talk().say(watch, firstBatch(77, ORDERS)).say(getMore(77), nextBatch(77, ORDERS)).script);
    const { id } = on.stats.list.find(({ name }) => name === 'mongo.p.cmd.getMore.reply_time_ms')!;
    expect(on.stats.histogram(id).count).toBe(0);
    expect(envoy(on, 'cmd.getMore.total')).toBe(1);
  });
});

describe('the table', () => {
  const table = (most = 3) => {
    const registry = new StatsRegistry();
    const cursors = new Cursors(new MongoStats(registry, 'p', [], 64), most);
    const open = (low: number, high = 0, openedAt = 0, upstream = 'a') =>
      cursors.open({
        ...{ low, high, upstream, openedAt, origin: null, namespace: 'd.c', user: '' },
        ...{ tails: false, holdsResults: false, facts: null },
      });
    const value = (name: string) => registry.value(`sluice.mongodb.p.cursors_${name}`);
    return { cursors, open, value };
  };

  test('forgets the one used longest ago', () => {
    const { cursors, open, value } = table();
    for (const id of [1, 2, 3]) open(id);
    expect(cursors.find(1, 0, 'a', 1)).not.toBeNull();
    open(4);
    expect([1, 2, 3, 4].filter((id) => cursors.find(id, 0, 'a', 1) !== null)).toEqual([1, 3, 4]);
    expect([cursors.size, value('forgotten'), value('open')]).toEqual([3, 1, 3]);
  });

  test('forgets those that servers close by themselves', () => {
    const { cursors, open, value } = table(100);
    open(1, 0, 0);
    open(2, 0, 300_000);
    open(3, 0, 700_000);
    expect([cursors.find(1, 0, 'a', 700_000), value('forgotten'), value('open')]).toEqual([null, 1, 2]);
  });

  test('tells cursors with one story, and those of several servers, apart', () => {
    const { cursors, open } = table(100);
    expect(storyOf(5, 0)).toBe(storyOf(0, 5));
    open(5, 0);
    open(0, 5);
    open(5, 0, 0, 'b');
    expect(cursors.size).toBe(3);
    cursors.close(5, 0, 'a', 1);
    expect([
      cursors.find(5, 0, 'a', 1),
      cursors.find(0, 5, 'a', 1)?.high,
      cursors.find(5, 0, 'b', 1)?.upstream,
    ]).toEqual([null, 5, 'b']);
    cursors.close(0, 5, 'a', 1);
    cursors.close(5, 0, 'b', 1);
    cursors.close(5, 0, 'b', 1);
    expect(cursors.size).toBe(0);
  });

  test('of which server, nobody asks while it is being dialled', () => {
    const { cursors, open } = table(100);
    open(5, 0, 0, 'b');
    expect(cursors.find(5, 0, '', 1)?.upstream).toBe('b');
  });

  test('an id that is opened again is one cursor', () => {
    const { cursors, open, value } = table(100);
    open(5);
    open(5, 0, 10);
    expect([cursors.size, value('open'), cursors.find(5, 0, 'a', 10)?.openedAt]).toEqual([1, 1, 10]);
  });

  test('a story is never 0', () => {
    expect(storyOf(0, 0)).toBe(1);
    expect(storyOf(-1, -1)).toBe(1);
    expect(storyOf(-1, 0)).toBe(0xffffffff);
  });

  test('is bounded by the option', () => {
    const options = withOptions({ cursors: 2 });
    const t = new Talk();
    for (let i = 1; i <= 5; i++) t.say({ find: 'orders' }, firstBatch(i, ORDERS));
    const on = play(t.script, { options });
    expect([own(on, 'cursors_open'), own(on, 'cursors_forgotten')]).toEqual([2, 3]);
  });
});
