import { Bson } from '../../protocol-filters/mongodb/bson/bson-type.ts';
import { bsonString, doc, i32, rawDoc } from '../../protocol-filters/mongodb/testing/wire-bytes.ts';
import { policySet } from '../../src/policy/policy.fixture.ts';
import { caseOf, closes, type MongoCase, type MongoRow, no, ok, unresolved } from './support/mongodb.ts';

const NAMES = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'prototype'];
const text = (name: string, value: string): [number, string, Buffer] => [Bson.string, name, bsonString(value)];

const of = (name: string): MongoCase[] => {
  const policies = policySet([{ action: 'deny', name: 'hands_off', targets: [name, `${name}.*`] }]);
  const more = { policies };
  return [
    caseOf(
      `a collection ${name}`,
      more,
      no({ find: name }),
      ok({ find: 'orders' }),
      no({ insert: name, documents: [{ _id: 1 }] }),
    ),
    caseOf(`a database ${name}`, more, no({ find: 'orders', $db: name }), ok({ find: 'orders', $db: 'shop' })),
    caseOf(
      `$lookup from ${name}`,
      more,
      no({ aggregate: 'orders', pipeline: [{ $lookup: { from: name, as: 'x', pipeline: [] } }], cursor: {} }),
    ),
    caseOf(`a command ${name}`, more, unresolved(rawDoc(text(name, 'orders'), text('$db', 'shop')))),
    caseOf(
      `a field ${name}, twice`,
      more,
      closes(
        rawDoc(text('find', 'orders'), [Bson.int32, name, i32(1)], [Bson.int32, name, i32(1)], text('$db', 'shop')),
      ),
    ),
    caseOf(
      `a stage ${name}`,
      more,
      unresolved(
        rawDoc(
          text('aggregate', 'orders'),
          [Bson.array, 'pipeline', rawDoc([Bson.document, '0', rawDoc([Bson.document, name, doc({})])])],
          [Bson.document, 'cursor', doc({})],
          text('$db', 'shop'),
        ),
      ),
    ),
  ];
};

export const row: MongoRow = {
  id: 'MG-08',
  title: 'names of what every object has',
  rules: ['R4', 'R6', 'R11'],
  cases: NAMES.flatMap(of),
};
