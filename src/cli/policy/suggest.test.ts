import { describe, expect, test } from 'vitest';
import type { SeenFacts } from '../../digest/seen-facts.ts';
import { protocols } from '../../server/catalog.ts';
import { notationOf } from './notation.ts';
import type { Seen } from './seen.ts';
import { printSuggestion, Suggester } from './suggest.ts';

const vocabularyOf = (protocol: string) => protocols.find(({ name }) => name === protocol)?.vocabulary ?? null;

describe('a resource in the notation of its protocol, which means that one and no other', () => {
  const cases: [protocol: string, type: string, schema: string, name: string, notation: string | null][] = [
    ['postgres', 'table', '', 'orders', 'orders'],
    ['postgres', 'table', 'public', 'orders', 'public.orders'],
    ['postgres', 'table', 'Odd', 'T b', '"Odd"."T b"'],
    ['postgres', 'table', '', 'a"b.c', '"a""b.c"'],
    ['postgres', 'table', 'shop', '', 'shop.*'],
    ['postgres', 'function', '', 'pg_sleep', 'function=pg_sleep'],
    ['postgres', 'table', '', '\xff', null],
    ['mysql', 'table', 'shop', 'odd.name', 'shop.`odd.name`'],
    ['mysql', 'table', 'shop', 'a`b', 'shop.`a``b`'],
    ['mongodb', 'collection', 'shop', 'a.b', 'shop.a.b'],
    ['mongodb', 'database', 'shop', '', 'shop.*'],
    ['redis', 'key', '3', 'user:1', '3/user:1'],
    ['redis', 'channel', '', 'news', 'channel=news'],
    ['kafka', 'topic', '', 'orders', 'orders'],
    ['kafka', 'group', '', 'billing', 'group=billing'],
    ['kafka', 'cluster', '', 'kafka-cluster', 'cluster'],
    ['zookeeper', 'path', '', '/app/a', '/app/a'],
  ];
  for (const [protocol, type, schema, name, notation] of cases)
    test(`${protocol}: ${type} ${schema} ${name}`, () =>
      expect(notationOf({ type, schema, name }, vocabularyOf(protocol)!, false)).toBe(notation));

  test('a star in a name is no pattern, in a pattern it is', () => {
    const vocabulary = vocabularyOf('redis')!;
    expect(notationOf({ type: 'key', schema: '', name: 'user:*' }, vocabulary, false)).toBe('user:\\*');
    expect(notationOf({ type: 'key', schema: '', name: 'user:*' }, vocabulary, true)).toBe('user:*');
    expect(notationOf({ type: 'key', schema: '', name: 'user:', open: true }, vocabulary, false)).toBe('user:*');
  });
});

const seen = (change: Partial<Seen>): Seen => ({
  listener: 'shop',
  protocol: 'postgres',
  user: 'app',
  database: 'shop',
  application: 'web',
  driver: '',
  client: '',
  operation: 'SELECT',
  digest: '1',
  text: 'select',
  facts: null,
  flags: [],
  at: 0,
  wasDenied: false,
  calls: 1,
  ...change,
});
const touches = (...accesses: [string, string, string, string][]): SeenFacts => ({
  accesses,
  unresolved: '',
  has_where: true,
  limit: -1,
});
function suggest(all: Partial<Seen>[], options: { byApplication?: boolean } = {}) {
  const suggester = new Suggester({ byApplication: true, shadow: false, vocabularyOf, ...options });
  for (const one of all) suggester.add(seen(one));
  return suggester.finish();
}
/** `app/web: select,update orders,items` */
const brief = ({ policies }: ReturnType<typeof suggest>) =>
  policies.map(
    ({ users, applications, operations, targets }) =>
      `${users}/${applications ?? ''}: ${[operations].flat().join()} ${[targets].flat().join()}`,
  );

test('targets with the same verbs share a policy; what a verb has no resource for has one of its own', () => {
  const found = suggest([
    { facts: touches(['select', 'table', '', 'a'], ['select', 'table', '', 'b']) },
    { facts: touches(['update', 'table', '', 'c'], ['select', 'table', '', 'c'], ['session', '', '', '']) },
    { facts: touches(['admin', '', '', '']) },
    { facts: touches() },
  ]);
  expect(brief(found)).toEqual(['app/web: select a,b', 'app/web: select,update c', 'app/web: admin *']);
  expect([found.left, found.exchanges]).toEqual([[], 4]);
});

test('names are no patterns, and whom nobody named is anybody', () => {
  const facts = touches(['select', 'table', '', 'a']);
  const found = suggest([
    { user: 'a*b', facts },
    { user: '', application: '', facts },
  ]);
  expect(brief(found)).toEqual(['a\\*b/web: select a', '*/: select a']);
});

test('applications are told apart where that was asked for, and while they are few', () => {
  const of = (count: number) =>
    Array.from({ length: count }, (_, i) => ({ application: `w${i}`, facts: touches(['select', 'table', '', 'a']) }));
  expect(brief(suggest(of(2)))).toEqual(['app/w0: select a', 'app/w1: select a']);
  expect(brief(suggest(of(2), { byApplication: false }))).toEqual(['app/: select a']);
  expect(brief(suggest(of(21)))).toEqual(['app/: select a']);
});

test('what was denied is not allowed, and what was not seen is no reason', () => {
  expect(suggest([{ facts: touches(['select', 'table', '', 'a']), wasDenied: true }])).toEqual({
    policies: [],
    left: [],
    exchanges: 0,
    approximate: false,
  });
});

describe('of protocols whose digests judge nothing, what their digests tell', () => {
  type Told = [operation: string, ...targets: [string, string, string[]][]];
  const cases: [protocol: string, told: Told[], brief: string[], left: number][] = [
    [
      'redis',
      [
        ['GET', ['', 'user:*', ['read']]],
        ['SET', ['', 'user:*', ['write']]],
        ['PUBLISH', ['', 'news', ['publish']]],
        ['PING'],
        ['DBSIZE'],
        ['INFO'],
        ['CONFIG GET'],
        ['EVALSHA'],
      ],
      [
        'app/web: read,write user:*',
        'app/web: publish channel=news',
        'app/web: keyspace key=*',
        'app/web: admin,info *',
        'app/web: script script=*',
      ],
      0,
    ],
    ['redis', [['JSON.GET']], [], 1],
    [
      'mongodb',
      [
        ['find', ['shop', 'orders', ['select']]],
        ['aggregate', ['shop', 'orders', ['select']], ['shop', 'sums', ['insert', 'delete']]],
        ['createIndexes', ['shop', 'orders', ['alter']]],
        ['listCollections', ['shop', '', []]],
        ['hello'],
        ['serverStatus'],
        ['applyOps', ['shop', '', []]],
      ],
      [
        'app/web: index,read shop.orders',
        'app/web: delete,insert shop.sums',
        'app/web: metadata shop.*',
        'app/web: metadata *',
      ],
      1,
    ],
    [
      'kafka',
      [
        ['ApiVersions'],
        ['Produce', ['', 'orders', ['write']]],
        ['Fetch', ['', 'orders', ['read']]],
        ['OffsetCommit', ['', 'orders', ['read']], ['group', 'billing', ['read']]],
        ['ListGroups'],
        ['CreateAcls'],
        ['Fetch', ['', '…', ['read']]],
      ],
      [
        'app/web: read,write orders',
        'app/web: read group=billing',
        'app/web: describe group=*',
        'app/web: alter cluster',
      ],
      1,
    ],
    [
      'zookeeper',
      [
        ['getData', ['', '/brokers/ids/*', ['read']]],
        ['ping'],
        ['multi', ['', '/app/a', ['create', 'delete']]],
        ['reconfig'],
        ['ruok'],
      ],
      ['app/web: read /brokers/ids/*', 'app/web: create,delete /app/a', 'app/web: admin *'],
      0,
    ],
  ];
  for (const [protocol, told, want, left] of cases)
    test(`${protocol}: ${told.map(([operation]) => operation).join(', ')}`, () => {
      const found = suggest(told.map(([operation, ...targets]) => ({ protocol, operation, facts: { targets } })));
      expect([brief(found), found.left.length]).toEqual([want, left]);
    });
});

test('what cannot be said is told, heaviest first, on one line each', () => {
  const found = suggest([
    { text: 'select\n\u001b[2J ??', facts: { ...touches(), unresolved: 'does not parse' } as SeenFacts, calls: 3 },
    { text: 'select set_config(?)', facts: { targets: [] }, calls: 9 },
    { text: 'x', facts: touches(['select', 'table', '', '\\xff\udcff']) },
    { facts: touches(['select', 'table', '', 'a']) },
  ]);
  expect(found.left.map(({ what, calls }) => [what, calls])).toEqual([
    ['select set_config(?)', 9],
    ['select\n\u001b[2J ??', 3],
    ['x', 1],
  ]);
  const text = printSuggestion(found, 7);
  expect(text).toContain(
    '#   shop, app, web: select [2J ?? (3 times): nobody can read it for certain: does not parse\n',
  );
  expect(text).toContain('# 7 exchanges more were counted together and are not in it');
  expect(text).not.toContain('\u001b');
});
