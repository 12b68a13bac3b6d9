import { ask } from '../support/zookeeper-requests.ts';
import { closing, frame, no, ok, zooKeeperRow } from './support/zookeeper.ts';

const head = (xid: number, error: number): Buffer => {
  const bytes = Buffer.alloc(16);
  bytes.writeInt32BE(xid, 0);
  bytes.writeInt32BE(error, 12);
  return frame(bytes);
};
const SESSION_EXPIRED = -112;
const AUTH_FAILED = -115;
const get = ok(ask.getData('/app/a'), '*');
const xidOf = (bytes: Buffer): number => bytes.readInt32BE(4);
const refused = Buffer.concat([
  Buffer.alloc(4 + 4),
  Buffer.alloc(8),
  Buffer.from('00000010', 'hex'),
  Buffer.alloc(16),
  Buffer.of(0),
]);
const EXPIRED = frame(refused);

/** An error in the middle of it all: the server keeps its place in the stream, and what is denied stays denied. */
export const row = zooKeeperRow(
  'X-08',
  'after an error',
  ['R1', 'R3', 'R9'],
  [
    {
      name: 'of a request: the next is judged',
      sends: [ok(ask.getData('/app/none'), 'NONODE'), no(ask.delete('/forbidden/x'))],
    },
    {
      name: 'of a multi: the next is judged',
      sends: [
        ok(ask.exists('/app')),
        no(ask.multi([ask.delete('/app/none'), ask.delete('/forbidden/x')])),
        no(ask.delete('/forbidden')),
      ],
    },
    {
      name: 'the session has expired, and the client goes on',
      sends: [get, no(ask.delete('/forbidden/x'))],
      says: ['*', head(xidOf(get.bytes), SESSION_EXPIRED)],
    },
    {
      name: 'the beginning is refused: nothing behind it touches anything',
      sends: [no(ask.delete('/forbidden/x'))],
      says: [EXPIRED],
    },
    {
      name: 'a login that fails ends what it was for, not the judging',
      sends: [get, no(ask.delete('/forbidden/x'))],
      says: ['*', head(xidOf(get.bytes), AUTH_FAILED)],
    },
    {
      name: 'a packet that cannot be read behind a failed one',
      sends: [
        ok(ask.getData('/app/none'), 'NONODE'),
        closing(ask.delete('/forbidden/x'), (bytes) => {
          const longer = Buffer.concat([bytes, Buffer.alloc(3)]);
          longer.writeInt32BE(longer.length - 4, 0);
          return longer;
        }),
      ],
    },
  ],
);
