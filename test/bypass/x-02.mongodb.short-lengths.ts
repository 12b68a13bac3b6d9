import { frame, opMsg } from '../../protocol-filters/mongodb/testing/wire-bytes.ts';
import { ends, FINE, type MongoRow, ok, on, TOUCHES } from './support/mongodb.ts';

const touches = opMsg({ ...TOUCHES, $db: 'shop' });
const withLength = (length: number): Buffer => {
  const out = Buffer.from(touches);
  out.writeInt32LE(length | 0, 0);
  return out;
};

export const row: MongoRow = {
  id: 'X-02',
  title: 'lengths below the header',
  rules: ['R3', 'R12'],
  cases: [
    ...[0, 1, 15, 16, 17, 20, 25].map((length) =>
      on(`a message of ${length} bytes`, ok(FINE), ends(withLength(length))),
    ),
    ...[2 ** 31 - 1, -(2 ** 31), -1, -16].map((length) => on(`a message of ${length} bytes`, ends(withLength(length)))),
    on('OP_COMPRESSED without its fields', ends(frame(2012, Buffer.alloc(8)))),
    on('OP_QUERY without its fields', ends(frame(2004, Buffer.alloc(8)))),
  ],
};
