import {
  bodySection,
  i32,
  opCompressed,
  opMsg,
  opMsgOf,
  opQuery,
  sequenceSection,
} from '../../protocol-filters/mongodb/testing/wire-bytes.ts';
import { ends, FINE, type MongoCase, type MongoRow, on, TOUCHES } from './support/mongodb.ts';

const body = bodySection({ insert: 'secret', $db: 'shop' });
const sequence = sequenceSection({ identifier: 'documents', documents: [{ _id: 1, a: 'text' }] });
const message = opMsgOf([body, sequence]);
/** Where lengths stand: of the body, of the collection's name in it, of the sequence, of its document, of the text in that. */
const bodyAt = 16 + 4 + 1;
const nameAt = bodyAt + 4 + 1 + 'insert'.length + 1;
const sequenceAt = bodyAt + body.length - 1 + 1;
const documentAt = sequenceAt + 4 + 'documents'.length + 1;
const textAt = documentAt + 4 + 1 + 4 + 4 + 1 + 2;
const PLACES: readonly (readonly [name: string, at: number])[] = [
  ['the body', bodyAt],
  ['the name of the collection', nameAt],
  ['the sequence', sequenceAt],
  ['a document of the sequence', documentAt],
  ['a text in that', textAt],
];
const changed = (at: number, change: number): Buffer => {
  const out = Buffer.from(message);
  out.writeInt32LE(out.readInt32LE(at) + change, at);
  return out;
};
const each = ([name, at]: readonly [string, number]): MongoCase[] =>
  [-1, 1, 4, 1000, -1000].map((change) =>
    on(`${name}, ${change > 0 ? 'longer' : 'shorter'} by ${Math.abs(change)}`, ends(changed(at, change))),
  );

export const row: MongoRow = {
  id: 'X-03',
  title: 'lengths within a message',
  rules: ['R3', 'R6', 'R12'],
  cases: [
    ...PLACES.flatMap(each),
    on(
      'the size of what is compressed',
      ends(opCompressed(opMsg({ ...TOUCHES, $db: 'shop' }), 'zlib', { uncompressedSize: 20 })),
    ),
    on('a body past its message', ends(opMsgOf([Buffer.concat([Buffer.of(0), i32(500), Buffer.of(0)])]))),
    on('the query of an OP_QUERY', ends(opQuery('admin.$cmd', Buffer.concat([i32(99), Buffer.of(0)])))),
    on('a namespace without an end', ends(opQuery('x'.repeat(3), { isMaster: 1 }).fill(0x61, 20))),
    on(
      'a body of FINE that has another behind it',
      ends(opMsgOf([bodySection({ ...FINE, $db: 'shop' }), bodySection({ ...TOUCHES, $db: 'shop' })])),
    ),
  ],
};
