import { bodySection, opCompressed, opMsgOf, opQuery } from '../../protocol-filters/mongodb/testing/wire-bytes.ts';
import { ends, FINE, type MongoRow, on } from './support/mongodb.ts';

const body = bodySection({ ...FINE, $db: 'shop' });
const grown = (message: Buffer, more: number): Buffer => {
  const out = Buffer.concat([message, Buffer.alloc(more)]);
  out.writeInt32LE(out.length, 0);
  return out;
};

export const row: MongoRow = {
  id: 'X-04',
  title: 'bytes behind the last field',
  rules: ['R3', 'R6'],
  cases: [
    ...[1, 2, 3, 4, 5, 6, 7, 8].map((more) => on(`${more} behind an OP_MSG`, ends(grown(opMsgOf([body]), more)))),
    ...[1, 4, 8].map((more) =>
      on(`${more} behind an OP_QUERY`, ends(grown(opQuery('admin.$cmd', { isMaster: 1 }), more))),
    ),
    ...[1, 4, 8].map((more) =>
      on(`${more} behind what is compressed by noop`, ends(grown(opCompressed(opMsgOf([body]), 'noop'), more))),
    ),
    on('8 within what is compressed', ends(opCompressed(grown(opMsgOf([body]), 8), 'zlib'))),
  ],
};
