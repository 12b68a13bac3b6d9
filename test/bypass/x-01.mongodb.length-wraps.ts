import { opMsg } from '../../protocol-filters/mongodb/testing/wire-bytes.ts';
import { ends, FINE, type MongoRow, no, ok, on, raw, TOUCHES } from './support/mongodb.ts';

const fine = opMsg({ ...FINE, $db: 'shop' }, { requestId: 1 });
const touches = opMsg({ ...TOUCHES, $db: 'shop' }, { requestId: 2 });
const withLength = (bytes: Buffer, length: number): Buffer => {
  const out = Buffer.from(bytes);
  out.writeInt32LE(length | 0, 0);
  return out;
};

export const row: MongoRow = {
  id: 'X-01',
  title: 'lengths that wrap',
  rules: ['R2', 'R12'],
  cases: [
    // The tail of a message whose writer meant more than 4 GiB: to the server it is messages of its own.
    on(
      'what stands behind a message is one of its own',
      raw('allowed', fine, { says: 'find shop.orders' }),
      raw('denied', touches),
    ),
    on(
      'what looks like the content of a document is a message',
      ok(FINE),
      no(TOUCHES),
      ok(FINE),
      no({ drop: 'secret' }),
    ),
    on('a message of 48,000,001 bytes', ok(FINE), ends(withLength(touches, 48_000_001))),
    on('a message of 2 GiB less one', ends(withLength(touches, 2 ** 31 - 1))),
    on('a message whose length is below nothing', ends(withLength(touches, -1))),
    on('a length that has wrapped once is the length', raw('denied', withLength(touches, touches.length - 2 ** 32))),
    on('a shorter length makes two of one', ends(withLength(Buffer.concat([fine, touches]), 30))),
  ],
};
