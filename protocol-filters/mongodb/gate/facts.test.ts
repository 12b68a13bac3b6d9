import { UUID } from 'bson';
import { describe, expect, test } from 'vitest';
import { shownName } from '../../../src/exchange/operation-facts.ts';
import { type Doc, doc, opMsg, type SequenceOf } from '../testing/wire-bytes.ts';
import { CommandScan } from './command-scan.ts';
import { FactsCache } from './facts-record.ts';

const scan = new CommandScan();
const cache = new FactsCache();

/** The facts of a command, one line each. */
function factsOf(command: Doc, ...sequences: SequenceOf[]) {
  const message = opMsg(Buffer.isBuffer(command) || '$db' in command ? command : { ...command, $db: 'shop' }, {
    sequences,
  });
  scan.readMsg(message, 16, message.length);
  const facts = cache.of(scan.record);
  return {
    fault: scan.fault,
    doubt: scan.doubt,
    facts,
    told: facts.accesses.map(({ verb, type, schema, name }) =>
      [verb, type === '' ? '' : `${schema}.${shownName(name)}`].join(' ').trim(),
    ),
  };
}

const PIPE = (...pipeline: Record<string, unknown>[]) => ({ aggregate: 'a', pipeline, cursor: {} });
const CASES: readonly (readonly [
  name: string,
  command: Record<string, unknown>,
  told: readonly string[],
  more?: Record<string, unknown>,
])[] = [
  ['find', { find: 'a', filter: { x: 1 }, limit: 5 }, ['read shop.a'], { hasWhere: true, limit: 5 }],
  ['find of all', { find: 'a', filter: {} }, ['read shop.a'], { hasWhere: false, limit: -1 }],
  ['a negative limit', { find: 'a', limit: -3 }, ['read shop.a'], { limit: 3 }],
  ['a condition in a field of others', { find: 'a', query: { x: 1 } }, ['read shop.a'], { hasWhere: false }],
  [
    'a condition that findAndModify does not read',
    { findAndModify: 'a', filter: { x: 1 }, query: {}, remove: true },
    ['read shop.a', 'delete shop.a'],
    { hasWhere: false },
  ],
  [
    'a limit that delete does not read',
    { delete: 'a', deletes: [{ q: {}, limit: 0 }], limit: 1, filter: { x: 1 } },
    ['delete shop.a'],
    { hasWhere: false, limit: -1 },
  ],
  [
    'statements that find does not read',
    { find: 'a', filter: {}, updates: [{ q: { x: 1 }, u: {} }] },
    ['read shop.a'],
    { hasWhere: false, limit: -1 },
  ],
  [
    'a limit and a condition that aggregate does not read',
    { aggregate: 'a', pipeline: [], query: { x: 1 }, limit: 1, cursor: {} },
    ['read shop.a'],
    { hasWhere: false, limit: -1 },
  ],
  ['insert', { insert: 'a', documents: [{ $where: 1 }] }, ['insert shop.a'], { unresolved: '' }],
  [
    'update',
    { update: 'a', updates: [{ q: { x: 1 }, u: { $set: { x: 2 } } }] },
    ['update shop.a'],
    { hasWhere: true, limit: 1 },
  ],
  [
    'update of all',
    { update: 'a', updates: [{ q: {}, u: { $set: { x: 2 } }, multi: true }] },
    ['update shop.a'],
    { hasWhere: false, limit: -1 },
  ],
  [
    'one of two has no condition',
    {
      update: 'a',
      updates: [
        { q: { x: 1 }, u: { x: 1 } },
        { q: {}, u: { x: 1 } },
      ],
    },
    ['update shop.a'],
    { hasWhere: false, limit: 2 },
  ],
  [
    'upsert',
    { update: 'a', updates: [{ q: { x: 1 }, u: { x: 2 }, upsert: true }] },
    ['update shop.a', 'insert shop.a'],
  ],
  ['delete', { delete: 'a', deletes: [{ q: { x: 1 }, limit: 1 }] }, ['delete shop.a'], { hasWhere: true, limit: 1 }],
  ['delete of all', { delete: 'a', deletes: [{ q: {}, limit: 0 }] }, ['delete shop.a'], { hasWhere: false, limit: -1 }],
  [
    'findAndModify',
    { findAndModify: 'a', query: { x: 1 }, update: { x: 2 } },
    ['read shop.a', 'update shop.a'],
    { hasWhere: true, limit: 1 },
  ],
  [
    'findAndModify removes',
    { findandmodify: 'a', remove: true },
    ['read shop.a', 'delete shop.a'],
    { hasWhere: false },
  ],
  [
    'aggregate',
    PIPE({ $match: { x: 1 } }, { $limit: 3 }, { $project: { x: 1 } }),
    ['read shop.a'],
    { stages: ['$match', '$limit', '$project'], hasWhere: true, limit: 3 },
  ],
  [
    'aggregate may give more than its limit',
    PIPE({ $limit: 3 }, { $unwind: '$x' }),
    ['read shop.a'],
    { limit: -1, hasWhere: false },
  ],
  [
    '$lookup',
    PIPE({ $lookup: { from: 'b', as: 'x', pipeline: [{ $unionWith: 'c' }] } }),
    ['read shop.a', 'read shop.b', 'read shop.c'],
    { stages: ['$lookup', '$unionWith'] },
  ],
  ['$out', PIPE({ $out: { db: 'x', coll: 'y' } }), ['read shop.a', 'insert x.y', 'delete x.y']],
  [
    '$merge',
    PIPE({ $merge: { into: 'b', whenMatched: [{ $set: { a: 1 } }] } }),
    ['read shop.a', 'insert shop.b', 'update shop.b'],
  ],
  ['the database', { aggregate: 1, pipeline: [{ $changeStream: {} }], cursor: {} }, ['read shop.']],
  ['count and distinct', { distinct: 'a', key: 'x', query: { y: 1 } }, ['read shop.a'], { hasWhere: true }],
  ['listCollections', { listCollections: 1 }, ['metadata shop.']],
  ['listDatabases', { listDatabases: 1, $db: 'admin' }, ['metadata']],
  [
    'create',
    { create: 'v', viewOn: 'a', pipeline: [{ $lookup: { from: 'b', as: 'x' } }] },
    ['create shop.v', 'read shop.b', 'read shop.a'],
  ],
  [
    'renameCollection',
    { renameCollection: 'shop.a', to: 'x.b', $db: 'admin' },
    ['read shop.a', 'drop shop.a', 'alter shop.a', 'insert x.b', 'create x.b'],
  ],
  ['createIndexes', { createIndexes: 'a', indexes: [] }, ['index shop.a']],
  ['dropDatabase', { dropDatabase: 1 }, ['drop shop.']],
  ['createUser', { createUser: 'ann', pwd: 'x', roles: [] }, ['users shop.']],
  ['shutdown', { shutdown: 1, $db: 'admin' }, ['admin']],
  ['shardCollection', { shardCollection: 'shop.a', key: { x: 1 }, $db: 'admin' }, ['admin shop.a']],
  ['hello, ping, a login', { ping: 1 }, ['session']],
  ['commitTransaction', { commitTransaction: 1, $db: 'admin' }, ['transaction']],
  ['$where', { find: 'a', filter: { $or: [{ $where: '1' }] } }, ['read shop.a', 'code shop.a']],
  [
    '$currentOp',
    { aggregate: 1, pipeline: [{ $currentOp: {} }], cursor: {}, $db: 'admin' },
    ['read admin.', 'internal admin.'],
  ],
  ['the oplog', { find: 'oplog.rs', $db: 'local' }, ['read local.oplog.rs', 'internal local.oplog.rs']],
  ['buckets', { find: 'system.buckets.a' }, ['read shop.a', 'read shop.system.buckets.a']],
  [
    'explain',
    { explain: { delete: 'a', deletes: [{ q: {}, limit: 0 }] } },
    ['delete shop.a'],
    { operation: 'explain' },
  ],
  ['a UUID', { find: new UUID() }, ['read shop.'], { unresolved: 'its collection is not named' }],
  ['an unknown command', { frobnicate: 'a' }, ['internal'], { operation: 'frobnicate', unresolved: 'unknown command' }],
  ['an unknown stage', PIPE({ $frob: 1 }), ['read shop.a'], { unresolved: 'unknown stage', stages: ['$frob'] }],
];

describe('what a command does', () => {
  for (const [name, command, told, more] of CASES)
    test(name, () => {
      const read = factsOf(command);
      expect([read.fault, read.doubt]).toEqual([null, '']);
      expect(read.told).toEqual(told);
      if (more) expect(read.facts).toMatchObject(more);
    });

  test('statements in a sequence are as those in the body', () => {
    const statements = [{ q: { x: 1 }, limit: 1 }];
    const { facts } = factsOf({ delete: 'a' }, { identifier: 'deletes', documents: statements });
    expect(facts).toBe(factsOf({ delete: 'a', deletes: statements }).facts); // equal facts are one object
  });

  test('bulkWrite: each namespace with what is done to it, in any order', () => {
    const ops = [
      { insert: 1, document: { a: 1 } },
      { update: 0, filter: { a: 1 }, updateMods: { $set: { a: 1 } } },
      { delete: 1, filter: {} },
    ];
    const nsInfo = [{ ns: 'shop.a' }, { ns: 'x.b.c' }];
    const told = ['update shop.a', 'insert x.b.c', 'delete x.b.c'];
    expect(factsOf({ bulkWrite: 1, ops, nsInfo, $db: 'admin' }).told).toEqual(told);
    expect(
      factsOf(
        { bulkWrite: 1, $db: 'admin' },
        { identifier: 'nsInfo', documents: nsInfo },
        { identifier: 'ops', documents: ops },
      ).told,
    ).toEqual(told);
  });

  test('the same facts are the same object, others are not', () => {
    const { facts } = factsOf({ find: 'a', filter: { x: 1 } });
    expect(factsOf({ find: 'a', filter: { y: 'other' }, comment: 'x' }).facts).toBe(facts);
    for (const other of [
      { find: 'b', filter: { x: 1 } },
      { find: 'a' },
      { find: 'a', filter: { x: 1 }, limit: 1 },
      { count: 'a', query: { x: 1 } },
    ])
      expect(factsOf(other).facts).not.toBe(facts);
  });

  test('thousands of different facts stay bounded, and are right', () => {
    for (let i = 0; i < 10_000; i++) expect(factsOf({ find: `c${i}` }).told).toEqual([`read shop.c${i}`]);
  });

  test('a hundred thousand statements are judged', () => {
    const updates = Array.from({ length: 100_000 }, () => ({ q: { x: 1 }, u: { $set: { y: 2 } } }));
    expect(factsOf({ update: 'a' }, { identifier: 'updates', documents: updates })).toMatchObject({
      fault: null,
      doubt: '',
      told: ['update shop.a'],
    });
  });

  test('names are bytes', () => {
    const { facts } = factsOf(doc({ find: '\u00fc', $db: 'shop' }));
    expect(facts.accesses[0]!.name).toBe('\u00c3\u00bc');
  });
});
