import { Bson } from '../../protocol-filters/mongodb/bson/bson-type.ts';
import { bsonString, cstring, doc, i32, i64, rawDoc } from '../../protocol-filters/mongodb/testing/wire-bytes.ts';
import { caseOf, closes, FINE, type MongoCase, type MongoRow, no, ok, on, unreadable } from './support/mongodb.ts';

type Element = [type: number, name: string, value: Buffer];
const text = (name: string, value: string): Element => [Bson.string, name, bsonString(value)];
const find = (...elements: Element[]): Buffer => rawDoc(text('find', 'orders'), ...elements, text('$db', 'shop'));
const filter = (...elements: Element[]): Buffer => find([Bson.document, 'filter', rawDoc(...elements)]);
const NO_BSON: readonly (readonly [name: string, element: Element])[] = [
  ['a string of no bytes', [Bson.string, 'a', i32(0)]],
  ['a string that is too long', [Bson.string, 'a', Buffer.concat([i32(9), cstring('abc')])]],
  ['a string without its NUL', [Bson.string, 'a', Buffer.concat([i32(3), Buffer.from('abc')])]],
  ['a string of negative length', [Bson.string, 'a', Buffer.concat([i32(-1), cstring('abc')])]],
  ['a document of 4 bytes', [Bson.document, 'a', i32(4)]],
  ['a document past its parent', [Bson.document, 'a', Buffer.concat([i32(400), Buffer.of(0)])]],
  ['a document without its NUL', [Bson.document, 'a', Buffer.from([5, 0, 0, 0, 1])]],
  ['a document that ends early', [Bson.document, 'a', Buffer.from([7, 0, 0, 0, 0, 0, 0])]],
  ['an array of no bytes', [Bson.array, 'a', i32(0)]],
  ['a binary that is too long', [Bson.binary, 'a', Buffer.concat([i32(99), Buffer.of(0, 1)])]],
  ['a binary of negative length', [Bson.binary, 'a', Buffer.concat([i32(-5), Buffer.of(0)])]],
  ['an unknown type', [0x20, 'a', i32(1)]],
  ['type 0x80', [0x80, 'a', i32(1)]],
  ['a bool of 2', [Bson.bool, 'a', Buffer.of(2)]],
  ['a regular expression without an end', [Bson.regex, 'a', Buffer.from('abc')]],
  [
    'a code with scope whose parts do not agree',
    [Bson.codeWithScope, 'a', Buffer.concat([i32(20), bsonString('x'), i32(5), Buffer.of(0)])],
  ],
];
const DEPRECATED: readonly Element[] = [
  [Bson.undefined, 'a', Buffer.alloc(0)],
  [Bson.dbPointer, 'b', Buffer.concat([bsonString('shop.x'), Buffer.alloc(12)])],
  [Bson.symbol, 'c', bsonString('s')],
  [Bson.codeWithScope, 'd', Buffer.concat([i32(4 + 6 + 5), bsonString('x'), doc({})])],
  [Bson.timestamp, 'e', i64(5)],
  [Bson.minKey, 'f', Buffer.alloc(0)],
  [Bson.maxKey, 'g', Buffer.alloc(0)],
];
/** Bytes of a document without fields; of the length, the type and the name `a` of one that holds another. */
const EMPTY = 5;
const HEAD = 7;
/** `{ a: { a: … } }`, so many levels of it. */
function deep(levels: number): Buffer {
  // Written from the outside in, into one buffer: a hundred thousand that are wrapped one by one take a minute.
  const wraps = levels - 1;
  const whole = Buffer.alloc(wraps * (HEAD + 1) + EMPTY);
  for (let i = 0; i < wraps; i++) {
    whole.writeInt32LE((wraps - i) * (HEAD + 1) + EMPTY, i * HEAD);
    whole[i * HEAD + 4] = Bson.document;
    whole.write('a', i * HEAD + 5);
  }
  whole.writeInt32LE(EMPTY, wraps * HEAD);
  return whole;
}
const insert = (document: Buffer): Buffer =>
  rawDoc(
    text('insert', 'orders'),
    [Bson.array, 'documents', rawDoc([Bson.document, '0', document])],
    text('$db', 'shop'),
  );
const scripted = 'the strict server does not check it';
const quiet = (each: MongoCase): MongoCase => ({ ...each, notReal: scripted });

export const row: MongoRow = {
  id: 'MG-16',
  title: 'BSON within its bounds',
  rules: ['R3', 'R12'],
  cases: [
    ...NO_BSON.map(([name, element]) => on(`${name}, in a filter`, ok(FINE), closes(filter(element)))),
    ...NO_BSON.map(([name, element]) => on(`${name}, in a document`, closes(insert(rawDoc(element))))),
    ...NO_BSON.slice(0, 8).map(([name, element]) => on(`${name}, in the command`, closes(find(element)))),
    quiet(on('types that nobody writes any more', ok(filter(...DEPRECATED)), no({ find: 'secret' }))),
    quiet(on('90 levels of a filter', ok(find([Bson.document, 'filter', deep(90)])))),
    on('110 levels of a filter', unreadable(find([Bson.document, 'filter', deep(110)]))),
    quiet(on('150 levels of a document', ok(insert(deep(150))))),
    on('203 levels of a document', closes(insert(deep(203)))),
    on('100,000 levels of a document', closes(insert(deep(100_000)))),
    on(
      '300 fields',
      closes(
        rawDoc(
          text('find', 'orders'),
          ...Array.from({ length: 300 }, (_, i): Element => [Bson.null, `f${i}`, Buffer.alloc(0)]),
          text('$db', 'shop'),
        ),
      ),
    ),
    caseOf(
      'a document that is longer than its message',
      {},
      closes(Buffer.concat([i32(400), Buffer.from('abcdefgh'), Buffer.of(0)])),
    ),
    on(
      'a document that is shorter than its section',
      closes(Buffer.concat([doc({ find: 'orders', $db: 'shop' }), Buffer.of(0)])),
    ),
  ],
};
