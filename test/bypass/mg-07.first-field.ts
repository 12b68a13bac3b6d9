import { Bson } from '../../protocol-filters/mongodb/bson/bson-type.ts';
import { bsonString, doc, i32, rawDoc } from '../../protocol-filters/mongodb/testing/wire-bytes.ts';
import { closes, FINE, type MongoRow, no, ok, on, unresolved } from './support/mongodb.ts';

const text = (name: string, value: string): [number, string, Buffer] => [Bson.string, name, bsonString(value)];
const DB = text('$db', 'shop');
const filter: [number, string, Buffer] = [Bson.document, 'filter', doc({})];
const deletes: [number, string, Buffer] = [Bson.array, 'deletes', doc({ 0: { q: {}, limit: 0 } })];

export const row: MongoRow = {
  id: 'MG-07',
  title: 'the first field',
  rules: ['R4', 'R6', 'R11'],
  cases: [
    on('find twice, the allowed one first', closes(rawDoc(text('find', 'orders'), text('find', 'secret'), DB))),
    on('find twice, the denied one first', closes(rawDoc(text('find', 'secret'), text('find', 'orders'), DB))),
    on('$db twice', closes(rawDoc(text('find', 't'), text('$db', 'shop'), text('$db', 'forbidden')))),
    on('$db twice, the same', closes(rawDoc(text('find', 'orders'), DB, DB))),
    on(
      'a field like an integer before the command',
      unresolved(rawDoc([Bson.int32, '1', i32(1)], text('find', 'secret'), DB)),
    ),
    on(
      'another command behind the first',
      ok(rawDoc(text('find', 'orders'), deletes, DB), { says: 'find shop.orders' }),
      ok(FINE),
    ),
    on(
      'what is denied first, an allowed command behind',
      no(rawDoc(text('delete', 'secret'), deletes, text('find', 'orders'), DB)),
    ),
    on('the collection in another field', no(rawDoc(text('find', 'secret'), text('collection', 'orders'), DB))),
    on('filter twice', closes(rawDoc(text('find', 'orders'), filter, filter, DB))),
    on('deletes twice', closes(rawDoc(text('delete', 'orders'), deletes, deletes, DB))),
    on('an unknown field twice', closes(rawDoc(text('find', 'orders'), text('zz', 'a'), text('zz', 'b'), DB))),
    on('no field', no(rawDoc(), { policy: 'sluice.unreadable' })),
    on('the database before the command', unresolved(rawDoc(DB, text('find', 'orders')))),
    on('a command in other letters', unresolved({ FIND: 'secret' }), unresolved({ Delete: 'secret', deletes: [] })),
    on(
      'a filter twice in one statement',
      closes(
        rawDoc(
          text('delete', 'orders'),
          [
            Bson.array,
            'deletes',
            rawDoc([
              Bson.document,
              '0',
              rawDoc([Bson.document, 'q', doc({})], [Bson.document, 'q', doc({ a: 1 })], [Bson.int32, 'limit', i32(0)]),
            ]),
          ],
          DB,
        ),
      ),
    ),
    on(
      'from twice in one $lookup',
      closes(
        rawDoc(
          text('aggregate', 'orders'),
          [
            Bson.array,
            'pipeline',
            rawDoc([
              Bson.document,
              '0',
              rawDoc([
                Bson.document,
                '$lookup',
                rawDoc(text('from', 'orders'), text('from', 'secret'), text('as', 'x')),
              ]),
            ]),
          ],
          [Bson.document, 'cursor', doc({})],
          DB,
        ),
      ),
    ),
    on(
      'two names of one stage',
      no(
        rawDoc(
          text('aggregate', 'orders'),
          [
            Bson.array,
            'pipeline',
            rawDoc([Bson.document, '0', rawDoc([Bson.document, '$match', doc({})], text('$out', 'orders'))]),
          ],
          [Bson.document, 'cursor', doc({})],
          DB,
        ),
        { policy: 'sluice.unreadable' },
      ),
    ),
  ],
};
