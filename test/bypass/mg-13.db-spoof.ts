import { Bson } from '../../protocol-filters/mongodb/bson/bson-type.ts';
import { bsonString, i32, opQuery, rawDoc } from '../../protocol-filters/mongodb/testing/wire-bytes.ts';
import { policySet } from '../../src/policy/policy.fixture.ts';
import { caseOf, closes, listed, type MongoRow, no, notAllowed, ok, on, raw, unreadable } from './support/mongodb.ts';

const text = (name: string, value: Buffer | string): [number, string, Buffer] => [
  Bson.string,
  name,
  typeof value === 'string' ? bsonString(value) : Buffer.concat([i32(value.length + 1), value, Buffer.of(0)]),
];
const find = (collection: Buffer | string, database: Buffer | string): Buffer =>
  rawDoc(text('find', collection), text('$db', database));
const latin = (value: string): Buffer => Buffer.from(value, 'latin1');
const utf8 = policySet([{ action: 'deny', name: 'hands_off', targets: ['geheim\u00fc', 'caf\u00e9.*'] }]);

export const row: MongoRow = {
  id: 'MG-13',
  title: 'the database is $db',
  rules: ['R6', 'R7', 'R11'],
  cases: [
    listed(
      'a prefix in the collection is part of its name',
      notAllowed({ find: 'shop.orders', $db: 'mine' }),
      notAllowed({ find: 'other.orders', $db: 'shop' }),
      ok({ find: 'orders', $db: 'shop' }),
    ),
    on(
      'the denied database',
      no({ find: 'orders', $db: 'forbidden' }),
      no({ dropDatabase: 1, $db: 'forbidden' }),
      no({ listCollections: 1, $db: 'forbidden' }),
    ),
    listed(
      'admin, config and local',
      notAllowed({ find: 'orders', $db: 'admin' }, { policy: null }),
      notAllowed({ find: 'orders', $db: 'config' }, { policy: null }),
      notAllowed({ find: 'orders', $db: 'local' }, { policy: null }),
    ),
    listed('$external', notAllowed({ find: 'orders', $db: '$external' }, { policy: null })),
    on('NUL in the collection', closes(find('orders\0secret', 'shop'))),
    on('NUL behind the denied name', closes(find('secret\0', 'shop'))),
    on('NUL in the database', closes(find('t', 'shop\0forbidden'))),
    on(
      'NUL in what $lookup reads',
      closes({ aggregate: 'orders', pipeline: [{ $lookup: { from: 'secret\0', as: 'x', pipeline: [] } }], cursor: {} }),
    ),
    ...['shop.x', 'sh/op', 'sh\\op', 'sh op', 'sh"op', 'sh$op', '', 'x'.repeat(64)].map((database) =>
      on(`a database ${JSON.stringify(database)}`, unreadable({ find: 'orders', $db: database })),
    ),
    on('no database', unreadable(rawDoc(text('find', 'orders')))),
    on('a database that is a number', unreadable(rawDoc(text('find', 'orders'), [Bson.int32, '$db', i32(1)]))),
    on('an empty collection', unreadable({ find: '' })),
    on(
      'a database for OP_QUERY',
      raw('denied', opQuery('a.b.$cmd', { isMaster: 1 }, { requestId: 1 }), { policy: 'sluice.unreadable' }),
    ),
    on('a collection with dots', no({ find: 't.secret', $db: 'forbidden' }), ok({ find: 'a.secret', $db: 'shop' })),
    caseOf(
      'bytes that are no UTF-8 are not what they look like',
      { policies: utf8, notReal: 'the strict server takes UTF-8 only' },
      ok(find(latin('geheim\xfc'), 'shop'), { says: 'find shop.geheim\ufffd' }),
      no({ find: 'geheim\u00fc' }),
      ok({ find: 'geheimu\u0308' }),
    ),
    caseOf(
      'a database beyond ASCII',
      { policies: utf8 },
      no({ find: 'x', $db: 'caf\u00e9' }),
      ok({ find: 'x', $db: 'cafe' }),
      ok({ find: 'x', $db: 'CAF\u00c9' }),
    ),
    on('letters are told apart by case', ok({ find: 'Secret' }), ok({ find: 'SECRET' }), no({ find: 'secret' })),
    on('letters that fold to others', ok({ find: '\u017fecret' }), no({ find: 'secret' })),
  ],
};
